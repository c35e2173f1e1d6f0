"""Measurement of Hα: equivalent width, width, velocity, peaks, each with its error.

``baseline`` puts a straight pseudo-continuum under the line and finds the noise,
``shape`` integrates and finds half maxima and peaks, ``lines`` is the way in
(for windows, many at a time, or one spectrum) and turns the measurements into
classes: the baseline that a network has to beat. ``quantities`` defines what
is published of a line, and what is true of a simulated one; ``scores`` says
how good measurements with errors are. Everything here is classical:
:mod:`~vo_emline.training.regression` improves upon it by a network.

Equivalent widths are **negative for emission** throughout.
"""

from vo_emline.measure.lines import (
    LineMeasurements,
    Thresholds,
    detect,
    measure_flux,
    measure_spectrum,
    measure_windows,
    strength,
)
from vo_emline.measure.quantities import QUANTITIES, Estimates, Quantity, measure_emission, true_values

__all__ = [
    "QUANTITIES",
    "Estimates",
    "LineMeasurements",
    "Quantity",
    "Thresholds",
    "detect",
    "measure_emission",
    "measure_flux",
    "measure_spectrum",
    "measure_windows",
    "strength",
    "true_values",
]

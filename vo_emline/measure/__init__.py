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

from typing import TYPE_CHECKING

from vo_emline.lazy import lazily

if TYPE_CHECKING:
    from vo_emline.measure.lines import LineMeasurements as LineMeasurements
    from vo_emline.measure.lines import Thresholds as Thresholds
    from vo_emline.measure.lines import detect as detect
    from vo_emline.measure.lines import measure_flux as measure_flux
    from vo_emline.measure.lines import measure_spectrum as measure_spectrum
    from vo_emline.measure.lines import measure_windows as measure_windows
    from vo_emline.measure.lines import strength as strength
    from vo_emline.measure.quantities import QUANTITIES as QUANTITIES
    from vo_emline.measure.quantities import Estimates as Estimates
    from vo_emline.measure.quantities import Quantity as Quantity
    from vo_emline.measure.quantities import measure_emission as measure_emission
    from vo_emline.measure.quantities import true_values as true_values

__getattr__, __dir__ = lazily(
    __name__,
    {
        "lines": "LineMeasurements Thresholds detect measure_flux measure_spectrum measure_windows strength",
        "quantities": "Estimates QUANTITIES Quantity measure_emission true_values",
    },
)

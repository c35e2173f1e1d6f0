"""Classical measurement of Hα: equivalent width, width, velocity, peaks, each with its error.

``baseline`` puts a straight pseudo-continuum under the line and finds the noise,
``width`` integrates, ``shape`` finds half maxima and peaks, ``lines`` is the
way in (for windows, many at a time, or one spectrum), and ``detector`` turns
the measurements into classes: the baseline that a network has to beat.

Equivalent widths are **negative for emission** throughout.
"""

from vo_emline.measure.detector import Thresholds, detect, strength
from vo_emline.measure.lines import LineMeasurements, measure_flux, measure_spectrum, measure_windows

__all__ = [
    "LineMeasurements",
    "Thresholds",
    "detect",
    "measure_flux",
    "measure_spectrum",
    "measure_windows",
    "strength",
]

"""What is measured of a line, defined once: for measurement, truth, regression and published columns.

All quantities are those of the line **as observed**: photosphere, emission and
whatever a shell takes away together, at the line spread of the survey, against
a straight pseudo-continuum. What a simulated spectrum truly has is found by the
same definitions, on the same spectrum without noise (:func:`true_values`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from vo_emline.arrays import Column, FloatArray
from vo_emline.measure.lines import LineMeasurements, measure_flux, measure_windows
from vo_emline.measure.shape import DIP, LINE_HALF_WIDTH
from vo_emline.preprocess.windows import WindowSet

ANGSTROM: Final = "0.1nm"
"""The ångström in the VOUnits standard, which has deprecated its name (VOUnits 1.1)."""


KMS: Final = "km.s**-1"
"""Kilometres per second, as VOTable writers spell it by the VOUnits standard."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """One quantity of a line."""

    name: str
    """Name of the published column; that of its error is :attr:`error_name`."""
    unit: str | None
    """Unit in the VOUnits standard; None for a ratio."""
    ucd: str
    description: str
    """What it is, in ASCII."""
    measured: tuple[str, str]
    """Members of :class:`~vo_emline.measure.LineMeasurements` that hold it and its error."""
    positive: bool
    """Whether it can only be positive, so that its errors are proportional to it."""
    double: bool = False
    """Whether only double-peaked lines have it."""

    @property
    def error_name(self) -> str:
        """Name of the column with the standard deviation."""
        return f"{self.name}_error"


QUANTITIES: Final = (
    Quantity(
        name="ew", unit=ANGSTROM, ucd="spect.line.eqWidth;em.line.Halpha",
        measured=("ew", "ew_error"), positive=False,
        description="Equivalent width of H-alpha as observed, photosphere and emission together, within "
        "16 Angstrom of the line at rest, or 1.33 widths of emission wider than 550 km/s, over a straight "
        "local pseudo-continuum beside it, in Angstrom; emission is negative",
    ),
    Quantity(
        name="fwhm", unit=KMS, ucd="spect.line.width;em.line.Halpha",
        measured=("fwhm_kms", "fwhm_error"), positive=True,
        description="Full width of the emission above the pseudo-continuum between its outermost points of "
        "half maximum, as observed: the line spread of the instrument is not taken out",
    ),
    Quantity(
        name="radial_velocity", unit=KMS, ucd="spect.dopplerVeloc.opt;em.line.Halpha",
        measured=("velocity_kms", "velocity_error"), positive=False,
        description="Velocity of the middle between the outermost points of half maximum of the emission, "
        "against 6564.614 Angstrom (vacuum), in the frame of the survey's wavelengths (LAMOST: heliocentric)",
    ),
    Quantity(
        name="peak_separation", unit=KMS, ucd="phys.veloc;arith.diff;spect.line",
        measured=("separation_kms", "separation_error"), positive=True, double=True,
        description="Velocity between the violet and the red maximum of a double-peaked line",
    ),
    Quantity(
        name="vr_ratio", unit=None, ucd="spect.line.asymmetry;em.line.Halpha",
        measured=("violet_to_red", "violet_to_red_error"), positive=True, double=True,
        description="V/R: height of the violet over that of the red maximum of a double-peaked line, both "
        "above the pseudo-continuum",
    ),
)  # fmt: skip
"""The quantities, in the order of the columns of :class:`Estimates`."""

CONTINUUM_ERROR: Final = 0.01
"""Relative error of a straight pseudo-continuum at Hα that no noise explains: residues of the response and
of molecular bands. On simulated spectra of S/N over 100 it is what equivalent widths scatter by."""

N_QUANTITIES: Final = len(QUANTITIES)

_DOUBLE: Final = np.array([quantity.double for quantity in QUANTITIES])
_LENGTH: Final = np.array([quantity.unit is not None for quantity in QUANTITIES])
"""Quantities that are wavelengths or velocities."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimates:
    """Measured :data:`QUANTITIES` of n lines; NaN where one cannot be had."""

    value: FloatArray
    """Shape (n, 5)."""
    error: FloatArray
    """Standard deviations, shape (n, 5)."""

    def __len__(self) -> int:
        """Count the lines."""
        return len(self.value)


def estimates(lines: LineMeasurements) -> Estimates:
    """Pick the quantities from classical measurements; a value without a finite error is none.

    To the error of the equivalent width that of the continuum's course under
    the line is added (:data:`CONTINUUM_ERROR`).
    """
    value, error = (
        np.stack([getattr(lines, quantity.measured[part]) for quantity in QUANTITIES], axis=1)
        for part in (0, 1)
    )
    error[:, 0] = np.hypot(error[:, 0], CONTINUUM_ERROR * (2.0 * LINE_HALF_WIDTH - value[:, 0]))
    known = np.isfinite(value) & np.isfinite(error)
    return Estimates(value=np.where(known, value, np.nan), error=np.where(known, error, np.nan))


def stretched(found: Estimates, stretch: Column) -> Estimates:
    """Give quantities that were measured where wavelengths are stretched as they are in the spectrum.

    Parameters
    ----------
    found
        What was measured, n lines.
    stretch
        By how much wavelengths from Hα were divided, shape (n,).
    """
    factor = np.where(_LENGTH, stretch[:, None], 1.0)
    return Estimates(value=found.value * factor, error=found.error * factor)


def measure_emission(windows: WindowSet) -> Estimates:
    """Measure the emission in prepared windows classically."""
    return estimates(measure_windows(windows, emission=True))


def true_values(clean: FloatArray) -> FloatArray:
    """Give the quantities of noise-free windows, shape (n, 140) → (n, 5).

    Lines without emission above the pseudo-continuum have an equivalent width
    alone; those whose dip is below :data:`~vo_emline.measure.shape.DIP` of
    their height are not double-peaked.
    """
    lines = measure_flux(clean, None, emission=True)
    value = estimates(lines).value
    return np.where(_DOUBLE & (lines.dip < DIP)[:, None], np.nan, value)

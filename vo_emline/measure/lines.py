"""Measuring Hα in windows, many at a time, or in one spectrum; and a detector by these measurements."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from vo_emline.arrays import FloatArray, Pixels
from vo_emline.errors import DataError
from vo_emline.labels import ABSORPTION, DOUBLE_PEAK, EMISSION
from vo_emline.measure.baseline import Baseline, fit_baseline
from vo_emline.measure.shape import DIP, equivalent_width, find_peaks, local_excess, measure_profile
from vo_emline.preprocess.windows import GRID, WINDOW_VAC, WindowSet
from vo_emline.spectra.spectrum import Spectrum

MIN_PIXELS = 60
"""A spectrum with fewer pixels in the window around Hα is not measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LineMeasurements:
    """Hα of n spectra, each array of shape (n,); NaN where a quantity cannot be had.

    Errors are standard deviations.
    """

    ew: FloatArray
    """Equivalent width, Å; **emission is negative**."""
    ew_error: FloatArray
    significance: FloatArray
    """|EW| over its error."""
    excess: FloatArray
    """How much the core sticks out of its surroundings, Å; positive for emission,
    also where it only fills a photospheric line in."""
    excess_error: FloatArray
    height: FloatArray
    """Extreme flux relative to the continuum: positive above, negative below."""
    fwhm_kms: FloatArray
    fwhm_error: FloatArray
    velocity_kms: FloatArray
    """Velocity of the line against Hα at rest, km/s, redshift positive."""
    velocity_error: FloatArray
    dip: FloatArray
    """Depth of the dip between two maxima over the height of the line; 0 for one maximum."""
    dip_significance: FloatArray
    separation_kms: FloatArray
    """Velocity between the two maxima."""
    separation_error: FloatArray
    violet_to_red: FloatArray
    violet_to_red_error: FloatArray
    snr: FloatArray
    """Signal-to-noise ratio per pixel beside the line."""

    def __len__(self) -> int:
        """Count the spectra."""
        return len(self.ew)

    def to_table(self) -> pa.Table:
        """Give an Arrow table of one row per spectrum, NaN as null."""
        fields = dataclasses.fields(self)
        return pa.table(
            {field.name: pa.array(getattr(self, field.name), from_pandas=True) for field in fields}
        )


def measure_flux(
    flux: npt.ArrayLike,
    ivar: npt.ArrayLike | None,
    *,
    wavelength_vac: Pixels = GRID,
    emission: bool = False,
) -> LineMeasurements:
    """Measure Hα in spectra that share their wavelengths.

    Parameters
    ----------
    flux
        Flux, with the slope of the continuum or without, but not standardised:
        the continuum must be positive. Shape (n, k).
    ivar
        Inverse variance of `flux`, shape (n, k), 0 where unknown; None to take
        the noise from the scatter alone.
    wavelength_vac
        Vacuum wavelengths, Å, shape (k,); the side bands must be covered.
    emission
        Whether height, width and velocity are those of what rises above the continuum;
        otherwise of the stronger of emission and absorption.
    """
    weights = None if ivar is None else np.asarray(ivar, dtype=np.float64)
    baseline = fit_baseline(np.asarray(flux, dtype=np.float64), weights, wavelength_vac=wavelength_vac)
    return measure_baseline(baseline, emission=emission)


def measure_baseline(baseline: Baseline, *, emission: bool = False) -> LineMeasurements:
    """Measure Hα in spectra over their pseudo-continua; see :func:`measure_flux`."""
    ew, ew_error = equivalent_width(baseline)
    excess, excess_error = local_excess(baseline)
    profile, peaks = measure_profile(baseline, emission=emission), find_peaks(baseline)
    return LineMeasurements(
        ew=ew,
        ew_error=ew_error,
        significance=np.abs(ew) / ew_error,
        excess=excess,
        excess_error=excess_error,
        height=profile.height,
        fwhm_kms=profile.fwhm_kms,
        fwhm_error=profile.fwhm_error,
        velocity_kms=profile.velocity_kms,
        velocity_error=profile.velocity_error,
        dip=peaks.dip,
        dip_significance=peaks.dip_significance,
        separation_kms=peaks.separation_kms,
        separation_error=peaks.separation_error,
        violet_to_red=peaks.violet_to_red,
        violet_to_red_error=peaks.violet_to_red_error,
        snr=baseline.snr,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class EmissionLines:
    """Emission in n windows, measured once for all who ask: flags, columns, the regression."""

    windows: WindowSet
    baseline: Baseline
    """The windows over their pseudo-continua."""
    measured: LineMeasurements
    """What rises above these."""

    def __len__(self) -> int:
        """Count the windows."""
        return len(self.windows)


def measure_lines(windows: WindowSet) -> EmissionLines:
    """Measure the emission in prepared windows and keep what was needed for it."""
    baseline = window_baseline(windows)
    return EmissionLines(
        windows=windows, baseline=baseline, measured=measure_baseline(baseline, emission=True)
    )


def measure_windows(windows: WindowSet, *, emission: bool = False) -> LineMeasurements:
    """Measure Hα in prepared windows, whose scaling is undone first; see :func:`measure_flux`."""
    return measure_baseline(window_baseline(windows), emission=emission)


def window_baseline(windows: WindowSet) -> Baseline:
    """Divide prepared windows by their pseudo-continua, their scaling undone first."""
    return fit_baseline(*windows.unscaled(), wavelength_vac=GRID)


def measure_spectrum(spectrum: Spectrum) -> LineMeasurements:
    """Measure Hα in one spectrum on its own pixels; bad pixels are interpolated over.

    Raises
    ------
    DataError
        ``not_covered`` where fewer than :data:`MIN_PIXELS` good pixels lie in
        the window around Hα.
    """
    wavelength = spectrum.wavelength_vac
    inside = (wavelength >= WINDOW_VAC[0]) & (wavelength <= WINDOW_VAC[1])
    good = inside & ~spectrum.mask
    if good.sum() < MIN_PIXELS:
        message = f"only {good.sum()} good pixels between {WINDOW_VAC[0]:g} and {WINDOW_VAC[1]:g} Å"
        raise DataError(spectrum.identity.source, "not_covered", message)
    flux = np.interp(wavelength[inside], wavelength[good], spectrum.flux[good])
    ivar = None if spectrum.ivar is None else np.where(spectrum.mask, 0.0, spectrum.ivar)[inside][None, :]
    return measure_flux(flux[None, :], ivar, wavelength_vac=wavelength[inside])


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """When a line counts."""

    strength: float = 5.0
    """Emission from this :func:`strength` on."""
    dip: float = DIP
    """A double peak from this relative dip on …"""
    dip_significance: float = 3.0
    """… if it is this many times its error."""


def strength(lines: LineMeasurements) -> FloatArray:
    """Give the strength of emission over its error, shape (n,): a score, larger for surer emission.

    It is the greater of the emission above the continuum and of what sticks
    out of the line's surroundings, each over its error. The second finds
    emission in the core of a photospheric line; neither finds emission that
    merely makes a core shallower. Spectra without a positive continuum get 0.
    """
    above = -lines.ew / lines.ew_error
    local = lines.excess / lines.excess_error
    return np.nan_to_num(np.maximum(above, local), nan=0.0)


def detect(lines: LineMeasurements, thresholds: Thresholds | None = None) -> npt.NDArray[np.int64]:
    """Classify lines as indices into :data:`vo_emline.labels.LABELS`, shape (n,)."""
    limits = thresholds or Thresholds()
    emission = strength(lines) >= limits.strength
    double = (lines.dip >= limits.dip) & (lines.dip_significance >= limits.dip_significance)
    return np.where(emission, np.where(double, DOUBLE_PEAK, EMISSION), ABSORPTION)

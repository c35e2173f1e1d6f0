"""The shape of a line: its equivalent width, where it is, how wide it is, and whether it has two peaks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from vo_emline.arrays import BoolArray, Column, FloatArray, IntArray
from vo_emline.measure.baseline import Baseline
from vo_emline.spectra.medium import HALPHA_VAC, SPEED_OF_LIGHT_KMS

LINE_HALF_WIDTH: Final = 16.0
"""The line is integrated within this distance of Hα, Å (±730 km/s)."""

CORES: Final = ((3.5, 8.0), (6.5, 12.0))
"""Half widths, Å, of the cores in which something may stick out, and of the surroundings of each."""


def within(baseline: Baseline, half_width: float) -> BoolArray:
    """Tell the pixels within `half_width` Å of Hα, shape (k,)."""
    return np.asarray(np.abs(baseline.wavelength_vac - HALPHA_VAC) <= half_width)


def equivalent_width(
    baseline: Baseline, *, half_width: float = LINE_HALF_WIDTH
) -> tuple[FloatArray, FloatArray]:
    """Measure ``W = Σ (1 - F/Fc) Δλ`` and its standard deviation.

    The error adds the noise of the pixels and that of the continuum
    (Chalabaev & Maillard 1983, A&A 127, 279, appendix A), the former with the
    correlation that resampling and blurring leave:
    ``σ² = q Σ σᵢ² Δλ² + (σ(Fc)/Fc · (Σ Δλ - W))²``. For white photon noise it
    is that of Vollmann & Eversberg (2006, AN 327, 862, eq. 7).

    Parameters
    ----------
    baseline
        The spectra.
    half_width
        Distance from Hα to which to integrate, Å.

    Returns
    -------
    tuple
        Equivalent width and its standard deviation, Å, shape (n,) each;
        emission is **negative**.
    """
    near = within(baseline, half_width)
    step = baseline.step[near]
    width = (1.0 - baseline.ratio[:, near]) @ step
    pixels = baseline.correlation * (np.square(baseline.sigma[:, near]) @ np.square(step))
    continuum = np.square(baseline.continuum_sigma * (step.sum() - width))
    return np.asarray(width), np.asarray(np.sqrt(pixels + continuum))


def local_excess(baseline: Baseline) -> tuple[FloatArray, FloatArray]:
    """Measure how much the core of Hα sticks out of its immediate surroundings.

    The flux in a core is compared with the mean of the shoulders on either
    side, which lie inside a photospheric line where there is one. Photospheric
    lines give a negative excess, emission a positive one even where all of it
    stays below the continuum. Of the :data:`CORES` the more significant counts.

    Returns
    -------
    tuple
        Excess and its standard deviation, Å, shape (n,) each.
    """
    candidates = [_excess(baseline, core=core, reach=reach) for core, reach in CORES]
    excess, error = (np.stack(values) for values in zip(*candidates, strict=True))
    best = np.argmax(np.nan_to_num(excess / error, nan=-np.inf), axis=0)
    rows = np.arange(len(best))
    return excess[best, rows], error[best, rows]


def _excess(baseline: Baseline, *, core: float, reach: float) -> tuple[FloatArray, FloatArray]:
    """Give the excess within `core` Å of Hα over the shoulders that end at `reach` Å, and its error."""
    inside = within(baseline, core)
    shoulders = within(baseline, reach) & ~inside
    blue, red = (
        shoulders & (baseline.wavelength_vac < HALPHA_VAC),
        shoulders & (baseline.wavelength_vac > HALPHA_VAC),
    )
    step = baseline.step[inside]
    level = 0.5 * (baseline.ratio[:, blue].mean(axis=1) + baseline.ratio[:, red].mean(axis=1))
    excess = baseline.ratio[:, inside] @ step - level * step.sum()
    pixels = np.square(baseline.sigma[:, inside]) @ np.square(step)
    reference = np.square(baseline.sigma[:, shoulders]).mean(axis=1) * step.sum() ** 2 / shoulders.sum()
    return excess, np.sqrt(baseline.correlation * (pixels + reference))


KMS_PER_ANGSTROM: Final = SPEED_OF_LIGHT_KMS / HALPHA_VAC
DIP: Final = 0.10
"""A line is double where the dip between its maxima is at least this share of its height."""

PEAKS_HALF_WIDTH: Final = 12.0
"""Extremes and peaks are looked for within this distance of Hα, Å (±550 km/s)."""

SUPPORT: Final = 16.0
"""Half maxima are followed to this distance from Hα, Å."""


FEET: Final = 10.0
"""The flux beside the line is taken from this distance of Hα on, Å."""

LEAST_RISE: Final = 0.05
"""Emission that rises less above the pseudo-continuum, which is known to about 0.01, has no width or
velocity of its own."""

SURE: Final = 1.5
"""A pixel that lies so many of its standard deviations above the half maximum belongs to the line."""

LEAST_HEIGHT: Final = 3.0
"""Lines and maxima that stick out by fewer standard deviations of a pixel have no shape to measure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Width and place of lines, shape (n,) each.

    NaN where the line is lost in the noise or has no half maxima in reach.
    """

    height: FloatArray
    """Highest flux above the continuum, or lowest below it (negative), in units of the continuum."""
    fwhm_kms: FloatArray
    fwhm_error: FloatArray
    velocity_kms: FloatArray
    """Middle of the outer half-maximum points, km/s, redshift positive."""
    velocity_error: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Peaks:
    """The two maxima with the deepest dip between them, shape (n,) each; NaN where there is one maximum."""

    dip: FloatArray
    """Depth of the dip over the height of the line; 0 where there is one maximum."""
    dip_significance: FloatArray
    """Depth of the dip over its error; 0 where there is one maximum."""
    separation_kms: FloatArray
    separation_error: FloatArray
    violet_to_red: FloatArray
    """Height of the violet over that of the red maximum above the continuum; NaN where one is below it."""
    violet_to_red_error: FloatArray


def measure_profile(baseline: Baseline, *, emission: bool = False) -> Profile:
    """Measure the outer half-maximum points of the line.

    The error of each point is the noise there over the slope of the flank; to
    the width that of the extreme adds, which moves both points apart.

    Parameters
    ----------
    baseline
        The spectra.
    emission
        Measure what rises above the continuum, by :data:`LEAST_RISE` at least, even where an absorption
        is deeper than that is high, as in a shell star; otherwise the stronger of the two.
    """
    near = within(baseline, SUPPORT)
    wavelength, sigma = baseline.wavelength_vac[near], baseline.sigma[:, near]
    line, sign, height, noise = _upright(baseline, emission=emission)
    measurable = (height > LEAST_HEIGHT * noise) & (~np.bool_(emission) | (height > LEAST_RISE))
    half = 0.5 * np.where(measurable, height, np.nan)
    left, left_error, left_slope = _crossing(line, wavelength, sigma, half=half)
    mirrored = (line[:, ::-1], wavelength[::-1], sigma[:, ::-1])
    right, right_error, right_slope = _crossing(*mirrored, half=half)
    flanks = np.hypot(left_error, right_error)
    lift = 0.5 * noise * (1.0 / left_slope + 1.0 / right_slope)
    return Profile(
        height=sign * height,
        fwhm_kms=(right - left) * KMS_PER_ANGSTROM,
        fwhm_error=np.hypot(flanks, lift) * KMS_PER_ANGSTROM,
        velocity_kms=(0.5 * (left + right) - HALPHA_VAC) * KMS_PER_ANGSTROM,
        velocity_error=0.5 * flanks * KMS_PER_ANGSTROM,
    )


def _upright(baseline: Baseline, *, emission: bool) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Give the line turned upwards, shape (n, support), its sign, its height and the noise there."""
    excess = baseline.ratio[:, within(baseline, SUPPORT)] - 1.0
    inside = within(baseline, PEAKS_HALF_WIDTH)
    inner = baseline.ratio[:, inside] - 1.0
    sign = np.where(emission | (inner.max(axis=1) > -inner.min(axis=1)), 1.0, -1.0)
    upright = inner * sign[:, None]
    peak = np.argmax(upright, axis=1)
    height = vertex_height(upright, peak)
    return excess * sign[:, None], sign, height, baseline.sigma[:, inside][np.arange(len(peak)), peak]


def _crossing(
    line: FloatArray, wavelength: FloatArray, sigma: FloatArray, *, half: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Find where each line rises through `half` for the last time before its first sure pixel above it.

    Pixels are sure :data:`SURE` standard deviations above `half`, so that noise in the wings is not taken
    for the line. The place is found by linear interpolation.
    Gives it with its error, Å, and the slope of the flank per Å.
    """
    rows, pixel = np.arange(len(line)), np.arange(line.shape[1])
    sure = np.argmax(line >= half[:, None] + SURE * sigma, axis=1)
    before = np.where((line < half[:, None]) & (pixel < sure[:, None]), pixel, -1).max(axis=1)
    found, before = before >= 0, np.maximum(before, 0)
    first = before + 1
    rise = line[rows, first] - line[rows, before]
    rise = np.where(found & (rise > 0), rise, np.nan)
    share = (half - line[rows, before]) / rise
    step = wavelength[first] - wavelength[before]
    slope = rise / np.where(step == 0, np.nan, np.abs(step))
    noise = np.hypot((1.0 - share) * sigma[rows, before], share * sigma[rows, first])
    return wavelength[before] + share * step, noise / slope, slope


def find_peaks(baseline: Baseline) -> Peaks:
    """Find the pair of maxima with the most significant dip between them.

    Positions are those of the parabola through a maximum and its neighbours,
    with the error that the noise of the three gives; V/R has the error that
    the noise of the two maxima gives.
    """
    near = within(baseline, PEAKS_HALF_WIDTH)
    flux, sigma, wavelength = baseline.ratio[:, near], baseline.sigma[:, near], baseline.wavelength_vac[near]
    n, k = flux.shape
    rows = np.arange(n)
    maximum = _maxima(flux, floor=_shoulder(baseline)[:, None] + LEAST_HEIGHT * sigma)
    best, violet, red = np.zeros(n), np.zeros(n, dtype=int), np.zeros(n, dtype=int)
    for left in range(1, k - 2):
        trough = np.minimum.accumulate(flux[:, left:], axis=1)
        lower = np.minimum(flux[:, left : left + 1], flux[:, left:])
        depth = np.where(maximum[:, left : left + 1] & maximum[:, left:], lower - trough, 0.0)
        right = np.argmax(depth, axis=1)
        better = depth[rows, right] > best
        best = np.where(better, depth[rows, right], best)
        violet, red = np.where(better, left, violet), np.where(better, left + right, red)
    return _describe(flux, sigma, wavelength, depth=best, violet=violet, red=red)


def _shoulder(baseline: Baseline) -> Column:
    """Level of the flux beside the line, shape (n,), never above the continuum."""
    beside = within(baseline, SUPPORT) & ~within(baseline, FEET)
    return np.asarray(np.minimum(np.median(baseline.ratio[:, beside], axis=1), 1.0))


def _maxima(flux: FloatArray, *, floor: FloatArray) -> BoolArray:
    """Tell the local maxima above `floor`, shape (n, k)."""
    maximum = flux > floor
    maximum[:, [0, -1]] = False
    maximum[:, 1:-1] &= (flux[:, 1:-1] > flux[:, :-2]) & (flux[:, 1:-1] >= flux[:, 2:])
    return np.asarray(maximum)


def _describe(
    flux: FloatArray,
    sigma: FloatArray,
    wavelength: FloatArray,
    *,
    depth: FloatArray,
    violet: IntArray,
    red: IntArray,
) -> Peaks:
    rows = np.arange(len(flux))
    double = depth > 0
    noise = np.hypot(sigma[rows, violet], sigma[rows, red])
    height = _line_height(flux, depth=depth, violet=violet, red=red)
    blue_vac, blue_error = _parabola(flux, sigma, wavelength, violet)
    red_vac, red_error = _parabola(flux, sigma, wavelength, red)
    above_violet, above_red = vertex_height(flux, violet) - 1.0, vertex_height(flux, red) - 1.0
    measurable = double & (above_violet > 0) & (above_red > 0)
    ratio = np.where(measurable, above_violet, np.nan) / np.where(measurable, above_red, np.nan)
    relative = np.hypot(
        sigma[rows, violet] / np.where(measurable, above_violet, np.nan),
        sigma[rows, red] / np.where(measurable, above_red, np.nan),
    )
    return Peaks(
        dip=np.where(double, depth / np.where(height > 0, height, np.inf), 0.0),
        dip_significance=np.where(double, depth / noise, 0.0),
        separation_kms=np.where(double, (red_vac - blue_vac) * KMS_PER_ANGSTROM, np.nan),
        separation_error=np.where(double, np.hypot(blue_error, red_error) * KMS_PER_ANGSTROM, np.nan),
        violet_to_red=ratio,
        violet_to_red_error=ratio * relative,
    )


def _line_height(flux: FloatArray, *, depth: FloatArray, violet: IntArray, red: IntArray) -> FloatArray:
    """Give the higher maximum above the lower of the dip and the line's feet."""
    rows, pixel = np.arange(len(flux)), np.arange(flux.shape[1])
    blue_foot = np.where(pixel <= violet[:, None], flux, np.inf).min(axis=1)
    red_foot = np.where(pixel >= red[:, None], flux, np.inf).min(axis=1)
    trough = np.minimum(flux[rows, violet], flux[rows, red]) - depth
    base = np.minimum(trough, np.maximum(blue_foot, red_foot))
    return np.asarray(np.maximum(flux[rows, violet], flux[rows, red]) - base)


def _parabola(
    flux: FloatArray, sigma: FloatArray, wavelength: FloatArray, peak: IntArray
) -> tuple[FloatArray, FloatArray]:
    """Give the vertex, Å, of the parabola through each peak and its neighbours, and its error."""
    inner = np.clip(peak, 1, flux.shape[1] - 2)
    offset, curvature = _vertex(flux, inner)
    step = 0.5 * (wavelength[inner + 1] - wavelength[inner - 1])
    noise = sigma[np.arange(len(flux)), inner] / np.abs(curvature)
    error = noise * np.sqrt(0.5 + 6.0 * offset**2)
    return wavelength[inner] + offset * step, np.minimum(error, 2.0) * step


def vertex_height(flux: FloatArray, peak: IntArray) -> Column:
    """Give the height of the parabola through each row's maximum at `peak` and its neighbours, shape (n,)."""
    inner = np.clip(peak, 1, flux.shape[1] - 2)
    offset, curvature = _vertex(flux, inner)
    top = flux[np.arange(len(flux)), inner] - 0.5 * curvature * offset**2
    return np.asarray(np.where(inner == peak, top, flux[np.arange(len(flux)), peak]))


def _vertex(flux: FloatArray, inner: IntArray) -> tuple[FloatArray, FloatArray]:
    """Give the place of the vertex, in pixels from `inner` and at most one, and the curvature."""
    rows = np.arange(len(flux))
    before, top, after = (flux[rows, inner + shift] for shift in (-1, 0, 1))
    curvature = np.minimum(before - 2.0 * top + after, -1e-9)
    return np.clip(0.5 * (before - after) / curvature, -1.0, 1.0), curvature

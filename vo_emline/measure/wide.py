"""Wide lines: those that leave no continuum where that of narrow ones is taken.

Disks of cataclysmic variables and winds reach over the side bands of
:mod:`~vo_emline.measure.baseline` and over the end of the window. Their width
is found first, on a continuum that lies as far away as the spectrum has it;
then the continuum is taken just beyond the line. What remains is the
measurement of a narrow line, on pixels that are as many times as wide: half
maxima, peaks and the equivalent width are those of
:mod:`~vo_emline.measure.shape`, with errors, in stretched wavelengths.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from vo_emline.arrays import BoolArray, FloatArray, Pixels
from vo_emline.measure.baseline import CLIP, Baseline
from vo_emline.measure.lines import LineMeasurements, measure_baseline
from vo_emline.measure.quantities import Estimates, estimates, stretched
from vo_emline.measure.robust import row_medians
from vo_emline.measure.shape import KMS_PER_ANGSTROM, LINE_HALF_WIDTH
from vo_emline.preprocess.continuum import divisible
from vo_emline.preprocess.windows import GRID, N_WINGS, WING_CENTRES, WING_STEP, WindowSet
from vo_emline.spectra.medium import HALPHA_VAC

WIDE_KMS: Final = 550.0
"""Lines up to this full width at half maximum are measured as they are; wider ones are stretched to it."""

BEYOND: Final = 1.35
"""The continuum of a wide line lies further from its middle than this many of its full widths …"""

BESIDE: Final = 80.0
"""… and within this distance of there, Å."""

FAR: Final = 90.0
"""The continuum lies beyond this distance of Hα before the width is known, Å."""

ROUNDS: Final = 3
"""How often width and continuum are found from each other."""

NEIGHBOURS: Final = (6680.0, 6718.3, 6732.7)
"""He I 6678 and [S II] in vacuum, Å: no continuum."""

NEIGHBOUR_HALF_WIDTH: Final = (12.0, 5.0, 5.0)

CONNECTED: Final = 0.25
"""Two peaks are of one line where it stays above this share of its height between them; [N II] beside a
narrow line is none of its peaks."""

FLOORS: Final = np.array([0.0, 8.0, 4.0, 8.0, 0.0])
"""Errors that no noise explains, of a line stretched to :data:`WIDE_KMS`, in the units of the quantities:
half maxima are interpolated between wide pixels, over a continuum that is straight in the model only."""

LEAST_SHARE: Final = 0.3
"""A continuum whose mean lies further to one side than this share of its extent is level: its slope is not
known, and the window has had that of its own continuum divided out."""

PIXEL: Final = float(GRID[1] - GRID[0])
"""Width of a pixel of the window, Å."""

_N_BLUE: Final = int((GRID[0] > WING_CENTRES).sum())
PROFILE_GRID: Final[FloatArray] = np.concatenate([WING_CENTRES[:_N_BLUE], GRID, WING_CENTRES[_N_BLUE:]])
"""Wavelengths of window and wings together, vacuum Å, shape (174,)."""

_PIXELS: Final[FloatArray] = np.where(np.isin(PROFILE_GRID, WING_CENTRES), WING_STEP / PIXEL, 1.0)
_X: Final[FloatArray] = PROFILE_GRID - HALPHA_VAC
_CLEAR: Final[BoolArray] = np.all(
    [np.abs(PROFILE_GRID - line) > half for line, half in zip(NEIGHBOURS, NEIGHBOUR_HALF_WIDTH, strict=True)],
    axis=0,
)
_FAR: Final = np.flatnonzero((np.abs(_X) > FAR) & _CLEAR)
"""Pixels of the continuum before the width is known."""
_SHARE: Final[FloatArray] = (GRID - GRID[0]) / (GRID[-1] - GRID[0])
_HALF: Final[FloatArray] = 0.5 * PIXEL * _PIXELS
_EDGES: Final[FloatArray] = np.append(PROFILE_GRID - _HALF, PROFILE_GRID[-1] + _HALF[-1])
_COARSE: Final[FloatArray] = np.arange(-186.0, 226.0, 3.0)
"""Distances from Hα at which widths are looked for first, Å."""
_COARSE_CLEAR: Final[BoolArray] = np.interp(_COARSE + HALPHA_VAC, PROFILE_GRID, _CLEAR) > 0.5
_NEAR: Final[FloatArray] = GRID[np.abs(GRID - HALPHA_VAC) < LINE_HALF_WIDTH + 2.0 * PIXEL]


class WideLines(NamedTuple):
    """The wide ones among some lines."""

    rows: npt.NDArray[np.intp]
    """Which of the lines they are, shape (m,)."""
    baseline: Baseline
    """Them over their continua, in stretched wavelengths."""
    measured: LineMeasurements
    """They as narrow lines, in stretched wavelengths."""
    stretch: Pixels
    """By how much wavelengths were stretched, shape (m,), more than 1."""

    def estimates(self) -> Estimates:
        """Give the published quantities as they are in the spectrum, m of them."""
        found = estimates(self.measured)
        error = np.hypot(found.error, FLOORS)
        return stretched(Estimates(value=found.value, error=error), self.stretch)


def measure_wide(windows: WindowSet) -> WideLines:
    """Find the emission lines wider than :data:`WIDE_KMS`, and measure them.

    Parameters
    ----------
    windows
        Windows of emission lines, n of them, with wings or without; without, the continuum of the widest
        lines is taken redward of them alone.
    """
    profile, noise = _profile(windows)
    known = np.isfinite(profile)
    scale = np.nan_to_num(np.abs(row_medians(np.where(known, profile, np.nan))))
    scale = np.maximum(scale, np.finfo(np.float32).tiny)
    profile, noise = profile / scale[:, None], np.maximum(noise / scale, 1e-4)
    level, error = _continuum(profile, known, _FAR)
    width, middle = _extent(profile / level - 1.0, noise)
    rows = _wide(width, np.arange(len(windows)))
    for _ in range(ROUNDS):  # whatever is not wide stays as it is
        own = profile[rows]
        beyond = np.abs(_X - middle[rows, None]) - BEYOND * width[rows, None]
        beside = (beyond > 0) & (beyond < BESIDE) & _CLEAR & known[rows]
        anywhere = np.isin(np.arange(_X.size), _FAR) & known[rows]
        level[rows], error[rows] = _continuum(own, np.where(_enough(beside)[:, None], beside, anywhere))
        width[rows], middle[rows] = _extent(own / level[rows] - 1.0, noise[rows])
        rows = _wide(width, rows)
    stretch = width[rows] * KMS_PER_ANGSTROM / WIDE_KMS
    ratio = profile[rows] / level[rows]
    baseline = _stretched_baseline(ratio, noise[rows], error[rows], stretch)
    return WideLines(rows, baseline, measure_baseline(baseline, emission=True), stretch)


def _wide(width: FloatArray, rows: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """Give those of `rows` whose line is wide."""
    return rows[width[rows] * KMS_PER_ANGSTROM > WIDE_KMS]


def _profile(windows: WindowSet) -> tuple[FloatArray, FloatArray]:
    """Give the flux of window and wings, shape (n, 174), NaN where unknown, and the noise of its pixels."""
    flux, _ = windows.unscaled()
    unknown = np.full((len(windows), N_WINGS), np.nan)
    wings = unknown if windows.wings is None else windows.wings.astype(np.float64)
    ends = wings[:, -2:]
    # without wings the window stays as it is: its continuum has been divided out, or there was none
    known = np.isfinite(ends).all(axis=1, keepdims=True)
    line = ends[:, :1] + (ends[:, 1:] - ends[:, :1]) * _SHARE
    flux = np.where(known, np.where(divisible(line)[:, None], flux * line, flux + line), flux)
    bins = np.where(known, wings[:, :-2], np.nan)
    # lines as wide as these vary little from pixel to pixel
    noise = 1.4826 / np.sqrt(2.0) * np.median(np.abs(np.diff(flux, axis=1)), axis=1)
    return np.concatenate([bins[:, :_N_BLUE], flux, bins[:, _N_BLUE:]], axis=1), noise


def _enough(beside: BoolArray) -> BoolArray:
    """Tell where there is continuum enough to take, shape (n,)."""
    return np.asarray(beside @ _PIXELS > 20.0)


def _continuum(
    profile: FloatArray, where: BoolArray, among: npt.NDArray[np.intp] | slice = slice(None)
) -> tuple[FloatArray, FloatArray]:
    """Fit a clipped straight line to the pixels `where`, and give its relative error at Hα.

    Parameters
    ----------
    profile, where
        Flux, and which pixels to take, shape (n, 174).
    among
        The only pixels that are looked at.

    Returns
    -------
    tuple
        The line, shape (n, 174), NaN where it is not positive, and the error, shape (n,).
    """
    where, profile, x, pixels = where[:, among], profile[:, among], _X[among], _PIXELS[among]
    flux = np.where(where, profile, 0.0)
    kept = where
    mean = slope = centre = error = np.full(len(profile), np.nan)
    for _ in range(3):
        weight = kept * pixels
        total = np.maximum(weight.sum(axis=1), 1e-9)
        centre, mean = (weight @ x) / total, (weight * flux).sum(axis=1) / total
        dx = x - centre[:, None]
        spread = np.maximum((weight * dx**2).sum(axis=1), 1e-9)
        one_sided = np.abs(centre) > LEAST_SHARE * 2.0 * np.sqrt(3.0 * spread / total)
        slope = np.where(one_sided, 0.0, (weight * dx * flux).sum(axis=1) / spread)
        residual = np.abs(profile - (mean[:, None] + slope[:, None] * dx))
        distance = np.where(where, residual * np.sqrt(pixels), np.nan)
        scatter = 1.4826 * np.nan_to_num(row_medians(distance))
        kept = where & (np.nan_to_num(distance, nan=np.inf) <= CLIP * scatter[:, None])
        error = scatter * np.sqrt(1.0 / total + np.where(one_sided, 0.0, centre**2 / spread))
    line = mean[:, None] + slope[:, None] * (_X - centre[:, None])
    positive = np.asarray((line > 0).all(axis=1))
    line = np.where(positive[:, None], line, np.nan)
    return line, error / np.where(positive, np.maximum(mean, 1e-9), np.nan)


def _extent(excess: FloatArray, noise: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Find full width at half maximum and middle of what rises highest, Å, shape (n,); NaN where unknown."""
    smooth = _averaged(excess, _COARSE, 3.0 * PIXEL)
    smooth[:, ~_COARSE_CLEAR] = 0.0
    rows, place = np.arange(len(excess)), np.arange(_COARSE.size)
    peak = np.argmax(np.where(np.abs(_COARSE) < 60.0, smooth, -np.inf), axis=1)
    height = smooth[rows, peak]
    seen = np.isfinite(height) & (height > 4.0 * noise / np.sqrt(3.0))
    low = smooth < CONNECTED * height[:, None]
    first = np.asarray(np.where(low & (place <= peak[:, None]), place, -1).max(axis=1))
    last = np.asarray(np.where(low & (place >= peak[:, None]), place, _COARSE.size).min(axis=1))
    inside = (place > first[:, None]) & (place < last[:, None]) & (smooth >= 0.5 * height[:, None])
    left, right = np.argmax(inside, axis=1), _COARSE.size - 1 - np.argmax(inside[:, ::-1], axis=1)
    edges = [_half_point(smooth, height, one, step) for one, step in ((left, -1), (right, 1))]
    width = np.where(seen & inside.any(axis=1), edges[1] - edges[0], np.nan)
    return width, np.where(np.isfinite(width), 0.5 * (edges[0] + edges[1]), 0.0)


def _half_point(smooth: FloatArray, height: FloatArray, last: npt.NDArray[np.intp], step: int) -> FloatArray:
    """Interpolate where each profile falls through half its height after its pixel `last`, Å from Hα."""
    rows = np.arange(len(smooth))
    after = np.clip(last + step, 0, _COARSE.size - 1)
    above, below = smooth[rows, last], smooth[rows, after]
    fall = np.where(above > below, above - below, np.inf)
    share = np.clip((above - 0.5 * height) / fall, 0.0, 1.0)
    return np.asarray(_COARSE[last] + share * (_COARSE[after] - _COARSE[last]))


def _averaged(values: FloatArray, places: FloatArray, width: FloatArray | float) -> FloatArray:
    """Average profiles over bins of these widths at `places`, Å from Hα, (p,) or (n, p); unknown is 0."""
    integral = np.zeros((len(values), values.shape[1] + 1))
    np.cumsum(np.nan_to_num(values) * PIXEL * _PIXELS, axis=1, out=integral[:, 1:])
    half = 0.5 * np.asarray(width, dtype=np.float64)[..., None]
    upper, lower = (_interpolated(integral, places + side * half) for side in (1, -1))
    return np.asarray((upper - lower) / (2.0 * half))


def _interpolated(sums: FloatArray, places: FloatArray) -> FloatArray:
    """Interpolate sums at the edges of the pixels, shape (n, 175), at `places`, Å from Hα, (p,) or (n, p)."""
    edges = _EDGES - HALPHA_VAC
    at = np.clip(places, edges[0], edges[-1])
    before = np.minimum(np.searchsorted(edges, at, side="right") - 1, edges.size - 2)
    low, high = (
        sums[:, place] if places.ndim == 1 else np.take_along_axis(sums, place, axis=1)
        for place in (before, before + 1)
    )
    return np.asarray((high - low) / (edges[before + 1] - edges[before]) * (at - edges[before]) + low)


def _stretched_baseline(
    ratio: FloatArray, noise: FloatArray, continuum_sigma: FloatArray, stretch: FloatArray
) -> Baseline:
    """Bring lines over their continua to pixels that are `stretch` times as wide."""
    places = (_NEAR - HALPHA_VAC) * stretch[:, None]
    line = 1.0 + _averaged(ratio - 1.0, places, PIXEL * stretch)
    # neighbours share light where the line spread or a resampling has blurred them
    pixel = noise / np.sqrt(np.maximum(stretch, 1.0))
    return Baseline(
        wavelength_vac=_NEAR,
        step=np.gradient(_NEAR),
        ratio=line,
        sigma=pixel[:, None] * np.sqrt(np.clip(line, 0.2, None)),
        continuum_sigma=continuum_sigma,
        correlation=np.full(len(ratio), 1.5),
        snr=1.0 / pixel,
    )

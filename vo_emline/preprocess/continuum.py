"""Taking the slope of the continuum out of windows.

Ondřejov spectra are continuum-normalised, those of LAMOST carry the colour of
the star, the response of the fibre and the reddening. Over 213 Å all of this
is close to a straight line. Dividing both by one halves the difference that
is left between the instruments (median of 19 stars seen by both: 0.53 to 0.25
standard deviations), more than the pipeline's own normalisation does (0.27).
"""

from __future__ import annotations

from typing import Final

import numpy as np

from vo_emline.arrays import BoolArray, DoubleWindows, FloatArray
from vo_emline.preprocess.windows import GRID
from vo_emline.spectra.medium import HALPHA_VAC

LINE_REGION: Final = 30.0
"""The fit leaves out what is nearer to Hα than this, Å."""

CLIP: Final = 3.0
"""Pixels further than this many robust standard deviations from the line are left out."""

ROUNDS: Final = 4

LEAST_RATIO: Final = 0.5
"""A line that falls below this fraction of its larger end is no continuum to divide by."""

_SIDES: Final[BoolArray] = np.abs(GRID - HALPHA_VAC) > LINE_REGION
_X: Final[FloatArray] = (GRID - GRID.mean()) / np.ptp(GRID)
_MOMENTS: Final[FloatArray] = np.stack([np.ones(_SIDES.sum()), _X[_SIDES], _X[_SIDES] ** 2])
"""Powers 0, 1 and 2 of the places beside the line, shape (3, k): weighted sums are products with these."""

_MIDDLE: Final = int(_SIDES.sum()) // 2
"""Rank of the median of the pixels beside the line, of which there is an odd number."""

_BLOCK: Final = 1024
"""Windows worked on at a time, so that they stay in the cache of the processor."""


def flatten(flux: DoubleWindows, ivar: DoubleWindows) -> tuple[FloatArray, FloatArray]:
    """Divide windows by the straight line through their continua.

    Where the line is negative or falls by more than half (next to no signal),
    it is subtracted instead, which keeps the noise as it is.

    Parameters
    ----------
    flux, ivar
        Windows on the grid, shape (n, 140).

    Returns
    -------
    tuple
        Flux, around 1 where it was divided and around 0 where it was
        subtracted, and its inverse variance, shape (n, 140).
    """
    return without_line(flux, ivar, fit_line(flux))


def without_line(flux: FloatArray, ivar: FloatArray, line: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Divide windows by these lines, or subtract those that are no continuum; see :func:`flatten`."""
    divide = divisible(line)
    divisor = np.where(divide[:, None], line, 1.0)
    level = np.where(divide[:, None], 0.0, line)
    return (flux - level) / divisor, ivar * divisor**2


def divisible(line: FloatArray) -> BoolArray:
    """Tell the straight lines, shape (n, 140), that are a continuum to divide by, shape (n,)."""
    lowest, highest = line.min(axis=1), line.max(axis=1)
    return np.asarray((lowest > LEAST_RATIO * highest) & (lowest > 0))


def fit_line(flux: DoubleWindows) -> DoubleWindows:
    """Fit a straight line to each window beside Hα, clipping lines and spikes.

    Parameters
    ----------
    flux
        Windows on the grid, shape (n, 140).

    Returns
    -------
    numpy.ndarray
        The lines on the grid, shape (n, 140).
    """
    beside = np.ascontiguousarray(flux[:, _SIDES], dtype=np.float64)
    line = np.empty((len(flux), GRID.size))
    for start in range(0, len(flux), _BLOCK):
        rows = slice(start, start + _BLOCK)
        level, slope = _clipped_line(beside[rows])
        line[rows] = level + slope * _X
    return line


def _clipped_line(beside: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Give level and slope of the line of each row, shape (n, 1), from its pixels beside Hα."""
    level, slope = _weighted_line(beside, np.ones_like(beside))
    for _ in range(ROUNDS):
        distance = np.abs(beside - level - slope * _MOMENTS[1])
        spread = 1.4826 * np.partition(distance, _MIDDLE, axis=1)[:, _MIDDLE, None]
        level, slope = _weighted_line(beside, (distance <= CLIP * spread).astype(np.float64))
    return level, slope


def _weighted_line(beside: FloatArray, weight: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Least squares for each row; weights of zero leave a pixel out."""
    # einsum sums each row by itself; a product of matrices would give other bits in other company
    total, x, xx = np.einsum("nk,jk->jn", weight, _MOMENTS)
    y, xy = np.einsum("nk,jk->jn", weight * beside, _MOMENTS[:2])
    spread = total * xx - x**2
    slope = (total * xy - x * y) / np.where(spread > 0, spread, 1.0)
    return ((y - slope * x) / total)[:, None], slope[:, None]

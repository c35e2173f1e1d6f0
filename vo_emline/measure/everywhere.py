"""The equivalent width of Hα of every spectrum, with its error: millions at a time.

Users want upper limits where there is no emission, and stars whose absorption
changes. The definition is that of :func:`~vo_emline.measure.shape.equivalent_width`
with the bands of :mod:`~vo_emline.measure.baseline`; a tenth of its time goes
into it, because the continuum is fitted once, and again only where a pixel
lies far from it.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from vo_emline.arrays import BoolArray
from vo_emline.measure.baseline import CLIP, SIDE_BANDS
from vo_emline.measure.quantities import CONTINUUM_ERROR
from vo_emline.measure.shape import LINE_HALF_WIDTH
from vo_emline.preprocess.windows import GRID, WindowSet
from vo_emline.spectra.medium import HALPHA_VAC

Float32 = npt.NDArray[np.float32]

_BLOCK: Final = 1024
"""Windows worked on at a time, so that they stay in the cache of the processor."""

_DISTANCE: Final[Float32] = (GRID - HALPHA_VAC).astype(np.float32)
_SIDE: Final = np.flatnonzero(
    np.logical_or(*((first <= GRID) & (last >= GRID) for first, last in SIDE_BANDS))
)
_LINE: Final = np.flatnonzero(np.abs(_DISTANCE) <= LINE_HALF_WIDTH)
_POWERS: Final[Float32] = np.stack([np.ones(_SIDE.size), _DISTANCE[_SIDE], _DISTANCE[_SIDE] ** 2]).astype(
    np.float32
)
_STEP: Final = np.float32(GRID[1] - GRID[0])
_RANGE: Final = np.float32(_STEP * _LINE.size)
_TO_SIGMA: Final = np.float32(np.sqrt(np.pi / 2.0))
"""From the mean size of Gaussian residuals to their standard deviation."""

_NEEDED: Final = np.union1d(_SIDE, _LINE)
_SIDE_OF: Final = np.searchsorted(_NEEDED, _SIDE)
_LINE_OF: Final = np.searchsorted(_NEEDED, _LINE)


def equivalent_widths(windows: WindowSet) -> tuple[Float32, Float32]:
    """Measure the equivalent width of Hα within 16 Å of the line at rest.

    Parameters
    ----------
    windows
        Windows, n of them. Every one gets, to the last bit, what it would get alone.

    Returns
    -------
    tuple
        Equivalent width, Å, emission negative, and its standard deviation, shape (n,) each; NaN where there
        is no positive continuum.
    """
    width, error = np.empty(len(windows), dtype=np.float32), np.empty(len(windows), dtype=np.float32)
    for start in range(0, len(windows), _BLOCK):
        rows = slice(start, start + _BLOCK)
        flux = windows.flux[rows, _NEEDED[0] : _NEEDED[-1] + 1][:, _NEEDED - _NEEDED[0]]
        offset, scale = windows.continuum[rows, :1], windows.continuum[rows, 1:]
        width[rows], error[rows] = _measure(flux * scale + offset)
    return width, error


def _measure(flux: Float32) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Measure windows of which the needed pixels are given, shape (n, k)."""
    side = np.ascontiguousarray(flux[:, _SIDE_OF])
    kept = np.ones(side.shape, dtype=np.float32)
    level, slope = _straight(side, kept)
    residual = side - (level + slope * _POWERS[1])
    scatter = _TO_SIGMA * np.einsum("nk->n", np.abs(residual)) / np.float32(_SIDE.size)
    again = np.flatnonzero((np.abs(residual) > CLIP * scatter[:, None]).any(axis=1))
    if again.size:
        kept[again] = np.abs(residual[again]) <= CLIP * scatter[again, None]
        level[again], slope[again] = _straight(side[again], kept[again])
        residual[again] = kept[again] * (side[again] - (level[again] + slope[again] * _POWERS[1]))
        number = np.maximum(np.einsum("nk->n", kept[again]), 1.0)
        scatter[again] = _TO_SIGMA * np.einsum("nk->n", np.abs(residual[again])) / number
    continuum = level + slope * _DISTANCE[_LINE]
    usable = _positive(continuum)
    ratio = flux[:, _LINE_OF] / np.where(usable[:, None], continuum, np.float32(np.nan))
    width = _RANGE - _STEP * np.einsum("nk->n", ratio)
    return width, _error(ratio, width, scatter / level[:, 0], _correlation(residual), kept)


def _straight(side: Float32, kept: Float32) -> tuple[Float32, Float32]:
    """Fit a straight line to the kept pixels of the side bands; level at Hα and slope, shape (n, 1)."""
    # einsum sums each row by itself; a product of matrices would give other bits in other company
    total, x, xx = np.einsum("nk,jk->jn", kept, _POWERS)
    y, xy = np.einsum("nk,jk->jn", kept * side, _POWERS[:2])
    spread = np.maximum(total * xx - x * x, np.float32(1e-6))
    slope = (total * xy - x * y) / spread
    return ((y - slope * x) / np.maximum(total, np.float32(1.0)))[:, None], slope[:, None]


def _positive(continuum: Float32) -> BoolArray:
    return np.asarray((continuum[:, 0] > 0) & (continuum[:, -1] > 0))


def _correlation(residual: Float32) -> npt.NDArray[Any]:
    """Give the variance of a sum of neighbours over the sum of their variances, shape (n,), within [1, 3]."""
    variance = np.maximum(np.einsum("nk,nk->n", residual, residual), np.float32(1e-30))
    neighbours = np.einsum("nk,nk->n", residual[:, 1:], residual[:, :-1]) / variance
    unbiased = neighbours + (1.0 + 4.0 * neighbours) / np.float32(residual.shape[1])
    return np.asarray(np.clip(1.0 + 2.0 * unbiased, 1.0, 3.0))


def _error(
    ratio: npt.NDArray[Any],
    width: npt.NDArray[Any],
    sigma: npt.NDArray[Any],
    correlation: npt.NDArray[Any],
    kept: npt.NDArray[Any],
) -> npt.NDArray[Any]:
    """Give the standard deviation of the widths: noise of pixels and continuum, and what none explains."""
    photons = np.einsum("nk->n", np.clip(ratio, np.float32(0.2), None))
    pixels = correlation * np.square(sigma * _STEP) * photons
    number = np.maximum(np.einsum("nk->n", kept), np.float32(3.0))
    continuum = np.square(sigma) * np.float32(1.3) * correlation / number + np.float32(CONTINUUM_ERROR**2)
    return np.asarray(np.sqrt(pixels + continuum * np.square(_RANGE - width)))

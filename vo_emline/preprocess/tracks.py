"""Tracks: what stands out over a few pixels and is no sum of line spreads.

A cosmic ray or a block of hot pixels is put on pixels after the optics: its edges are sharper than the
line spread. All light is a sum of line spreads with positive weights, on a continuum that may have absorption
lines. For each shape of a track the nearest such sum is found, once; what is left of the shape is a filter.
By the conditions of that least-squares fit (Karush, Kuhn and Tucker) its product with any line spread, at any
of the places, is not positive, however lines are put together. Where it is positive beyond the noise, and
beyond what an absorption line as deep as the lowest pixel may add, no light made it.
"""

from __future__ import annotations

import itertools
from functools import lru_cache
from typing import Final

import numpy as np

from vo_emline.arrays import BoolArray, FloatArray

REACH: Final = 7
"""Pixels of a filter on either side of its middle."""

WIDTHS: Final = (2, 3, 4, 5)
"""Whole pixels of a track …"""

ENDS: Final = (0.1, 0.35, 0.6)
"""… and what the pixels at its ends have, of these."""

ABSORPTION: Final = (1.0, 1.5, 2.5)
"""σ of absorption lines, pixels, that are allowed beside and under it."""

BETWEEN: Final = 0.2
"""Pixels between the places of lines."""

MOST_SLOPE: Final = 0.03
"""Standard deviation of level, slope and curvature of the continuum, of the height of the track."""

MOST_ABSORPTION: Final = 0.3
"""Standard deviation of the depth of each absorption line, of that height."""

LOOSE: Final = 0.05
"""Standard deviation of a pixel in these fits, of that height."""

SURE: Final = 4.0
"""No light makes what a filter exceeds by so many standard deviations …"""

SHARE: Final = 0.05
"""… and by this share of the height of the peak, as no line spread is known better."""

OF_RANGE: Final = 0.5
"""The peak is no less than this share of what the flux varies by within reach."""


def find_tracks(flux: FloatArray, *, least: FloatArray, sigma: FloatArray, narrowest: float) -> BoolArray:
    """Tell the rows in which something of a few pixels is no sum of line spreads.

    Parameters
    ----------
    flux
        Pixels looked at and :data:`REACH` more at either end, shape (n, m + 2 · REACH).
    least, sigma
        Least height of a peak, and the noise, shape (n, m).
    narrowest
        σ of the narrowest line spread, in pixels.

    Returns
    -------
    ndarray
        Shape (n,).
    """
    ends = flux[:, :-1] + flux[:, 1:]
    low = 0.5 * np.minimum(ends[:, : 1 - 2 * REACH], ends[:, 2 * REACH - 1 :])
    middle = flux[:, REACH - 1 : 1 - REACH]
    height = np.maximum(np.maximum(middle[:, :-2], middle[:, 2:]), middle[:, 1:-1]) - low
    row, at = np.nonzero(height > least)
    around = np.lib.stride_tricks.sliding_window_view(flux, 2 * REACH + 1, axis=1)
    alone = height[row, at] > OF_RANGE * np.ptp(around[row, at], axis=1)
    row, at = row[alone], at[alone]
    found = np.zeros(len(flux), dtype=bool)
    if not row.size:
        return found
    filters, absorbed = _filters(round(narrowest, 4))
    pixels, level = around[row, at], low[row, at]
    peak = pixels.max(axis=1) - level
    # the noise of the least pixel within reach holds for all of them, that of a peak grows with its photons
    quiet = np.min(sigma, axis=1)[row]
    bright = np.lib.stride_tricks.sliding_window_view(_beyond(sigma), 2 * REACH + 1, axis=1)[row, at]
    depth = np.maximum(level - pixels.min(axis=1) - quiet, 0.0)
    excess = (pixels - level[:, None]) @ filters.T - depth[:, None] * absorbed
    error = np.sqrt(np.square(bright) @ np.square(filters.T))
    beyond = (excess > SURE * error) & (excess > SHARE * peak[:, None])
    found[row[beyond.any(axis=1)]] = True
    return found


def _beyond(sigma: FloatArray) -> FloatArray:
    """Give the noise of the pixels beyond the ends too: the least of the row, as the continuum has."""
    ends = np.repeat(sigma.min(axis=1, keepdims=True), REACH, axis=1)
    return np.concatenate([ends, sigma, ends], axis=1)


@lru_cache(maxsize=8)
def _filters(narrowest: float) -> tuple[FloatArray, FloatArray]:
    """Make the filters, shape (k, 15), of length one, and what an absorption line of depth one adds, (k,)."""
    from scipy.optimize import nnls

    pixel = np.arange(-REACH, REACH + 1.0)
    emission = _lines(pixel, narrowest)
    absorption = np.hstack([_lines(pixel, width)[:, ::2] for width in ABSORPTION])
    smooth = np.stack([(pixel / REACH) ** power for power in range(3)], axis=1)
    free = np.hstack([smooth, -smooth, -absorption])
    loose = np.full(free.shape[1], LOOSE / MOST_SLOPE)
    loose[2 * smooth.shape[1] :] = LOOSE / MOST_ABSORPTION
    light = np.block(
        [[emission, free], [np.zeros((free.shape[1], emission.shape[1])), np.diag(loose)]]
    )  # what is free is held near nothing
    made = []
    for width, left, right in itertools.product(WIDTHS, ENDS, ENDS):
        track = np.zeros(len(light))
        first = REACH - width // 2
        track[first : first + width] = 1.0
        track[first - 1], track[first + width] = left, right
        weights, _ = nnls(light, track, maxiter=10_000)
        rest = (track - light @ weights)[: pixel.size]
        made.append(rest / np.linalg.norm(rest))
    filters = np.array(made)
    absorbed = np.stack([(-filters @ _lines(pixel, width)).max(axis=1) for width in ABSORPTION])
    return filters, absorbed.max(axis=0)


def _lines(pixel: FloatArray, width: float) -> FloatArray:
    """Give Gaussians at all places, shape (pixels, places)."""
    place = np.arange(-REACH - 2.0, REACH + 2.0 + BETWEEN / 2, BETWEEN)
    return np.asarray(np.exp(-0.5 * np.square((pixel[:, None] - place) / width)))

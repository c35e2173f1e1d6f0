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

from vo_emline.preprocess.windows import GRID
from vo_emline.spectra.medium import HALPHA_VAC
from vo_emline.spectra.spectrum import BoolArray, FloatArray

LINE_REGION: Final = 30.0
"""The fit leaves out what is nearer to Hα than this, Å."""

CLIP: Final = 3.0
"""Pixels further than this many robust standard deviations from the line are left out."""

ROUNDS: Final = 4

LEAST_RATIO: Final = 0.5
"""A line that falls below this fraction of its larger end is no continuum to divide by."""

_SIDES: Final[BoolArray] = np.abs(GRID - HALPHA_VAC) > LINE_REGION
_X: Final[FloatArray] = (GRID - GRID.mean()) / np.ptp(GRID)


def flatten(flux: FloatArray, ivar: FloatArray) -> tuple[FloatArray, FloatArray]:
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
    line = fit_line(flux)
    divide = (line.min(axis=1) > LEAST_RATIO * line.max(axis=1)) & (line.min(axis=1) > 0)
    divisor = np.where(divide[:, None], line, 1.0)
    level = np.where(divide[:, None], 0.0, line)
    return (flux - level) / divisor, ivar * divisor**2


def fit_line(flux: FloatArray) -> FloatArray:
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
    weight = np.broadcast_to(_SIDES, flux.shape).astype(np.float64)
    line = _weighted_line(flux, weight)
    for _ in range(ROUNDS):
        distance = np.abs(flux - line)
        spread = 1.4826 * np.median(distance[:, _SIDES], axis=1, keepdims=True)
        line = _weighted_line(flux, (_SIDES & (distance <= CLIP * spread)).astype(np.float64))
    return line


def _weighted_line(flux: FloatArray, weight: FloatArray) -> FloatArray:
    """Least squares for each row; weights of zero leave a pixel out."""
    total = weight.sum(axis=1)
    x_mean, y_mean = weight @ _X / total, (weight * flux).sum(axis=1) / total
    dx = _X - x_mean[:, None]
    spread = (weight * dx**2).sum(axis=1)
    slope = (weight * dx * flux).sum(axis=1) / np.where(spread > 0, spread, 1.0)
    return np.asarray(y_mean[:, None] + slope[:, None] * dx)

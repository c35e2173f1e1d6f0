"""How much less is known of stars that have no neighbours among those learnt from."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from scipy.spatial.distance import cdist

from vo_emline.arrays import Column, FloatArray

GROWTHS: Final = np.concatenate([[0.0], np.geomspace(1e-3, 1.0, 31)])
"""Values tried for how fast the variance grows away from the spectra learnt from, Å²: a grid, so that the
last bits of a fit decide nothing."""

REACHES: Final = np.linspace(0.5, 3.0, 26)
"""Values tried for the distance at which it begins to."""


class Hidden(NamedTuple):
    """Variance by which stars differ from what the process says, away from those that it was learnt from.

    The process is smooth: its length is many times the distance of neighbours, and between and beyond them
    it goes on as they do, hardly less sure. Hydrogen does not: a supergiant lies beside hot dwarfs and cool
    stars, and has the line of neither. The errors of predictions of each learnt star from the others show
    how fast it strays, with the distance to the nearest (a random walk in it, :func:`fit_hidden`).
    """

    growth: float
    """Variance for each unit of distance, Å²."""
    reach: float
    """Distance to the nearest learnt spectrum, in units of the spread, from which it grows."""

    def __call__(self, square: Column) -> Column:
        """Give the variance at squared distances from the nearest learnt spectrum, Å²."""
        if not self.growth:
            return np.zeros(np.shape(square))
        return np.asarray(self.growth * np.maximum(np.sqrt(np.maximum(square, 0.0)) - self.reach, 0.0))


def nearest(points: FloatArray) -> Column:
    """Give the squared distance of every point to the nearest other, shape (m,)."""
    square = cdist(points, points, "sqeuclidean")
    np.fill_diagonal(square, np.inf)
    return np.asarray(square.min(axis=1))


def fit_hidden(error: Column, variance: Column, square: Column) -> Hidden:
    """Find what makes the errors of predictions of each learnt spectrum from the others most likely.

    Parameters
    ----------
    error
        Observed less predicted, Å, shape (m,).
    variance
        Of the predictions by the process, and of the noise, Å², shape (m,).
    square
        Squared distance to the nearest other, shape (m,); nothing is found where there is none.
    """
    if not np.isfinite(square).all():
        return Hidden(0.0, 0.0)
    tried = [Hidden(float(growth), float(reach)) for reach in REACHES for growth in GROWTHS]
    costs = []
    for one in tried:
        total = variance + one(square)
        costs.append(float((np.log(total) + np.square(error) / total).sum()))
    return tried[int(np.argmin(np.round(costs, 6)))]

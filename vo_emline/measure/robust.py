"""Medians of rows in which some values are unknown, by one plain sort; numpy masks and sorts indices."""

from __future__ import annotations

import numpy as np

from vo_emline.arrays import Column, Spectra


def row_medians(values: Spectra) -> Column:
    """Give the median of each row over what is not NaN; NaN where nothing is known.

    Parameters
    ----------
    values
        Shape (n, k).

    Returns
    -------
    numpy.ndarray
        Shape (n,).
    """
    ordered = np.sort(values, axis=1)  # NaN come last
    known = np.asarray(values.shape[1] - np.isnan(values).sum(axis=1))
    upper = np.maximum(known // 2, 0)
    lower = np.maximum((known - 1) // 2, 0)
    rows = np.arange(len(values))
    return np.asarray(0.5 * (ordered[rows, lower] + ordered[rows, upper]))


def robust_sigma(residual: Spectra) -> Column:
    """Estimate the standard deviation of each row by its median absolute value; shape (n, k) to (n,)."""
    return np.asarray(1.4826 * np.median(np.abs(residual), axis=1))

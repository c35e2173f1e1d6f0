"""Scaling of windows, each by its own values."""

from __future__ import annotations

from typing import Final

import numpy as np

from vo_emline.arrays import FloatArray, Spectra
from vo_emline.preprocess.options import Scaling

FLAT: Final = 1e-6
"""A window whose scale is below this fraction of its largest value is constant (single precision)."""


def offset_and_scale(flux: Spectra, scaling: Scaling) -> FloatArray:
    """Give what is to be taken out of each window: scaled = (flux − offset) / scale.

    Parameters
    ----------
    flux
        Windows, shape (n, k), finite.
    scaling
        ``standardise``: mean and standard deviation (of the population, as
        scikit-learn's ``scale``); ``minmax``: middle and half-width of the
        range, which puts the window onto [−1, 1].

    Returns
    -------
    numpy.ndarray
        Offset and scale of each window, shape (n, 2); the scale is 0 where
        the window is constant.
    """
    if scaling == "standardise":
        offset, scale = flux.mean(axis=1), flux.std(axis=1)
    else:
        low, high = flux.min(axis=1), flux.max(axis=1)
        offset, scale = (high + low) / 2, (high - low) / 2
    scale = np.where(scale > FLAT * np.abs(flux).max(axis=1), scale, 0.0)
    return np.column_stack([offset, scale])

"""Levelling out unequal classes, on the training split only."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from vo_emline.errors import UserError
from vo_emline.labels import LABELS

K_NEIGHBOURS = 5
"""Neighbours between which SMOTE interpolates (Chawla et al. 2002, JAIR 16, 321)."""


def require_classes(label: npt.NDArray[np.int64], *, least: int = 1) -> None:
    """Refuse a training split in which a class is missing or too small.

    Raises
    ------
    UserError
        A class has fewer than `least` spectra.
    """
    counts = np.bincount(label, minlength=len(LABELS))
    short = [f"{name} has {count}" for name, count in zip(LABELS, counts, strict=True) if count < least]
    if short:
        raise UserError(
            f"the training split needs at least {least} spectra of every class, but {', '.join(short)}; "
            "label more stars of that class or add simulated spectra"
        )


def smote(
    flux: npt.NDArray[np.float32], label: npt.NDArray[np.int64], *, seed: int
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Fill up the smaller classes with synthetic windows (SMOTE).

    Parameters
    ----------
    flux
        Windows of the training split, shape (n, 140).
    label
        Class index of each, shape (n,).
    seed
        Seed of the interpolation.

    Returns
    -------
    flux, label
        The given windows first, then the synthetic ones; every class as often as the largest.

    Raises
    ------
    UserError
        A class has fewer than two windows: there is nothing to interpolate between.
    """
    from imblearn.over_sampling import SMOTE

    require_classes(label, least=2)
    neighbours = min(K_NEIGHBOURS, int(np.bincount(label).min()) - 1)
    filled, labels = SMOTE(k_neighbors=neighbours, random_state=seed).fit_resample(flux, label)
    return np.asarray(filled, dtype=np.float32), np.asarray(labels, dtype=np.int64)


def class_shares(label: npt.NDArray[np.int64]) -> tuple[float, float, float]:
    """Give the share of each class."""
    absorption, emission, double = (np.bincount(label, minlength=len(LABELS)) / max(len(label), 1)).tolist()
    return absorption, emission, double


def class_weights(label: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
    """Give each window the weight that makes the classes count alike, mean 1, shape (n,)."""
    counts = np.bincount(label, minlength=len(LABELS))
    weights = len(label) / (np.count_nonzero(counts) * np.maximum(counts, 1))
    return np.asarray(weights[label], dtype=np.float32)

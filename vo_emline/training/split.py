"""Splitting spectra into training, validation and test: by star, never by spectrum."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vo_emline.arrays import IntArray
from vo_emline.errors import UserError


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """Indices of the spectra of each side, ascending."""

    train: IntArray
    validation: IntArray
    test: IntArray


def split_by_star(
    label: IntArray, star: IntArray, *, validation: float = 0.15, test: float = 0.15, seed: int = 0
) -> Split:
    """Split spectra so that no star is on two sides and the classes are spread evenly.

    Stars are taken in random order, those with many spectra first, and each
    goes to the side that lacks most of its classes. A random split over
    spectra instead would leak: one star of the Ondřejov archive has more than
    400 spectra.

    Parameters
    ----------
    label
        Class index per spectrum, or any finer stratum to be spread evenly, shape (n,).
    star
        Number of the star per spectrum, shape (n,).
    validation, test
        Share of the spectra for each side; the rest is for training.
    seed
        Seed of the random order. The same seed gives the same split.

    Raises
    ------
    UserError
        The shares leave nothing to train on.
    """
    if validation + test >= 1:
        raise UserError(f"validation ({validation}) and test ({test}) shares leave nothing to train on")
    counts = _class_counts(label, star)
    wanted = np.array([1 - validation - test, validation, test])[:, None] * counts.sum(axis=0)
    side = _assign(counts, wanted, _order(counts, seed))[np.unique(star, return_inverse=True)[1]]
    parts = [np.flatnonzero(side == number) for number in range(3)]
    return Split(train=parts[0], validation=parts[1], test=parts[2])


def _class_counts(label: IntArray, star: IntArray) -> IntArray:
    """Count the spectra of each star (rows) by class (columns)."""
    row = np.unique(star, return_inverse=True)[1]
    counts = np.zeros((row.max(initial=-1) + 1, int(label.max(initial=0)) + 1), dtype=np.int64)
    np.add.at(counts, (row, label), 1)
    return counts


def _order(counts: IntArray, seed: int) -> IntArray:
    shuffled = np.random.default_rng(seed).permutation(len(counts))
    return shuffled[np.argsort(-counts[shuffled].sum(axis=1), kind="stable")]


def _assign(counts: IntArray, wanted: npt.NDArray[np.float64], order: IntArray) -> IntArray:
    """Give each star the side (0, 1, 2) where it mends most of the shortage of its classes."""
    side = np.zeros(len(counts), dtype=np.int64)
    lack = wanted.copy()
    # relative to the size of the side, so that all sides fill evenly and one star does not fill a small one
    weight = 1 / np.maximum(wanted * wanted.sum(axis=0), 1e-12)
    usable = wanted.sum(axis=1) > 0
    for star in order:
        gain = ((lack**2 - (lack - counts[star]) ** 2) * weight).sum(axis=1)
        side[star] = np.argmax(np.where(usable, gain, -np.inf))
        lack[side[star]] -= counts[star]
    return side

"""Which spectra are of one star, and splits that keep a star on one side."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from vo_emline.arrays import IntArray
from vo_emline.errors import UserError

MATCH_ARCSEC: Final = 30.0
"""Largest distance between two pointings at one star, arcsec.

Telescope coordinates of bright stars are off by up to 24″ in the Ondřejov archive."""

NOT_A_STAR: Final = frozenset(
    {"", "UNKNOWN", "NONE", "NON", "NONAME", "STAR", "OBJECT", "TEST", "SKY", "OBJ"}
)
"""Target names that say nothing about which star it is."""


def normalise_name(name: str) -> str:
    """Write the name of a star in one way; empty when it names no star.

    >>> normalise_name("HD 034452") == normalise_name("hd_34452") == "HD34452"
    True
    """
    bare = re.sub(r"[\s_]+", "", name.upper())
    bare = re.sub(r"(?<=[A-Z])0+(?=\d)", "", bare)
    return "" if bare in NOT_A_STAR else bare


def group_by_star(
    names: Sequence[str | None],
    ra: npt.NDArray[np.float64],
    dec: npt.NDArray[np.float64],
    *,
    radius_arcsec: float = MATCH_ARCSEC,
) -> npt.NDArray[np.int64]:
    """Give each spectrum the number of its star.

    Two spectra are of one star when their names agree or their positions lie
    within `radius_arcsec`; chains of such pairs are one star too, so that no
    star can end up on two sides of a split.

    Parameters
    ----------
    names
        Names of the targets, n texts.
    ra, dec
        ICRS, deg, NaN where unknown, shape (n,).
    radius_arcsec
        Largest distance of two spectra of one star, arcsec.

    Returns
    -------
    numpy.ndarray
        Number of the star per spectrum, 0 … stars − 1, shape (n,).
    """
    pairs = np.concatenate([_same_name(names), _near(ra, dec, radius_arcsec)])
    n = len(names)
    links = coo_array((np.ones(len(pairs), dtype=bool), (pairs[:, 0], pairs[:, 1])), shape=(n, n))
    return np.asarray(connected_components(links, directed=False)[1], dtype=np.int64)


def _same_name(names: Sequence[str | None]) -> npt.NDArray[np.int64]:
    first: dict[str, int] = {}
    pairs = [
        (first.setdefault(key, index), index)
        for index, name in enumerate(names)
        if (key := normalise_name(name or ""))
    ]
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)


def _near(
    ra: npt.NDArray[np.float64], dec: npt.NDArray[np.float64], radius_arcsec: float
) -> npt.NDArray[np.int64]:
    known = np.flatnonzero(np.isfinite(ra) & np.isfinite(dec))
    lon, lat = np.radians(ra[known]), np.radians(dec[known])
    vectors = np.column_stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])
    chord = 2 * np.sin(np.radians(radius_arcsec / 3600) / 2)
    pairs = (
        cKDTree(vectors).query_pairs(chord, output_type="ndarray") if known.size else np.empty((0, 2), int)
    )
    return np.asarray(known[pairs], dtype=np.int64).reshape(-1, 2)


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

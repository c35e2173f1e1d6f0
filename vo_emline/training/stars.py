"""Which spectra are of one star: by the name of the target and by its position."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

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

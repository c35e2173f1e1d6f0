"""Which objects are known already: matching by designation and by position.

The positions of bright stars in the survey are those of the fibre, up to 24″ from the star, so that one
small radius would lose real matches: a second, wide one gives matches that are called possible.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
from astropy import units as u
from astropy.coordinates import SkyCoord, search_around_sky
from astropy.units import Quantity

RADIUS: Final = 5 * u.arcsec
"""Separation up to which two positions are one object."""

WIDE: Final = 25 * u.arcsec
"""Separation up to which they may be one object (bright stars)."""

_DESIGNATION = re.compile(r"J\d{6}(?:\.\d+)?[+-]\d{6}(?:\.\d+)?")
_RANK: Final = {"designation": 0, "position": 1, "possible": 2}

How = Literal["designation", "position", "possible"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Photometry:
    """What a catalogue says of brightness, colour and distance: one value per object, NaN (or 0) for none."""

    gaia_source_id: npt.NDArray[np.int64]
    """Gaia DR3; 0 where unknown."""
    g: npt.NDArray[np.float64]
    """G, mag."""
    bp_rp: npt.NDArray[np.float64]
    """BP − RP, mag."""
    parallax: npt.NDArray[np.float64]
    """mas."""

    def take(self, rows: npt.NDArray[np.int64]) -> Photometry:
        """Give that of some rows."""
        return Photometry(
            gaia_source_id=self.gaia_source_id[rows],
            g=self.g[rows],
            bp_rp=self.bp_rp[rows],
            parallax=self.parallax[rows],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownObjects:
    """The objects of one catalogue."""

    catalogue: str
    """Short reference (``Hou et al. 2016``)."""
    names: Sequence[str]
    types: Sequence[str]
    """What each is (``CBe``, ``Be*``, ``I``, …); empty where the catalogue does not say."""
    positions: SkyCoord
    """ICRS, one per name."""
    epoch: float = float("nan")
    """Epoch of the positions, Julian year; NaN where unknown."""
    photometry: Photometry | None = None
    """None where the catalogue has none."""
    dense: bool = False
    """Whether it has so many objects that one beyond the first radius is another star."""

    def __len__(self) -> int:
        """Count the objects."""
        return len(self.names)


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownMatch:
    """An object of a catalogue that is, or may be, the one asked about."""

    name: str
    type: str
    catalogue: str
    separation: float
    """arcsec."""
    how: How
    """``possible``: only within the wide radius."""
    ra: float
    dec: float
    """ICRS, deg, in the catalogue."""
    epoch: float = float("nan")
    """Epoch of the catalogue's positions, Julian year."""
    photometry: Photometry | None = field(default=None, compare=False)
    """Of this object alone (arrays of one)."""

    def __str__(self) -> str:
        """Say it: ``known as …, type … (catalogue)``."""
        certainty = "possibly known as" if self.how == "possible" else "known as"
        kind = f", type {self.type}" if self.type else ""
        apart = f", {self.separation:.1f} arcsec away" if self.how == "possible" else ""
        return f"{certainty} {self.name}{kind} ({self.catalogue}{apart})"


def match_each(
    designations: Sequence[str],
    positions: SkyCoord,
    catalogues: Iterable[KnownObjects],
    *,
    radius: Quantity = RADIUS,
    wide: Quantity = WIDE,
) -> list[list[KnownMatch]]:
    """Find each object in every catalogue that has it.

    A designation decides; else the nearest within `radius`; else the nearest within `wide`, as possible.

    Parameters
    ----------
    designations
        LAMOST designations (``J063416.35+023030.2``); empty where unknown.
    positions
        ICRS, one per designation.
    catalogues
        Where to look. Of several with one reference (tables of one catalogue) the surest match counts.
    radius, wide
        Separations, see above.

    Returns
    -------
    list of list of KnownMatch
        For each object one match per catalogue at most, in the order of the catalogues.
    """
    found: list[dict[str, KnownMatch]] = [{} for _ in designations]
    if not len(designations):
        return []
    for catalogue in catalogues:
        for index, match in _matches(designations, positions, catalogue, radius, wide):
            held = found[index].get(catalogue.catalogue)
            if held is None or _RANK[match.how] < _RANK[held.how]:
                found[index][catalogue.catalogue] = match
    return [list(each.values()) for each in found]


def surest(matches: Iterable[KnownMatch]) -> KnownMatch | None:
    """Give the surest of some matches, of equally sure ones the first; None where there is none."""
    return min(matches, key=lambda match: _RANK[match.how], default=None)


def describe_known(matches: Iterable[KnownMatch | None], *, asked: Iterable[str] = ()) -> list[str | None]:
    """Say of each object what it is known as, or which catalogues do not have it.

    That a star is in none of some catalogues does not make it new: nobody has asked the others.

    Parameters
    ----------
    matches
        The :func:`surest` of each object.
    asked
        References of the catalogues that were asked; nothing is said of what none of none has.
    """
    names = ", ".join(dict.fromkeys(asked))
    absent = f"not in {names}" if names else None
    return [absent if match is None else str(match) for match in matches]


def plain_designation(text: str) -> str:
    """Give the designation in a name (``LAMOST J063416.35+023030.2``), without prefix; else empty."""
    found = _DESIGNATION.search(text)
    return found.group() if found else ""


def position_of_designation(designation: str) -> SkyCoord:
    """Read the position that a designation tells (to some 0.1″).

    Raises
    ------
    ValueError
        If it tells none.
    """
    plain = plain_designation(designation)
    if not plain:
        raise ValueError(f"{designation!r} tells no position")
    split = max(plain.find("+"), plain.find("-"))
    hours, degrees = plain[1:split], plain[split:]
    ra = f"{hours[:2]}:{hours[2:4]}:{hours[4:]}"
    dec = f"{degrees[:3]}:{degrees[3:5]}:{degrees[5:]}"
    return SkyCoord(ra, dec, unit=(u.hourangle, u.deg), frame="icrs")


def _matches(
    designations: Sequence[str],
    positions: SkyCoord,
    catalogue: KnownObjects,
    radius: Quantity,
    wide: Quantity,
) -> list[tuple[int, KnownMatch]]:
    """Give the surest match in one catalogue of each object that has any."""
    found: dict[int, KnownMatch] = {}
    places = np.column_stack([catalogue.positions.icrs.ra.deg, catalogue.positions.icrs.dec.deg])
    if len(catalogue):
        farthest = radius if catalogue.dense else wide
        ours, theirs, apart, _ = search_around_sky(positions, catalogue.positions, farthest)
        for i in np.argsort(-apart.arcsec, kind="stable"):
            how: How = "position" if apart[i] <= radius else "possible"
            found[int(ours[i])] = _match(catalogue, int(theirs[i]), places, float(apart[i].arcsec), how)
    by_name = {plain_designation(name): index for index, name in enumerate(catalogue.names)}
    by_name.pop("", None)
    for index, designation in enumerate(designations):
        known = by_name.get(plain_designation(designation))
        if known is not None:
            apart_now = positions[index].separation(catalogue.positions[known]).arcsec
            found[index] = _match(catalogue, known, places, float(apart_now), "designation")
    return list(found.items())


def _match(
    catalogue: KnownObjects, index: int, places: npt.NDArray[np.float64], separation: float, how: How
) -> KnownMatch:
    return KnownMatch(
        name=catalogue.names[index],
        type=catalogue.types[index],
        catalogue=catalogue.catalogue,
        separation=separation,
        how=how,
        ra=float(places[index, 0]),
        dec=float(places[index, 1]),
        epoch=catalogue.epoch,
        photometry=None if catalogue.photometry is None else catalogue.photometry.take(np.array([index])),
    )

"""Spectra of the same exposure around a candidate: whether its line is a nebula's shows there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from service.products.entries import Entry
from service.store import Release
from service.web.written import probability, with_error
from vo_emline.candidates.columns import SCORES
from vo_emline.spectra.surveys import exposure_of

RADIUS: Final = 0.5
"""How far around a candidate others are looked for, deg."""

MOST: Final = 20
"""Spectra that are shown, the nearest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """One spectrum of the same exposure."""

    candidate_id: str
    name: str
    label: str
    score: str
    ew: str
    """Equivalent width of Hα with its error, Å; empty where it was not measured."""
    apart: str
    """Distance on the sky, arcmin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """What else was taken at once, near by."""

    rows: Sequence[Beside]
    """The nearest first."""
    query: str
    """ADQL that gives all of them."""


def field_of(release: Release, row: Mapping[str, Any], entry: Entry | None) -> Field | None:
    """Find the spectra of the same exposure near a spectrum.

    Rows lie in the order of their places, so a cone reads those around it only, however many there are. So it
    is a look-up of ours, as that of the row itself, which waits for no slot among the queries of others.

    Parameters
    ----------
    release
        The release that is asked; leased by the caller.
    row
        Of the scores.
    entry
        The same in the index; None where the index lacks it.

    Returns
    -------
    Field or None
        None where the place or the exposure is unknown, or where there are none.
    """
    obsids = None if entry is None else exposure_of(entry.collection, row["obsid"])
    if obsids is None or row["ra"] is None or row["dec"] is None:
        return None
    name, apart = SCORES.qualified_name, f"DISTANCE(ra, dec, {row['ra']!r}, {row['dec']!r})"
    columns = "candidate_id, designation, obsid, label, score, ew, ew_error"
    query = (
        f"{columns}, 60 * {apart} AS arcmin\nFROM {name}\nWHERE {apart} < {RADIUS}\n"
        f"AND obsid BETWEEN {obsids[0]} AND {obsids[-1]} AND obsid <> {row['obsid']}\nORDER BY arcmin"
    )
    found = release.rows(release.compile(f"SELECT TOP {MOST} {query}").sql)
    return Field(rows=[_beside(one) for one in found], query=f"SELECT {query}") if found else None


def _beside(found: Mapping[str, Any]) -> Beside:
    return Beside(
        candidate_id=found["candidate_id"],
        name=found["designation"] or found["candidate_id"],
        label=found["label"],
        score=probability(found["score"]),
        ew="" if found["ew"] is None else with_error(found["ew"], found["ew_error"]),
        apart=f"{found['arcmin']:.1f}",
    )

"""What stands around a candidate: its neighbours in the list it was opened from, other spectra of it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from service.store import Release
from service.tap.context import TapServices
from service.web.asking import ask
from service.web.view import View
from service.web.written import probability, with_error
from vo_emline.candidates.columns import EPOCHS, SCORES
from vo_emline.errors import UserError

_MOST_SPECTRA: Final = 100

CHANGING: Final = {"ew": "EW of Hα (Å), emission is negative", "vr_ratio": "V/R of the peaks"}
"""Quantities that are shown against time, and how they are called."""

_MJD_2000: Final = 51544.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbours:
    """The way back to the list and along it; empty where a page was opened by itself."""

    back: str = ""
    """Query string of the list."""
    previous: str = ""
    """Identifier and query string of the row before (``ID.html?…``)."""
    next: str = ""
    number: int = 0
    """Which row of the list this is, from 1; 0 for none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Epoch:
    """One spectrum of the star."""

    candidate_id: str
    did: str
    """Its publisher DID."""
    label: str
    score: str
    ew: str
    snr: str
    when: str
    """Date (UTC); empty where unknown."""
    survey: str
    """Who took it."""
    itself: bool
    mjd: float | None
    """When, MJD (UTC)."""
    measured: Mapping[str, tuple[float, float]]
    """Quantities of the line with their standard deviations, 0 where unknown."""


def neighbours(context: TapServices, candidate_id: str, given: Sequence[tuple[str, str]]) -> Neighbours:
    """Find what stands before and after a row in the view that `given` names.

    Parameters
    ----------
    context
        The service.
    candidate_id
        The row.
    given
        Parameters of the address: those of a view, and ``at``, the number of the row from 0.
    """
    at = dict(given).get("at", "")
    if not (at.isascii() and at.isdigit() and len(at) < 9):
        return Neighbours()
    here = int(at)
    try:
        view = View.read(pair for pair in given if pair[0] != "at")
        first = max(here - 1, 0)
        rows = ask(context, view.adql(("candidate_id",), top=3, offset=first), limit=3)
    except UserError:  # an address that was changed by hand; the page stands without
        return Neighbours()
    found = [row["candidate_id"] for row in rows]
    place = here - first
    if place >= len(found) or found[place] != candidate_id:
        return Neighbours()
    return Neighbours(
        back=view.link(page=here // view.size + 1),
        previous=_link(view, found[place - 1], here - 1) if place else "",
        next=_link(view, found[place + 1], here + 1) if place + 1 < len(found) else "",
        number=here + 1,
    )


def epochs(release: Release, row: Mapping[str, Any]) -> list[Epoch]:
    """Give all classified spectra of the star of a row, the oldest first.

    Each step is a look-up: of the star by an index, of its epochs by the order of their table, of their
    scores by an index. A join of the three reads the whole of the largest.
    """
    if release.table(EPOCHS.qualified_name) is None:  # a release of before there were stars
        return []
    name, wanted = EPOCHS.qualified_name, row["candidate_id"]
    star = release.rows(f"SELECT object_id FROM {name} WHERE candidate_id = ?", [wanted])  # noqa: S608
    if not star:
        return []
    others = release.rows(
        f"SELECT candidate_id, survey FROM {name} WHERE object_id = ? "  # noqa: S608
        f"ORDER BY epoch_mjd, candidate_id LIMIT {_MOST_SPECTRA}",
        [star[0]["object_id"]],
    )
    by_id: dict[str, Mapping[str, Any]] = {wanted: row}
    if elsewhere := [other["candidate_id"] for other in others if other["candidate_id"] != wanted]:
        marks = ", ".join("?" * len(elsewhere))
        scores = release.rows(
            "SELECT candidate_id, obs_publisher_did, label, score, ew, ew_error, snr_r, "  # noqa: S608
            "epoch_mjd, vr_ratio, vr_ratio_error "
            f"FROM {SCORES.qualified_name} WHERE candidate_id IN ({marks})",
            elsewhere,
        )
        by_id |= {found["candidate_id"]: found for found in scores}
    return [
        _epoch({**by_id[other["candidate_id"]], **other}, wanted)
        for other in others
        if other["candidate_id"] in by_id
    ]


def date_of(mjd: float | None) -> str:
    """Write an epoch as a date (UTC); empty where it is unknown or no date.

    >>> date_of(51544.25), date_of(None)
    ('2000-01-01', '')
    """
    from datetime import UTC, datetime, timedelta

    if mjd is None or not math.isfinite(mjd) or not 0 < mjd < 100_000:
        return ""
    return (datetime(2000, 1, 1, tzinfo=UTC) + timedelta(days=mjd - _MJD_2000)).date().isoformat()


def _link(view: View, candidate_id: str, at: int) -> str:
    return f"{candidate_id}.html?{urlencode([*view.parameters_of_list(), ('at', str(at))])}"


def _epoch(found: Mapping[str, Any], candidate_id: str) -> Epoch:
    return Epoch(
        candidate_id=found["candidate_id"],
        did=found["obs_publisher_did"],
        label=found["label"],
        score=probability(found["score"]),
        ew="" if found["ew"] is None else with_error(found["ew"], found["ew_error"]),
        snr="" if found["snr_r"] is None else f"{found['snr_r']:.0f}",
        when=date_of(found["epoch_mjd"]),
        survey=found["survey"] or "",
        itself=found["candidate_id"] == candidate_id,
        mjd=found["epoch_mjd"],
        measured={name: value for name in CHANGING if (value := _measured(found, name))},
    )


def _measured(found: Mapping[str, Any], name: str) -> tuple[float, float] | None:
    value, error = found[name], found[f"{name}_error"]
    if value is None or not math.isfinite(value):
        return None
    return value, error if error is not None and math.isfinite(error) and error > 0 else 0.0

"""Files that are not among the spectra, and why: those that were refused, and those that nobody tried."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from service.store import Release
from service.tap.context import TapServices
from service.web.asking import ask
from service.web.search import quoted
from vo_emline.candidates.columns import REJECTS
from vo_emline.candidates.facts import PASSED_OVER

REASONS: Final = 20
"""Reasons that are told, the most frequent; the names in folders are a stranger's, and so is their number."""

_LONGEST: Final = 200
"""Characters of a name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why some files are no spectra of the release."""

    files: int
    """How many."""
    why: str
    """The reason, as a word of programs for what was refused."""
    first: str
    """Name of one of them."""
    message: str = ""
    """What was said of that one; empty for those that were not tried."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """What became of the other files."""

    refused: Sequence[Reason]
    """Tried, and no spectrum that can be used."""
    passed_over: Sequence[Reason]
    """Never tried: their names or their kind say that they are none."""
    n_refused: int
    n_passed_over: int
    query: str
    """ADQL that lists all that were refused."""


def left_out(context: TapServices, release: Release) -> LeftOut | None:
    """Account for the files that are no spectra of a release; None where all are, or nothing is known.

    Raises
    ------
    UserError
        Counting needs more than a query may have.
    """
    refused, n_refused = _refused(context, release)
    passed_over, n_passed_over = _passed_over(release.metadata)
    if not n_refused and not n_passed_over:
        return None
    return LeftOut(
        refused=refused,
        passed_over=passed_over,
        n_refused=n_refused,
        n_passed_over=n_passed_over,
        query=f"SELECT source, code, message FROM {REJECTS.qualified_name}",  # noqa: S608
    )


def _refused(context: TapServices, release: Release) -> tuple[list[Reason], int]:
    name = REJECTS.qualified_name
    if not release.counts.get(name):
        return [], 0
    counted = f"SELECT TOP {REASONS} code, COUNT(*) AS n FROM {name} GROUP BY code ORDER BY n DESC, code"  # noqa: S608
    reasons = []
    for row in ask(context, counted, limit=REASONS):
        one = f"SELECT TOP 1 source, message FROM {name} WHERE code = {quoted(row['code'])}"  # noqa: S608
        (first,) = ask(context, one, limit=1)
        shown = {"first": _short(first["source"]), "message": first["message"]}
        reasons.append(Reason(files=row["n"], why=row["code"], **shown))
    return reasons, release.counts[name]


def _passed_over(metadata: Mapping[str, str]) -> tuple[list[Reason], int]:
    try:
        account = json.loads(metadata.get(PASSED_OVER, "{}"))
        reasons = [
            Reason(files=int(one["files"]), why=str(why), first=_short(next(iter(one["first"]), "")))
            for why, one in account.items()
        ]
    except (ValueError, LookupError, TypeError, AttributeError):  # of another version of this program
        return [], 0
    reasons.sort(key=lambda reason: (-reason.files, reason.why))
    return reasons[:REASONS], sum(reason.files for reason in reasons)


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST else f"{name[:_LONGEST]}…"

"""What the rows of a view are: counts by class, type, flag and limit, in one pass over its rows.

The rows are those of the view's own query in ADQL, and the counts are of the rows that pass all filters.
Around that query stands SQL of ours, as ADQL has nothing that counts by several conditions at once. The
counts are kept, so that another page or another order of the view asks nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from service.store import Release
from service.tap.context import TapServices
from service.web.asking import ask_within
from service.web.kept import kept
from service.web.view import FLAG_CONDITIONS, KNOWN, RANGES, TYPES, UNFLAGGED, View
from vo_emline.survey.flags import FLAGS

FACET_SECONDS: Final = 8.0
"""How long the counts may take, s; a page without them is better than none."""

_COUNTED: Final = ("label", "spectral_subclass", "profile", "flags")
"""Columns whose values are counted as they are."""

_CONDITIONS: Final[Mapping[tuple[str, str, float], str]] = {
    **{("known", name, 0.0): condition for name, (condition, _) in KNOWN.items()},
    **{
        (item.column, end, limit): f"{item.column} {'>=' if end == 'min' else '<='} {limit:g}"
        for item in RANGES
        for end, limit in item.steps
    },
}
"""What else rows are counted by: what is known, and the limits that are offered."""

_PREFIXED: Final = re.compile(rf"(?:sd|d|g)?([{''.join(TYPES)}])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How many rows a view has, and of which kinds; choices without rows are missing."""

    rows: int
    labels: Mapping[str, int] = field(default_factory=dict)
    types: Mapping[str, int] = field(default_factory=dict)
    profiles: Mapping[str, int] = field(default_factory=dict)
    flags: Mapping[str, int] = field(default_factory=dict)
    known: Mapping[str, int] = field(default_factory=dict)
    steps: Mapping[tuple[str, str, float], int] = field(default_factory=dict)
    """By column, ``min`` or ``max``, and limit."""


def counted_rows(view: View) -> str:
    """Write the query of the rows that are counted, with the columns that decide what they count for."""
    return view.adql((*_COUNTED, "known_as", *(item.column for item in RANGES if item.steps)), ordered=False)


def counting_sql(rows: str) -> str:
    """Write the SQL that counts rows by kind.

    Parameters
    ----------
    rows
        SQL of the rows (:func:`counted_rows`).

    Returns
    -------
    str
        SQL of one row for each combination of values of :data:`_COUNTED`, with ``n`` and the numbers of rows
        that pass each of :data:`_CONDITIONS`, NULL for none.
    """
    passed = [
        f"SUM(CAST(({condition}) AS INTEGER)) AS passed_{place}"
        for place, condition in enumerate(_CONDITIONS.values())
    ]
    names = ", ".join(_COUNTED)
    return (
        f"SELECT {names}, COUNT(*) AS n, {', '.join(passed)} "  # noqa: S608
        f"FROM ({rows}) AS kept GROUP BY {names}"
    )


def count(context: TapServices, release: Release, view: View) -> Counts:
    """Count the rows of a view by kind.

    Raises
    ------
    UserError
        The counts need more time or memory than they may have.
    """
    query = counted_rows(view)
    return kept(
        release,
        query,
        lambda: _tally(ask_within(context, release, query, within=counting_sql, seconds=FACET_SECONDS)),
    )


def _tally(groups: pa.Table | None) -> Counts:
    """Fold what was counted: types to letters, combinations of flags to flags."""
    if groups is None:
        return Counts(rows=0, steps=dict.fromkeys((key for key in _CONDITIONS if key[0] != "known"), 0))
    sizes = groups["n"].to_pylist()
    found: dict[str, dict[str, int]] = {name: {} for name in _COUNTED}
    for name, counts in found.items():
        for choice, n in zip(groups[name].to_pylist(), sizes, strict=True):
            counts[choice or ""] = counts.get(choice or "", 0) + n
    passed = {
        key: int(pc.sum(groups[f"passed_{place}"]).as_py() or 0) for place, key in enumerate(_CONDITIONS)
    }
    types = dict.fromkeys(TYPES, 0)
    for subclass, n in found["spectral_subclass"].items():
        match = _PREFIXED.match(subclass)
        if match and not subclass.startswith("Bi"):
            types[match[1]] += n
    flags = dict.fromkeys(FLAG_CONDITIONS, 0)
    for words, n in found["flags"].items():
        for word in set(words.split()) or {UNFLAGGED}:
            if word in FLAGS or word == UNFLAGGED:
                flags[word] += n
    return Counts(
        rows=sum(sizes),
        labels=found["label"],
        profiles={name: n for name, n in found["profile"].items() if name},
        types={name: n for name, n in types.items() if n},
        flags={name: n for name, n in flags.items() if n},
        known={name: n for name in KNOWN if (n := passed["known", name, 0.0])},
        steps={key: n for key, n in passed.items() if key[0] != "known"},
    )

"""What the rows of a view are: counts by class, type, flag and limit, in one query of ADQL.

The counts are of the rows that pass all filters. They are kept for as long as the release is served, so
that a page that is opened again asks nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from service.store import Release
from service.tap.context import TapServices
from service.web.asking import ask
from service.web.kept import kept
from service.web.view import FLAG_CONDITIONS, KNOWN, RANGES, TYPES, UNFLAGGED, View
from vo_emline.survey.flags import FLAGS

FACET_SECONDS: Final = 8.0
"""How long the counts may take, s; a page without them is better than none."""

_MOST_GROUPS: Final = 5_000
"""Groups that are read at most: types and combinations of flags."""

_COUNTED: Final = ("label", "spectral_subclass", "profile", "flags")
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


def facets_adql(view: View) -> str:
    """Write the query that counts the rows of a view by kind."""
    source, head = view.table.qualified_name, ""
    if where := view.where():
        columns = [*_COUNTED, "known_as", *(item.column for item in RANGES if item.steps)]
        head = f"WITH kept AS (SELECT {', '.join(columns)}\nFROM {source}\n{where})\n"
        source = "kept"
    parts = [f"SELECT 'rows' AS facet, '' AS choice, COUNT(*) AS n FROM {source}"]  # noqa: S608
    parts += [
        f"SELECT '{column}', {column}, COUNT(*) FROM {source} GROUP BY {column}"  # noqa: S608
        for column in _COUNTED
    ]
    conditions = {("known", name): condition for name, (condition, _) in KNOWN.items()}
    conditions |= {
        (item.column, f"{end}:{limit:g}"): f"{item.column} {'>=' if end == 'min' else '<='} {limit:g}"
        for item in RANGES
        for end, limit in item.steps
    }
    parts += [
        f"SELECT '{facet}', '{choice}', COUNT(*) FROM {source} WHERE {condition}"  # noqa: S608
        for (facet, choice), condition in conditions.items()
    ]
    return head + "\nUNION ALL ".join(parts)


def count(context: TapServices, release: Release, view: View) -> Counts:
    """Count the rows of a view by kind.

    Raises
    ------
    UserError
        The counts need more time or memory than they may have.
    """
    query = facets_adql(view)
    return kept(
        release, query, lambda: _tally(ask(context, query, limit=_MOST_GROUPS, seconds=FACET_SECONDS))
    )


def _tally(rows: list[dict[str, Any]]) -> Counts:
    """Fold what was counted: types to letters, combinations of flags to flags."""
    found: dict[str, dict[str, int]] = {}
    for row in rows:
        found.setdefault(row["facet"], {})[row["choice"] or ""] = row["n"]
    types = dict.fromkeys(TYPES, 0)
    for subclass, n in found.get("spectral_subclass", {}).items():
        match = _PREFIXED.match(subclass)
        if match and not subclass.startswith("Bi"):
            types[match[1]] += n
    flags = dict.fromkeys(FLAG_CONDITIONS, 0)
    for words, n in found.get("flags", {}).items():
        for word in set(words.split()) or {UNFLAGGED}:
            if word in FLAGS or word == UNFLAGGED:
                flags[word] += n
    steps = {
        (item.column, end, limit): found.get(item.column, {}).get(f"{end}:{limit:g}", 0)
        for item in RANGES
        for end, limit in item.steps
    }
    return Counts(
        rows=found.get("rows", {}).get("", 0),
        labels=found.get("label", {}),
        profiles={name: n for name, n in found.get("profile", {}).items() if name},
        types={name: n for name, n in types.items() if n},
        flags={name: n for name, n in flags.items() if n},
        known={name: n for name, n in found.get("known", {}).items() if n},
        steps=steps,
    )

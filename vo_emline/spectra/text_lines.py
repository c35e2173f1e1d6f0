"""Sorting the lines of a text file: remarks and header cards, names and units, numbers, what ends it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

_COMMENT: Final = re.compile(r"\s*(?:[#%!;]|//|--\s|\*{2})")
_RULE: Final = re.compile(r"[\s|+=_-]+")
_SEPARATOR_SAID: Final = re.compile(r"\s*\"?sep=.\"?\s*", re.IGNORECASE)
"""What spreadsheets write first."""
_CARD: Final = re.compile(r"\s*[A-Za-z][\w -]{0,30}?\s*[=:]\s*\S.*|\s*END\s*")
"""A header card without a mark of comment, as ``wspectext`` of IRAF writes them, or the end of a header."""
_REMARK_BEHIND: Final = re.compile(r"(?<=\S)\s+(?:#|//).*")
_NUMBER: Final = re.compile(r"[+-]?(?:\d+[.,]?\d*|[.,]\d+)(?:[eEdD]?[+-]?\d+)?")
_MOST_HEADER: Final = 1000
"""Lines in front of the numbers."""
_ECSV_META: Final = re.compile(r"#?\s*- \{([\w .-]+): (.*)\}\s*")


LIKE_WAVELENGTH: Final = re.compile(
    r"wav|lambda|λ|\bwl|wellen|ond[ae]\b|vln|fali|golf|våg|bølge|hullám|aallon|dalga|волн|波|파장|"
    r"^x\b|^col(umn)?[ _]?1\b",
    re.IGNORECASE,
)
"""What names of wavelengths have in them, in any language; and names that say nothing at all."""


@dataclass(frozen=True, slots=True)
class Lines:
    """The lines of a file, sorted."""

    rows: list[str] = field(default_factory=list)
    """Names, units and numbers."""
    comments: list[str] = field(default_factory=list)
    """Remarks and header cards, without their marks."""


def sort_lines(lines: Iterable[str]) -> Lines:
    """Sort the lines of a file.

    Parameters
    ----------
    lines
        The lines, without their ends.
    """
    found = Lines()
    for line in lines:
        mark = _COMMENT.match(line)
        if mark and not re.match(r"\s*--\s", line):
            found.comments.append(line[mark.end() :].strip() if not line.startswith("# - {") else line)
        elif line.strip(" \t\x1a\x00") and not _RULE.fullmatch(
            line
        ):  # a rule drawn with dashes; DOS ends by ^Z
            found.rows.append(_REMARK_BEHIND.sub("", line) if "#" in line or "//" in line else line)
    if found.rows and found.rows[-1].strip() == "END":
        found.rows.pop()
    if found.rows and _SEPARATOR_SAID.fullmatch(found.rows[0]):
        found.rows.pop(0)
    return _without_header(found)


def _without_header(lines: Lines) -> Lines:
    """Put header cards and titles in front of the names with the remarks."""
    first = next((n for n, row in enumerate(lines.rows[:_MOST_HEADER]) if _holds_numbers(row)), 0)
    head = lines.rows[:first]
    cards = [row for row in head if _CARD.fullmatch(row)]
    names = [row for row in head if not _CARD.fullmatch(row)]
    if not cards and len(names) <= 2:
        return lines
    kept = names[-1:] if names and LIKE_WAVELENGTH.search(names[-1]) else names[-2:]  # units may follow names
    said = [row.strip() for row in head if row not in kept]
    return Lines([*kept, *lines.rows[first:]], [*lines.comments, *said])


def _pieces(row: str) -> list[str]:
    return [one for one in re.split(r"[\s;|&]+|,(?=\s|\D|$)", row.strip()) if one]


def _holds_numbers(row: str) -> bool:
    """Tell a line of numbers, with words for *no value* among them, from names, units and cards."""
    pieces = [part for one in _pieces(row) for part in one.strip("\"'").split(",")]
    numbers = [bool(_NUMBER.fullmatch(part)) for part in pieces]
    words = (part for part, is_number in zip(pieces, numbers, strict=True) if not is_number)
    return any(numbers) and not _CARD.fullmatch(row) and not any(re.search(r"[A-Za-z]{3}", w) for w in words)


def ecsv_cards(comments: Sequence[str]) -> list[str]:
    """Give what the header of an ECSV file says beside its columns (``meta``), as *key: value*.

    Parameters
    ----------
    comments
        Its comment lines.
    """
    start = next((n for n, line in enumerate(comments) if line.startswith("meta:")), len(comments))
    found = (_ECSV_META.fullmatch(line) for line in comments[start + 1 :])
    return [f"{one[1]}: {one[2]}" for one in found if one]

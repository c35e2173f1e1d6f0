"""Lists of stars that people bring: a name or position a line, or a table with columns for them."""

from __future__ import annotations

import csv
import io
import re
from typing import Final

_DELIMITERS: Final = (",", ";", "\t", "|")
_POSITION: Final = (("ra", "dec"), ("raj2000", "dej2000"), ("ra_icrs", "de_icrs"), ("_ra", "_de"))
_NAMES: Final = ("candidate_id", "obsid", "designation", "name", "main_id", "object")
_COMMENT: Final = re.compile(r"\s*(#.*)?")


def read_list(text: str) -> tuple[str, ...]:
    """Give what to search for: lines that are neither empty nor comments, or cells of a table.

    A table is a text whose first line names columns we know: identifiers, names, or positions in degrees.

    >>> read_list("# mine\\nHD 5394\\n\\n84.4 21.1"), read_list("id,RA,Dec\\n1,84.4,21.1")
    (('HD 5394', '84.4 21.1'), ('84.4 21.1',))
    """
    lines = [line.strip() for line in text.lstrip("\ufeff").splitlines() if not _COMMENT.fullmatch(line)]
    if not lines:
        return ()
    for delimiter in _DELIMITERS:
        head = [cell.strip().strip('"').lower() for cell in lines[0].split(delimiter)]
        if columns := _columns(head):
            rows = list(csv.reader(io.StringIO("\n".join(lines[1:])), delimiter=delimiter))
            cells = (" ".join(row[place].strip() for place in columns if place < len(row)) for row in rows)
            return tuple(dict.fromkeys(filter(None, cells)))
    return tuple(dict.fromkeys(lines))


def _columns(head: list[str]) -> tuple[int, ...]:
    """Give the places of the columns that say which star is meant; empty where the line is no head."""
    for name in _NAMES[:2]:
        if name in head:
            return (head.index(name),)
    for pair in _POSITION:
        if set(pair) <= set(head):
            return tuple(head.index(name) for name in pair)
    return next(((head.index(name),) for name in _NAMES[2:] if name in head), ())

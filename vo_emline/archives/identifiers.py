"""Lists of identifiers in files: one per line, or a column of a CSV table."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from vo_emline.errors import UserError

ID_COLUMNS: Final = ("id", "publisher_did", "obs_publisher_did", "ssa_pubdid", "obsid")
"""Names of the column that holds the identifiers, in order of preference."""


def read_identifiers(path: Path) -> Sequence[str]:
    """Read a list of identifiers, each once, in the order of the file.

    Parameters
    ----------
    path
        A CSV table with a column called as in :data:`ID_COLUMNS`, or a text
        file with one identifier per line; lines that begin with ``#`` are
        passed over.

    Raises
    ------
    UserError
        If the file cannot be read or holds no identifier.
    """
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"cannot read the list {path}: {error}") from error
    rows = [row for row in csv.reader(line for line in lines if not line.startswith("#")) if row]
    if not rows:
        raise UserError(f"{path} holds no identifier")
    header = [name.strip().lower() for name in rows[0]]
    column = next((header.index(name) for name in ID_COLUMNS if name in header), None)
    if column is None and len(header) > 1 and not _is_identifier(rows[0][0]):
        names = ", ".join(ID_COLUMNS)
        raise UserError(f"{path} has no column with identifiers: call it one of {names}")
    start, index = (0, 0) if column is None else (1, column)
    values = (row[index].strip() for row in rows[start:] if len(row) > index)
    return list(dict.fromkeys(value for value in values if value))


def _is_identifier(text: str) -> bool:
    return text.startswith("ivo://") or text.strip().isdigit()

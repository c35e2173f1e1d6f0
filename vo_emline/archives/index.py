"""``index.csv`` and ``missing.csv``: the folder of spectra for people and for ``vo-emline run``."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from vo_emline import files
from vo_emline.archives.manifest import Entry
from vo_emline.rejects import Reject

INDEX: Final = "index.csv"
"""Name of the table of what is there."""

MISSING: Final = "missing.csv"
"""Name of the table of what could not be had."""

COLUMNS: Final = ("publisher_did", "file", "object", "ra", "dec", "epoch_mjd", "size", "sha256")
"""Columns of ``index.csv``; `ra` and `dec` in deg (ICRS), `epoch_mjd` in d, `size` in bytes."""


def write_index(folder: Path, entries: Iterable[Entry]) -> Path:
    """Write ``index.csv``: one row per spectrum that is there, ordered by file name."""
    there = sorted((entry for entry in entries if entry.status == "done"), key=lambda entry: entry.file)
    rows = [
        (
            e.publisher_did,
            e.file,
            e.target,
            _cell(e.ra),
            _cell(e.dec),
            _cell(e.epoch_mjd),
            str(e.size),
            e.sha256,
        )
        for e in there
    ]
    return _write(folder / INDEX, COLUMNS, rows)


def write_missing(folder: Path, rejects: Sequence[Reject]) -> None:
    """Write ``missing.csv``, or remove an old one where nothing is missing."""
    path = folder / MISSING
    if rejects:
        _write(path, ("publisher_did", "code", "reason"), [(r.source, r.code, r.message) for r in rejects])
    else:
        path.unlink(missing_ok=True)


def _cell(value: float | None) -> str:
    return "" if value is None else repr(value)


def _write(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> Path:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    files.write_text(path, text.getvalue())
    return path

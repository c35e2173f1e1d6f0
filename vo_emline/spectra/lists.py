"""Lists of spectrum files: what their names look like, files that list them, and each only once.

A list is a text of names, a line for each, or a table with a column of them: what a survey's catalogue,
TOPCAT or a shell leaves.
"""

from __future__ import annotations

import csv
import io
import os
import re
import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple, TextIO

import numpy as np

from vo_emline.errors import UserError

SUFFIXES: Final = (".fits", ".fit", ".fts", ".vot", ".votable", ".xml", ".csv", ".tsv", ".ecsv", ".txt",
                   ".asc", ".ascii", ".dat", ".spec", ".s", ".zip")  # fmt: skip
"""Suffixes of files that are tried when a folder is searched; one of :data:`PACKED` may follow."""

PACKED: Final = (".gz", ".bz2", ".xz", ".zip", ".fz")
"""Suffixes of compressed files."""

LIST_SUFFIXES: Final = (".txt", ".csv", ".tsv", ".lst", ".list")
"""Suffixes of text files that may list spectra."""

TABLE_SUFFIXES: Final = {
    ".fits": "fits", ".fit": "fits", ".vot": "votable", ".votable": "votable", ".xml": "votable",
    ".ecsv": "ascii.ecsv", ".parquet": "parquet",
}  # fmt: skip
"""Suffixes of other tables that may list spectra, and what Astropy calls their formats."""

_TEXT_COLUMN: Final = {
    "fits": re.compile(rb"TFORM\d+\s*= '\s*\d+A"),
    "votable": re.compile(rb"<FIELD[^>]*datatype=[\"'](?:char|unicodeChar)[\"']"),
    "ascii.ecsv": re.compile(rb"datatype: string"),
    "parquet": re.compile(rb"PAR1"),
}
"""What the beginning of a table has to hold that lists names."""

_BEGINNING: Final = 1 << 16
"""Bytes in which it does, and characters in which a text has to name its first file."""

_FITS_BEGINNING: Final = 6 * 2880
"""Bytes of the headers of a short table; every file that is named is looked at."""

_LARGEST: Final = 2_000_000_000
"""Bytes of the largest table that is read for names: some ten million of them."""

_DELIMITERS: Final = ",\t;|"

_HEAD: Final = 20
"""Lines in which a list has to name its first file."""

_LONGEST: Final = 4096
"""Characters of the longest name, as systems limit paths."""

_COMMENT: Final = re.compile(r"\s*(?:[#%!;]|//)")
_PART: Final = re.compile(r"(?:\[[^\[\]]*\])?(?:#row=\d+)?$")
"""Which spectrum of a file, behind its name (:mod:`~vo_emline.spectra.parts`)."""

_QUERY: Final = re.compile(r"\?[\w.%-]+=.*$")
"""What a download by an address leaves in a name: ``spec.fits?token=A1``."""


def names_spectrum(name: str) -> bool:
    """Tell whether a name ends as those of spectra do."""
    lower = _QUERY.sub("", name.lower())
    for suffix in PACKED:
        lower = lower.removesuffix(suffix) if len(lower) > len(suffix) else lower
    return lower.endswith(SUFFIXES) or name.lower().endswith(".zip")


def names_nothing(name: str) -> bool:
    """Tell a name without any suffix (``353301001``, ``353301001?token=A1``) that only content can tell."""
    return "." not in _QUERY.sub("", name)


def is_list(path: Path) -> bool:
    """Tell a file that lists spectra from one that is a spectrum: its first lines name one.

    Comments do not count: a spectrum may well say from which file it was made. Of a table other than text
    the first name of a column has to be that of a file that is there.
    """
    if not path.is_file():
        return False
    if path.suffix.lower() in LIST_SUFFIXES:
        with path.open(encoding="utf-8-sig", errors="replace") as file:
            return _column(_head(file), path) is not None
    return _names_of_table(path) is not None


def read_list(path: Path) -> Iterator[str]:
    """Give the files that a file lists, as often as it lists them.

    Only the first one is looked for: what else is missing shows when it is read.

    Parameters
    ----------
    path
        Text, or a table. Names are absolute, relative to its folder, or else to where the program was
        started. In lines with delimiters they stand in the first column of which one is there; lines that
        name no spectrum (a header, a remark) are passed over.

    Raises
    ------
    UserError
        The first file is not there, or the text is not UTF-8.
    """
    if path.suffix.lower() not in LIST_SUFFIXES:
        names = _names_of_table(path) or []
        base = _base(names[0], path) if names else None
        yield from (str((base or path.parent) / name) for name in names)
        return
    base = None
    try:
        with path.open(encoding="utf-8-sig") as file:
            column = _column(_head(file), path)
            file.seek(0)
            for number, line in enumerate(file, start=1):
                name = _listed(line, column)
                if not name:
                    continue
                if base is None:
                    base = _base(name, path)
                if base is None:
                    raise UserError(
                        f"{path}:{number}: there is no {path.parent / name}; names in a list are relative to "
                        "its folder, or to where you are"
                    )
                yield str(base / name)
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is no list of files in UTF-8: {error}") from error


def each_once(names: Callable[[], Iterator[str]]) -> Iterator[str]:
    """Give names in order, the first time each occurs only, in eight bytes of memory for each.

    Parameters
    ----------
    names
        Gives the names; called twice.
    """
    hashes = np.fromiter(map(_hash, names()), dtype=np.int64)
    hashes.sort()
    suspects = set(hashes[1:][hashes[1:] == hashes[:-1]].tolist())
    del hashes
    seen: set[str] = set()
    for name in names():
        if suspects and _hash(name) in suspects:
            absolute = os.path.abspath(name)  # noqa: PTH100  text is all that is needed
            if absolute in seen:
                continue
            seen.add(absolute)
        yield name


def _hash(name: str) -> int:
    return hash(os.path.abspath(name))  # noqa: PTH100  text is all that is needed


class _Column(NamedTuple):
    """Where the names stand in the lines of a list."""

    delimiter: str
    """Empty where the line is the name."""
    number: int


def _head(file: TextIO) -> list[str]:
    """Give the first lines of a text, of which a line may be as long as a file."""
    return file.read(_BEGINNING).splitlines()[:_HEAD]


def _column(lines: Iterable[str], path: Path) -> _Column | None:
    """Find where the lines of a list have names of spectra, best of all those of files that are there."""
    first = None
    for line in lines:
        if _COMMENT.match(line):
            continue
        for delimiter in ("", *(one for one in _DELIMITERS if one in line)):
            for number, cell in enumerate(_cells(line, delimiter)):
                name = _spectrum(cell)
                if name and _base(name, path):
                    return _Column(delimiter, number)
                first = first or (_Column(delimiter, number) if name else None)
    return first


def _cells(line: str, delimiter: str) -> list[str]:
    if not delimiter:
        return [line.strip()]
    try:
        return next(csv.reader([line], delimiter=delimiter, skipinitialspace=True), [])
    except csv.Error:  # a cell beyond all names, a carriage return within a line
        return []


def _listed(line: str, column: _Column | None) -> str:
    """Give the spectrum that a line of a list names, with the part of its file; empty where it names none."""
    if column is None or _COMMENT.match(line):
        return ""
    cells = _cells(line, column.delimiter)
    return _spectrum(cells[column.number]) if column.number < len(cells) else ""


def _spectrum(cell: str) -> str:
    name = cell.strip()
    return name if len(name) <= _LONGEST and names_spectrum(_PART.sub("", name)) else ""


def _base(name: str, path: Path) -> Path | None:
    """Give the folder that the names in a list are relative to, by one of them; None where it is nowhere."""
    for folder in (path.parent, Path()):
        # not Path.exists, which raises where a name is too long for the system
        if any(os.path.exists(folder / one) for one in (name, _PART.sub("", name))):  # noqa: PTH110
            return folder
    return None


def _names_of_table(path: Path) -> list[str] | None:
    """Read the names of spectra in a table; None where it is no table of them."""
    kind = TABLE_SUFFIXES.get(path.suffix.lower())
    if kind is None:
        return None
    with path.open("rb") as file:
        beginning = file.read(_BEGINNING if kind != "fits" else _FITS_BEGINNING)
        if not _TEXT_COLUMN[kind].search(beginning) or path.stat().st_size > _LARGEST:
            return None
        content = beginning + file.read()
    table = _table(content, kind)
    if table is None:
        return None
    for column in table.itercols():
        if column.dtype.kind in "SUO" and column.ndim == 1:
            values = [
                value.decode(errors="replace") if isinstance(value, bytes) else str(value) for value in column
            ]
            names = [name for name in map(_spectrum, values) if name]
            if names and _base(names[0], path):
                return names
    return None


def _table(content: bytes, kind: str) -> Any:
    """Read a table; None where that fails, as a reader of spectra will say why."""
    from astropy.table import Table

    from vo_emline.spectra.structure import spans
    from vo_emline.spectra.votable import refuse_hostile

    try:
        if kind == "fits":
            list(spans(content, source=""))  # sizes that lie
        elif kind == "votable":
            refuse_hostile(content, source="")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return Table.read(io.BytesIO(content), format=kind)
    except Exception:  # noqa: BLE001  whatever Astropy and Arrow raise
        return None

"""Lists of spectrum files: what their names look like, text files that list them, and each only once."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Final

import numpy as np

from vo_emline.errors import UserError

SUFFIXES: Final = (".fits", ".fit", ".fts", ".vot", ".votable", ".xml", ".csv", ".tsv", ".ecsv", ".txt",
                   ".asc", ".ascii", ".dat", ".spec", ".s", ".zip")  # fmt: skip
"""Suffixes of files that are tried when a folder is searched; one of :data:`PACKED` may follow."""

PACKED: Final = (".gz", ".bz2", ".xz", ".zip", ".fz")
"""Suffixes of compressed files."""

LIST_SUFFIXES: Final = (".txt", ".csv", ".lst", ".list")
"""Suffixes of text files that may list spectra."""

_HEAD: Final = 20
"""Lines in which a list has to name its first file."""


_COMMENT: Final = re.compile(r"\s*(?:[#%!;]|//)")
_PART: Final = re.compile(r"(?:\[[^\]]*\])?(?:#row=\d+)?$")
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
    """Tell a text file that lists spectra from one that is a spectrum: its first lines name one.

    Comments do not count: a spectrum may well say from which file it was made.
    """
    if path.suffix.lower() not in LIST_SUFFIXES or not path.is_file():
        return False
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        return any(_listed(line) for line in islice(file, _HEAD))


def read_list(path: Path) -> Iterator[str]:
    """Give the files that a text file lists, one per line, as often as it lists them.

    Only the first one is looked for: what else is missing shows when it is read.

    Parameters
    ----------
    path
        Names relative to its folder or absolute, in the first column where
        lines have commas; lines that name no spectrum (a header, a remark)
        are passed over.

    Raises
    ------
    UserError
        The first file is not there, or the list is not UTF-8.
    """
    first = True
    try:
        with path.open(encoding="utf-8-sig") as file:
            for number, line in enumerate(file, start=1):
                name = _listed(line)
                if not name:
                    continue
                found = str(path.parent / name)
                if first and not Path(found).exists() and not Path(_PART.sub("", found)).exists():
                    raise UserError(
                        f"{path}:{number}: there is no {found}; names in a list are relative to its folder"
                    )
                first = False
                yield found
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


def _listed(line: str) -> str:
    """Give the spectrum that a line of a list names, with the part of its file; empty where it names none."""
    if _COMMENT.match(line):
        return ""
    name = line.partition(",")[0].strip()
    return name if names_spectrum(_PART.sub("", name)) else ""

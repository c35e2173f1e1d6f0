"""Finding spectrum files in folders."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from vo_emline.errors import UserError

SUFFIXES: Final = (".fits", ".fit", ".fts", ".vot", ".votable", ".xml", ".csv", ".txt", ".asc", ".dat")
"""Suffixes of files that are tried when a folder is searched; each may be followed by ``.gz``."""

COMPANIONS: Final = frozenset({"index.csv", "labels.csv", "missing.csv", "truth.csv"})
"""Tables that this program itself leaves beside spectra; a folder's search passes them over."""


def find_spectra(paths: Iterable[str | Path]) -> list[Path]:
    """List the files to read, each once, in a stable order.

    Parameters
    ----------
    paths
        Files, which are kept whatever their names, and folders, which are
        searched to the bottom for files with one of :data:`SUFFIXES`, hidden
        ones and :data:`COMPANIONS` aside, in the order of their names. Links
        to folders are followed; a folder is entered once.

    Raises
    ------
    UserError
        Where a path does not exist, a folder holds no candidate, or one
        inside it cannot be read.
    """
    found: dict[Path, None] = {}
    for path in map(Path, paths):
        if path.is_dir():
            inside = list(_walk(path))
            if not inside:
                raise UserError(
                    f"{path} holds no file that could be a spectrum ({' '.join(SUFFIXES)}, also .gz)"
                )
            found.update(dict.fromkeys(inside))
        elif path.exists():
            found[path] = None
        else:
            raise UserError(f"{path} does not exist")
    return list(found)


def printable(path: str | Path) -> str:
    """Name a file so that it can be stored: bytes that are no UTF-8 are written as ``\\xe9``."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _walk(folder: Path) -> Iterator[Path]:
    entered: set[str] = set()
    for root, folders, files in os.walk(folder, followlinks=True, onerror=_refuse_folder):
        real = os.path.realpath(root)
        if real in entered:  # the same folder by another link, or a loop
            folders.clear()
            continue
        entered.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if name.startswith(".") or name in COMPANIONS:
                continue
            if name.lower().removesuffix(".gz").endswith(SUFFIXES):
                yield Path(root) / name


def _refuse_folder(error: OSError) -> None:
    raise UserError(
        f"{error.filename} cannot be searched for spectra: {error.strerror}; "
        "give yourself the permission, or name the folders beside it one by one"
    )

"""Finding spectrum files in folders."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from vo_emline.errors import UserError
from vo_emline.spectra.lists import SUFFIXES, each_once, is_list, names_spectrum, read_list

COMPANIONS: Final = frozenset({"index.csv", "labels.csv", "missing.csv", "truth.csv"})
"""Tables that this program itself leaves beside spectra; a folder's search passes them over."""


def find_spectra(paths: Iterable[str | Path]) -> list[Path]:
    """List the files to read, each once, in a stable order; see :func:`iter_spectra`."""
    return [Path(name) for name in iter_spectra(paths)]


def iter_spectra(paths: Iterable[str | Path]) -> Iterator[str]:
    """Name the files to read, each once, in a stable order, holding no list of them.

    Parameters
    ----------
    paths
        Files, which are kept whatever their names; folders, which are
        searched to the bottom for files with one of :data:`SUFFIXES`, hidden
        ones and :data:`COMPANIONS` aside, in the order of their names (links
        to folders are followed; a folder is entered once); and text files
        that list spectra (:func:`~vo_emline.spectra.lists.is_list`). Where a
        file could come twice, eight bytes for each are held.

    Raises
    ------
    UserError
        Where a path does not exist, a folder holds no candidate, or one
        inside it cannot be read.
    """
    given = [Path(path) for path in paths]
    for path in given:
        if not path.exists():
            raise UserError(f"{path} does not exist")

    def all_of_them() -> Iterator[str]:
        for path in given:
            yield from _inside(path)

    if len(given) == 1 and not is_list(given[0]):
        yield from all_of_them()
    else:
        yield from each_once(all_of_them)


def _inside(path: Path) -> Iterator[str]:
    if path.is_dir():
        inside = _walk(path)
        first = next(inside, None)
        if first is None:
            raise UserError(f"{path} holds no file that could be a spectrum ({' '.join(SUFFIXES)}, also .gz)")
        yield first
        yield from inside
    elif is_list(path):
        yield from read_list(path)
    else:
        yield str(path)


def printable(path: str | Path) -> str:
    """Name a file so that it can be stored: bytes that are no UTF-8 are written as ``\\xe9``."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _walk(folder: Path) -> Iterator[str]:
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
            if names_spectrum(name):
                yield os.path.join(root, name)  # noqa: PTH118  millions of Paths take long to make


def _refuse_folder(error: OSError) -> None:
    raise UserError(
        f"{error.filename} cannot be searched for spectra: {error.strerror}; "
        "give yourself the permission, or name the folders beside it one by one"
    )

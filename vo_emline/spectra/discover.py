"""Finding spectrum files in folders."""

from __future__ import annotations

import os
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, Self, TypedDict

from vo_emline.errors import UserError
from vo_emline.spectra.limits import FITS_MAGIC, GZIP_MAGIC
from vo_emline.spectra.lists import (
    SUFFIXES,
    each_once,
    is_list,
    names_nothing,
    names_spectrum,
    read_list,
)
from vo_emline.spectra.parts import file_of, printable
from vo_emline.spectra.several import spectra_in

COMPANIONS: Final = frozenset({"index.csv", "labels.csv", "missing.csv", "truth.csv"})
"""Tables that this program itself leaves beside spectra; a folder's search passes them over."""


class Account(TypedDict):
    """How many files were passed over for one reason, and the first of them."""

    files: int
    first: list[str]


class PassedOver:
    """What was met in folders and not read: how many files of which kind, and the first of them.

    Together with results and rejects it accounts for every file of a folder.
    """

    NAMED: Final = 10
    """Names that are kept of each kind."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.examples: dict[str, list[str]] = {}

    def add(self, path: str, why: str) -> None:
        """Count a file."""
        self.counts[why] += 1
        named = self.examples.setdefault(why, [])
        if len(named) < self.NAMED:
            named.append(path)

    def restart(self) -> None:
        """Forget what was counted: the folders are gone through again."""
        self.counts.clear()
        self.examples.clear()

    def __len__(self) -> int:
        return self.counts.total()

    def account(self) -> dict[str, Account]:
        """Give what was counted, by the reason, JSON-ready; :meth:`of` reads it back."""
        return {
            why: {"files": count, "first": [printable(path) for path in self.examples[why]]}
            for why, count in self.counts.most_common()
        }

    @classmethod
    def of(cls, account: dict[str, Account]) -> Self:
        """Read what :meth:`account` gave."""
        found = cls()
        for why, one in account.items():
            found.counts[why] = one["files"]
            found.examples[why] = list(one["first"])
        return found


def find_spectra(
    paths: Iterable[str | Path], *, passed_over: PassedOver | None = None, each: bool = False
) -> list[Path]:
    """List the files to read, each once, in a stable order; see :func:`iter_spectra`."""
    return [Path(name) for name in iter_spectra(paths, passed_over=passed_over, each=each)]


def iter_spectra(
    paths: Iterable[str | Path], *, passed_over: PassedOver | None = None, each: bool = False
) -> Iterator[str]:
    """Name the files to read, each once, in a stable order, holding no list of them.

    A file that holds several spectra of which it says whose they are is named once for each
    (:func:`~vo_emline.spectra.several.spectra_in`).

    Parameters
    ----------
    paths
        Files, which are kept whatever their names, also with the part that is meant
        (``file.fits[2]``); folders, which are
        searched to the bottom for files with one of :data:`SUFFIXES` and for those without any suffix
        that begin as FITS does, hidden
        ones and :data:`COMPANIONS` aside, in the order of their names (links
        to folders are followed; a folder is entered once); and text files
        that list spectra (:func:`~vo_emline.spectra.lists.is_list`). Where a
        file could come twice, eight bytes for each are held.
    passed_over
        Counts what folders hold and is not given.
    each
        Name every spectrum of a file with several, also where it does not say whose they are.

    Raises
    ------
    UserError
        Where a path does not exist, a folder holds no candidate, or one
        inside it cannot be read.
    """
    given = [Path(path) for path in paths]
    for path in given:
        if not path.exists() and not Path(file_of(path)).exists():
            raise UserError(f"{path} does not exist")

    met = PassedOver() if passed_over is None else passed_over

    def all_of_them() -> Iterator[str]:
        met.restart()
        for path in given:
            yield from _inside(path, met)

    single = len(given) == 1 and not is_list(given[0])
    for name in all_of_them() if single else each_once(all_of_them):
        yield from spectra_in(name, each=each)


def _inside(path: Path, met: PassedOver) -> Iterator[str]:
    if path.is_dir():
        inside = _walk(path, met)
        first = next(inside, None)
        if first is None:
            raise UserError(f"{path} holds no file that could be a spectrum ({' '.join(SUFFIXES)}, also .gz)")
        yield first
        yield from inside
    elif is_list(path):
        yield from read_list(path)
    else:
        yield str(path)


def _walk(folder: Path, met: PassedOver) -> Iterator[str]:
    entered: set[str] = set()
    for root, folders, files in os.walk(folder, followlinks=True, onerror=_refuse_folder):
        real = os.path.realpath(root)
        if real in entered:  # the same folder by another link, or a loop
            folders.clear()
            continue
        entered.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            path = os.path.join(root, name)  # noqa: PTH118  millions of Paths take long to make
            why = _refuse(name, path)
            if why:
                met.add(path, why)
            else:
                yield path


def _refuse(name: str, path: str) -> str:
    """Say why a file in a folder is not tried; empty where it is."""
    if name.startswith("."):
        return "hidden"
    if name in COMPANIONS:
        return "a table beside spectra"
    if names_spectrum(name) or (names_nothing(name) and _begins_as_fits(path)):
        return ""
    return f"a name in {os.path.splitext(name)[1].lower()}" if "." in name else "no suffix and no FITS"  # noqa: PTH122


def _begins_as_fits(path: str) -> bool:
    """Look at the first bytes of a file, decompressed where it is gzipped."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        head = os.pread(file, 512, 0)
        if head.startswith(GZIP_MAGIC):
            head = zlib.decompressobj(wbits=31).decompress(head, len(FITS_MAGIC))
    except (OSError, zlib.error):
        return False
    finally:
        os.close(file)
    return head.startswith(FITS_MAGIC)


def _refuse_folder(error: OSError) -> None:
    raise UserError(
        f"{error.filename} cannot be searched for spectra: {error.strerror}; "
        "give yourself the permission, or name the folders beside it one by one"
    )

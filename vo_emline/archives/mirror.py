"""A mirror of survey files on disk: which files there are, and which observations they hold.

LAMOST mirrors come in many layouts (``<date>/<plan>/``, ``/lamost/<plan>/``, everything in one folder),
so that nothing is taken from folders; observations are joined across releases by ``OBSID`` or, where
a release has none (DR1, DR2), by (LMJD, PLANID, SPID, FIBERID).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from vo_emline.errors import UserError

SUFFIXES: Final = (".fits", ".fit", ".fts", ".fits.gz", ".fit.gz", ".fts.gz")
"""How names of FITS files end, in any case of letters."""

_NAME = re.compile(r"^(?:spec|med)-(\d{5})-(.+)_sp(\d{2})-(\d{3})(?:\.|$)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class FibreKey:
    """One fibre of one exposure plan of one night: an observation, whatever the release."""

    lmjd: int
    """Local modified Julian day."""
    planid: str
    spid: int
    """Spectrograph, 1–16."""
    fiberid: int
    """Fibre, 1–250."""

    @classmethod
    def from_name(cls, name: str | Path) -> FibreKey | None:
        """Read the key from a file name (``spec-55903-B90306_sp06-163.fits``), or give None."""
        found = _NAME.match(Path(name).name)
        if found is None:
            return None
        lmjd, planid, spid, fiberid = found.groups()
        return cls(int(lmjd), planid, int(spid), int(fiberid))


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What identifies an observation, as far as a release tells."""

    obsid: int | None = None
    fibre: FibreKey | None = None


def find_files(paths: Iterable[Path]) -> Iterator[Path]:
    """Find the FITS files of a mirror, each once, in a fixed order.

    Parameters
    ----------
    paths
        Files, folders (searched to any depth; links to folders are not
        followed), and text files that list paths, one per line, relative to
        the list.

    Raises
    ------
    UserError
        If a path, or a file of a list, does not exist.
    """
    seen: set[Path] = set()
    for path in paths:
        for found in _expand(path):
            absolute = found.absolute()
            if absolute not in seen:
                seen.add(absolute)
                yield found


def join_observations(left: Sequence[Observation], right: Sequence[Observation]) -> list[tuple[int, int]]:
    """Pair observations of two releases.

    Returns
    -------
    list of (int, int)
        Indices into `left` and `right`; by ``OBSID`` where both have one, else
        by fibre.
    """
    by_obsid = {item.obsid: index for index, item in enumerate(right) if item.obsid is not None}
    by_fibre = {item.fibre: index for index, item in enumerate(right) if item.fibre is not None}
    pairs = []
    for index, item in enumerate(left):
        match = by_obsid.get(item.obsid) if item.obsid is not None else None
        if match is None and item.fibre is not None:
            match = by_fibre.get(item.fibre)
        if match is not None:
            pairs.append((index, match))
    return pairs


def _expand(path: Path) -> Iterator[Path]:
    if path.is_dir():
        yield from _walk(path)
    elif not path.exists():
        raise UserError(f"there is no {path}")
    elif _is_fits_name(path.name) or path.suffix.lower() not in {".txt", ".lst", ".list", ".csv"}:
        yield path
    else:
        yield from _read_list(path)


def _walk(folder: Path) -> Iterator[Path]:
    """Walk without asking the file system more than a listing per folder; a mirror has millions of files."""
    with os.scandir(folder) as listing:
        entries = sorted(listing, key=lambda entry: entry.name)
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(Path(entry.path))
        elif _is_fits_name(entry.name):
            yield Path(entry.path)


def _read_list(path: Path) -> Iterator[Path]:
    for number, line in enumerate(path.read_text("utf-8-sig").splitlines(), start=1):
        name = line.partition(",")[0].strip()
        if not _is_fits_name(name):
            continue  # a header or a remark
        found = path.parent / name
        if not found.is_file():
            raise UserError(f"{path}:{number}: there is no {found}")
        yield found


def _is_fits_name(name: str) -> bool:
    return name.lower().endswith(SUFFIXES)

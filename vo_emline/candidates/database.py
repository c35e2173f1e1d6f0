"""The database in which published rows are made: texts in SQL, functions of ours, a place to build in.

A release is built in a folder beside it, with a limit on memory, and renamed into place at the end.
"""

from __future__ import annotations

import fcntl
import logging
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from vo_emline.candidates.columns import HPX_ORDER
from vo_emline.errors import UserError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def literal(text: str) -> str:
    """Give `text` as a literal of SQL."""
    return "'" + text.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """Give `name` as an identifier of SQL."""
    return '"' + name.replace('"', '""') + '"'


def healpix(ra: npt.NDArray[Any], dec: npt.NDArray[Any]) -> pa.Array:
    """Give the HEALPix pixels (order 10, NESTED) of positions.

    Parameters
    ----------
    ra, dec
        ICRS, deg, shape (n,); NaN where unknown; a declination beyond the poles is none.

    Returns
    -------
    pyarrow.Array
        int32, NULL where the position is unknown.
    """
    from astropy import units as u
    from astropy.coordinates import Latitude, Longitude
    from cdshealpix.nested import lonlat_to_healpix

    known = np.isfinite(ra) & (np.abs(dec) <= 90)
    pixels = np.zeros(len(ra), dtype=np.int32)
    if known.any():
        pixels[known] = lonlat_to_healpix(
            Longitude(ra[known] * u.deg), Latitude(dec[known] * u.deg), depth=HPX_ORDER
        )
    return pa.array(pixels, mask=~known)


def absolute_paths(sources: pa.Array) -> pa.Array:
    """Make paths absolute; links among the folders are followed, a file that is a link is kept.

    Parameters
    ----------
    sources
        Paths; relative ones start from the current folder.
    """
    folders = pc.replace_substring_regex(sources, r"[^/]*$", "").dictionary_encode()
    names = pc.replace_substring_regex(sources, r"^.*/", "")
    resolved = pa.array([_resolved(folder) for folder in folders.dictionary.to_pylist()], pa.string())
    return pc.binary_join_element_wise(resolved.take(folders.indices), names, "")


@lru_cache(maxsize=100_000)
def _resolved(folder: str) -> str:
    """Give the absolute path of a folder, with the slash at its end."""
    return str(Path(folder).resolve()).rstrip("/") + "/"


logger = logging.getLogger(__name__)

DRAFT: Final = "draft"
"""Schema-like name of the database for what is needed while building and not kept."""


_SIZE: Final = re.compile(r"\d+(\.\d+)?[MG]i?B")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What building may take of the machine."""

    memory: str = "4GB"
    """Memory of the database; larger sorts go to the disk."""
    threads: int = 0
    """Threads; 0 for one per core."""

    def __post_init__(self) -> None:
        """Refuse what is no size.

        Raises
        ------
        UserError
            `memory` is none.
        """
        if not _SIZE.fullmatch(self.memory):
            raise UserError(f"{self.memory!r} is no size of memory; say it as 4GB or 800MB")


@contextmanager
def building(path: Path, *, limits: Limits) -> Iterator[DuckDBPyConnection]:
    """Give an empty database that becomes `path` in one step when the block ends well.

    After any exception, and after a kill, `path` is what it was before. What a
    kill leaves is removed by the next call; where another process builds the
    same release at this moment, this one waits for its turn.

    Parameters
    ----------
    path
        The release.
    limits
        Memory and threads.

    Yields
    ------
    duckdb.DuckDBPyConnection
        With the functions ``healpix10(ra, dec)`` and ``absolute_path(source)``, and a second database
        :data:`DRAFT` that is thrown away.

    Raises
    ------
    UserError
        The memory or the disk does not suffice.
    """
    import duckdb

    with _own_folder(path.with_name(f".{path.name}.building")) as folder:
        built = folder / "release.duckdb"
        try:
            with connect(built, limits=limits, spill=folder / "spill") as database:
                database.execute(f"ATTACH {literal(str(folder / 'draft.duckdb'))} AS {DRAFT}")
                yield database
                database.execute(f"DETACH {DRAFT}")
        except (duckdb.OutOfMemoryException, duckdb.IOException) as error:
            raise UserError(f"{path} could not be built, what was there stays: {error}") from error
        built.replace(path)


@contextmanager
def connect(
    path: Path | None = None, *, limits: Limits | None = None, spill: Path | None = None
) -> Iterator[DuckDBPyConnection]:
    """Open a database with the functions that making published rows needs.

    Parameters
    ----------
    path
        The file; None for a database in memory.
    limits
        Memory and threads; None for those of the database program.
    spill
        Folder for sorts larger than the memory.
    """
    import duckdb

    config: dict[str, str | bool | int | float | list[str]] = {}
    if limits is not None:
        config |= {"memory_limit": limits.memory} | ({"threads": limits.threads} if limits.threads else {})
    if spill is not None:
        config["temp_directory"] = str(spill)
    with duckdb.connect(":memory:" if path is None else str(path), config=config) as database:
        database.execute("SET enable_progress_bar = false")  # on by itself where Python is used line by line
        _register_functions(database)
        yield database


@contextmanager
def naming_damage(survey: Path) -> Iterator[None]:
    """Say which shard of a survey is damaged where reading them fails.

    Raises
    ------
    UserError
        One is.
    """
    import duckdb

    try:
        yield
    except duckdb.Error as error:
        for path in sorted(survey.glob("*-[0-9]*.parquet")):
            try:
                pq.ParquetFile(path).read()
            except (pa.ArrowException, OSError):
                raise UserError(
                    f"{path} is damaged; remove it and give the command that classified the survey again: "
                    "only this shard is done anew"
                ) from error
        raise


def _register_functions(database: DuckDBPyConnection) -> None:
    from duckdb.func import ARROW, SPECIAL
    from duckdb.sqltypes import DOUBLE, INTEGER, VARCHAR

    database.create_function(
        "healpix10", _pixels, [DOUBLE, DOUBLE], INTEGER, type=ARROW, null_handling=SPECIAL
    )
    database.create_function("absolute_path", _paths, [VARCHAR], VARCHAR, type=ARROW, null_handling=SPECIAL)


def _pixels(ra: pa.ChunkedArray, dec: pa.ChunkedArray) -> pa.Array:
    return healpix(*(each.to_numpy(zero_copy_only=False).astype(float) for each in (ra, dec)))


def _paths(sources: pa.ChunkedArray) -> pa.Array:
    return absolute_paths(sources.combine_chunks())


@contextmanager
def _own_folder(folder: Path) -> Iterator[Path]:
    """Give an empty folder that no other process uses; it is removed at the end."""
    handle = _locked(folder)
    try:
        _empty(folder)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(handle)


def _locked(folder: Path) -> int:
    """Make and lock `folder`, waiting for the process that holds it."""
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            logger.warning("another process builds in %s; waiting for it to end", folder)
            fcntl.flock(handle, fcntl.LOCK_EX)
        if folder.exists() and os.fstat(handle).st_ino == folder.stat().st_ino:
            return handle
        os.close(handle)  # the other process has removed the folder


def _empty(folder: Path) -> None:
    for entry in folder.iterdir():
        shutil.rmtree(entry) if entry.is_dir() else entry.unlink()

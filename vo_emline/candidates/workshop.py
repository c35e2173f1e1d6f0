"""Where a release is built: a folder beside it, with a limit on memory, renamed into place at the end."""

from __future__ import annotations

import fcntl
import logging
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from vo_emline.candidates.paths import absolute_paths
from vo_emline.candidates.pixels import healpix
from vo_emline.candidates.quoting import literal
from vo_emline.errors import UserError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

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
def workshop(path: Path, *, limits: Limits) -> Iterator[DuckDBPyConnection]:
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
        _register_functions(database)
        yield database


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

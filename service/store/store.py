"""The release that is served now, and its exchange for a newer one while queries run."""

from __future__ import annotations

import logging
import stat
import threading
from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Final

from service.config import Settings, bytes_of
from service.nursery import Limits
from service.scratch import Scratch
from service.store.duckdb import DuckdbRelease
from service.store.opening import Opening
from service.store.release import Release
from service.urls import Urls
from vo_emline.errors import DataError

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _Holder:
    release: Release
    stamp: Hashable
    leases: int = 0
    retired: bool = False


class ReleaseStore(ABC):
    """Lends the current release; opens a new one when there is one.

    A query that has begun keeps the release it began with; the old one is
    closed when its last query ends. A replacement that cannot be opened is
    logged once, and the old release goes on being served.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._exchange = threading.Lock()
        self._refused: Hashable | None = None
        stamp = self._stamp()
        self._current = _Holder(self._open(), stamp)

    @property
    @abstractmethod
    def published(self) -> datetime:
        """When the release was put in place, UTC."""

    @contextmanager
    def lease(self) -> Iterator[Release]:
        """Lend the current release for the length of a ``with`` block."""
        self.refresh()
        holder = self._take()
        try:
            yield holder.release
        finally:
            self._give_back(holder)

    def refresh(self) -> None:
        """Exchange the release if there is a newer one."""
        try:
            stamp = self._stamp()
        except DataError:
            return  # being replaced, or gone: what is open is still served
        if self._is_known(stamp):
            return
        with self._exchange:  # who asks after the change is not answered from before, also while it is made
            if not self._is_known(stamp):
                self._replace(stamp)

    def _is_known(self, stamp: Hashable) -> bool:
        return stamp in (self._current.stamp, self._refused)

    def warm(self) -> None:
        """Make ready for the first query before it comes."""
        with self.lease() as release:
            release.warm()

    def close(self) -> None:
        """Close the release; call when no request is being answered any more."""
        with self._lock:
            self._retire(self._current)

    @abstractmethod
    def _stamp(self) -> Hashable:
        """Give what tells two releases apart; DataError where none can be seen."""

    @abstractmethod
    def _open(self) -> Release:
        """Open the release that is there now."""

    def _replace(self, stamp: Hashable) -> None:
        try:
            new = _Holder(self._open(), stamp)
        except DataError as error:
            self._refused = stamp
            logger.error("the new release is not served: %s", error)  # noqa: TRY400 - the message says all
            return
        with self._lock:
            old, self._current = self._current, new
            self._retire(old)
        logger.info("serving a new release")

    def _take(self) -> _Holder:
        with self._lock:
            self._current.leases += 1
            return self._current

    def _give_back(self, holder: _Holder) -> None:
        with self._lock:
            holder.leases -= 1
            if holder.retired and holder.leases == 0:
                holder.release.close()

    def _retire(self, holder: _Holder) -> None:
        holder.retired = True
        if holder.leases == 0:
            holder.release.close()


FileStamp = tuple[int, int, int]
"""What tells two versions of a file apart: inode, time of change in ns, size."""


def _share(whole: int, places: int, *, least: int) -> int:
    """Give what one of the queries that run at the same time may have; all together have about the whole."""
    return max(whole // places, min(whole, least))


SLACK: Final = 1_000_000_000
"""Bytes of address space that a process may have beyond the memory of its query: stacks, buffers, code."""


class FileStore(ReleaseStore):
    """A release in a file; a new one is put in place by renaming.

    Parameters
    ----------
    path
        The release file.
    settings
        Limits.
    urls
        Addresses for the computed columns.

    Raises
    ------
    DataError
        The file is no release.
    """

    def __init__(self, path: Path, *, settings: Settings, urls: Urls) -> None:
        self._path = path.absolute()
        self._settings = settings
        self._urls = urls
        places = settings.queries + settings.workers
        self._memory = _share(bytes_of(settings.memory), places, least=256_000_000)
        self._spill = _share(bytes_of(settings.spill), places, least=1_000_000_000)
        # DuckDB refuses to open one path twice in a process, so each opening gets a link of its own.
        self._links = Scratch()
        self._numbers = count()
        try:
            super().__init__()
        except DataError:
            self._links.cleanup()
            raise

    @property
    def published(self) -> datetime:
        """When the file was changed; now where it is gone."""
        try:
            return datetime.fromtimestamp(self._path.stat().st_mtime, UTC)
        except OSError:
            return datetime.now(UTC)

    def close(self) -> None:
        """Close the release."""
        super().close()
        self._links.cleanup()

    def _open(self) -> Release:
        link = self._links.path / f"{next(self._numbers)}.duckdb"
        link.symlink_to(self._path)
        opening = Opening(
            path=str(link), base_url=self._urls.base, memory=self._memory, threads=self._settings.threads,
            spill=self._spill, spill_directory=str(link.with_suffix(".spill")),
        )  # fmt: skip
        limits = Limits(memory=self._memory + SLACK)
        return DuckdbRelease(opening, limits=limits, shown=str(self._path))

    def _stamp(self) -> FileStamp:
        try:
            status = self._path.stat()
        except OSError as error:
            message = f"the release cannot be read: {error.strerror}"
            raise DataError(str(self._path), "missing", message) from error
        if not stat.S_ISREG(status.st_mode):  # opening a pipe would wait for somebody to write
            raise DataError(str(self._path), "missing", "the release cannot be read: it is no file")
        return (status.st_ino, status.st_mtime_ns, status.st_size)

"""The release that is served now, and its exchange for a newer one while queries run."""

from __future__ import annotations

import logging
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from service.config import Settings
from service.store.release import Release
from service.urls import Urls
from vo_emline.errors import DataError

logger = logging.getLogger(__name__)

Stamp = tuple[int, int, int]
"""What tells two versions of a file apart: inode, time of change in ns, size."""


@dataclass(slots=True)
class _Holder:
    release: Release
    stamp: Stamp
    leases: int = 0
    retired: bool = False


class ReleaseStore:
    """Lends the current release; opens a new one when the file was replaced.

    A query that has begun keeps the release it began with; the old one is
    closed when its last query ends. A replacement that cannot be opened is
    logged once, and the old release goes on being served.

    Parameters
    ----------
    path
        The release file; a new one is put in place by renaming.
    settings, urls
        See :class:`service.store.release.Release`.

    Raises
    ------
    DataError
        The file is no release.
    """

    def __init__(self, path: Path, *, settings: Settings, urls: Urls) -> None:
        self._path = path.absolute()
        self._settings = settings
        self._urls = urls
        self._lock = threading.Lock()
        self._exchange = threading.Lock()
        # DuckDB refuses to open one path twice in a process, so each opening gets a link of its own.
        self._links = tempfile.TemporaryDirectory(prefix="vo-emline-")
        self._numbers = count()
        self._refused: Stamp | None = None
        try:
            self._current = self._open(_stamp(self._path))
        except DataError:
            self._links.cleanup()
            raise

    @property
    def path(self) -> Path:
        """The release file."""
        return self._path

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
        """Exchange the release if the file was replaced; costs one ``stat`` if not."""
        try:
            stamp = _stamp(self._path)
        except DataError:
            return  # being replaced, or gone: what is open is still served
        if stamp in (self._current.stamp, self._refused) or not self._exchange.acquire(blocking=False):
            return
        try:
            self._replace(stamp)
        finally:
            self._exchange.release()

    def close(self) -> None:
        """Close the release; call when no request is being answered any more."""
        with self._lock:
            self._retire(self._current)
        self._links.cleanup()

    def _replace(self, stamp: Stamp) -> None:
        try:
            new = self._open(stamp)
        except DataError as error:
            self._refused = stamp
            logger.error("the new release is not served: %s", error)  # noqa: TRY400 - the message says all
            return
        with self._lock:
            old, self._current = self._current, new
            self._retire(old)
        logger.info("serving a new release: %s", self._path)

    def _open(self, stamp: Stamp) -> _Holder:
        link = Path(self._links.name) / f"{next(self._numbers)}.duckdb"
        link.symlink_to(self._path)
        spill = Path(self._links.name) / f"{link.stem}.spill"
        release = Release(
            self._path, link=link, settings=self._settings, urls=self._urls, spill_directory=spill
        )
        return _Holder(release, stamp)

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


def _stamp(path: Path) -> Stamp:
    try:
        status = path.stat()
    except OSError as error:
        raise DataError(str(path), "missing", f"the release cannot be read: {error.strerror}") from error
    return (status.st_ino, status.st_mtime_ns, status.st_size)

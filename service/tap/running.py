"""One query while it runs: its release, its cursor, its time limit, and how to stop it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from typing import Final, Literal

import duckdb
import pyarrow as pa

from service.errors import StoppedError
from service.store import Release
from vo_emline.errors import UserError

BATCH_ROWS: Final = 8192
"""Rows fetched and encoded at once: some megabytes of text, a few milliseconds of work."""

REPEAT_SECONDS: Final = 0.2
"""How often an interrupt is repeated until the query has ended."""

StopReason = Literal["time", "abort"]


class RunningQuery:
    """A query on one cursor; safe to stop from another thread.

    Parameters
    ----------
    release
        The release to ask; its lease is the caller's.
    seconds
        Time limit, counted from :meth:`start` to :meth:`close`.
    """

    def __init__(self, release: Release, *, seconds: float) -> None:
        self._cursor = release.cursor()
        self._seconds = seconds
        self._stopped: StopReason | None = None
        self._closed = False
        self._lock = threading.RLock()
        self._timer = _timer(seconds, self.stop, "time")

    def start(self, sql: str, *, uploads: Mapping[str, pa.Table]) -> Iterator[pa.RecordBatch]:
        """Run `sql` until its first rows are there and give all of them, batch by batch.

        Parameters
        ----------
        sql
            One compiled SELECT.
        uploads
            Tables of this query alone, by the name `sql` knows them under.

        Raises
        ------
        UserError
            The query fails, or runs out of time or memory.
        StoppedError
            It was stopped.
        """
        batches = self._guarded(self._read(sql, uploads))
        first = next(batches, None)
        return iter(()) if first is None else chain([first], batches)

    def stop(self, reason: StopReason = "abort") -> None:
        """Stop the query; it raises within some tenths of a second.

        A query that is just about to begin would miss a single interrupt, so
        they are repeated until :meth:`close`.
        """
        with self._lock:
            if self._closed:
                return
            self._stopped = self._stopped or reason
            self._cursor.interrupt()
            self._timer.cancel()
            self._timer = _timer(REPEAT_SECONDS, self.stop)

    def close(self) -> None:
        """Free the cursor and the uploads; nothing may be reading any more."""
        with self._lock:
            self._closed = True
            self._timer.cancel()
            self._cursor.close()

    def _read(self, sql: str, uploads: Mapping[str, pa.Table]) -> Iterator[pa.RecordBatch]:
        for name, table in uploads.items():
            self._cursor.register(name, table)
        # sql() and not execute(): only a relation streams, the other keeps all rows in memory.
        yield from self._cursor.sql(sql).to_arrow_reader(BATCH_ROWS)

    def _guarded(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        while True:
            try:
                self._raise_if_stopped()
                batch = next(batches)
            except StopIteration:
                return
            except (duckdb.Error, pa.ArrowException, OSError, RuntimeError) as error:
                self._raise_if_stopped()
                raise _explain(error) from error
            yield batch

    def _raise_if_stopped(self) -> None:
        if self._stopped == "time":
            raise UserError(f"the query ran into the time limit of {self._seconds:g} s")
        if self._stopped:
            raise StoppedError("the query was stopped")


def _explain(error: Exception) -> UserError:
    """Say what a database error means for the one who asked."""
    text = str(error).splitlines()[0] if str(error) else type(error).__name__
    if isinstance(error, duckdb.OutOfMemoryException) or "Out of Memory" in text:
        return UserError("the query needs more memory than the service allows; ask for fewer rows or groups")
    return UserError(f"the query failed: {text}")


def _timer(seconds: float, action: Callable[..., None], *arguments: str) -> threading.Timer:
    timer = threading.Timer(seconds, action, args=arguments)
    timer.daemon = True
    timer.start()
    return timer

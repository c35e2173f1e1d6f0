"""One query while it runs: its time limit, how to stop it, and what its errors mean for the one who asked."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterator, Mapping
from itertools import chain
from typing import Final, Literal

import pyarrow as pa

from service.deadline import Deadline
from service.errors import StoppedError
from vo_emline.errors import EmlineError, UserError

BATCH_ROWS: Final = 8192
"""Rows fetched and encoded at once: some megabytes of text, a few milliseconds of work."""

TOO_LARGE: Final = "the query needs more memory than the service allows; ask for fewer rows or groups"
"""What is said when a query goes over its memory."""

StopReason = Literal["time", "abort"]


class RunningQuery(ABC):
    """A query of a release; safe to stop from another thread.

    Parameters
    ----------
    deadline
        When it is stopped, the reading of its rows included.
    """

    def __init__(self, *, deadline: Deadline) -> None:
        self._deadline = deadline
        self._stopped: StopReason | None = None
        self._closed = False
        self._reading: Generator[pa.RecordBatch, None, None] | None = None
        self._lock = threading.RLock()

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
            The query fails by its own values, or runs out of time or memory.
        FaultError
            The database fails.
        StoppedError
            It was stopped.
        """
        self._reading = self._read(sql, uploads)
        batches = self._guarded(self._reading)
        first = next(batches, None)
        return iter(()) if first is None else chain([first], batches)

    def stop(self, reason: StopReason = "abort") -> None:
        """Stop the query; it raises within some tenths of a second."""
        with self._lock:
            if not self._closed:
                self._stopped = self._stopped or reason
                self._interrupt()

    def close(self) -> None:
        """Free what the query holds; nothing may be reading any more."""
        with self._lock:
            self._closed = True
        if self._reading is not None:
            self._reading.close()
        self._free()

    @abstractmethod
    def _read(self, sql: str, uploads: Mapping[str, pa.Table]) -> Generator[pa.RecordBatch, None, None]:
        """Run `sql` and give its rows."""

    @abstractmethod
    def _interrupt(self) -> None:
        """Tell the database to stop; may be called at any time, from any thread."""

    @abstractmethod
    def _free(self) -> None:
        """Let go of the database."""

    @abstractmethod
    def _explain(self, error: Exception) -> EmlineError | None:
        """Say what an error of the database means; None where it is none of the database."""

    def _guarded(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        while True:
            try:
                self._raise_if_stopped()
                batch = next(batches)
            except StopIteration:
                return
            except (UserError, StoppedError):
                raise
            except Exception as error:
                self._raise_if_stopped()
                explained = self._explain(error)
                if explained is None:
                    raise
                raise explained from error
            yield batch

    def _raise_if_stopped(self) -> None:
        if self._stopped == "time" or not (self._stopped or self._deadline.remaining()):
            raise UserError(f"the query ran into the time limit of {self._deadline.seconds:g} s")
        if self._stopped:
            raise StoppedError("the query was stopped")

"""One query while it runs: its time limit, how to stop it, and what its errors mean for the one who asked."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import closing
from itertools import chain
from typing import Any, Final, Literal, TypeVar

import pyarrow as pa

from service.deadline import Deadline
from service.errors import BusyError, StoppedError
from vo_emline.errors import EmlineError, UserError

BATCH_ROWS: Final = 8192
"""Rows fetched and encoded at once: some megabytes of text, a few milliseconds of work."""

TOO_LARGE: Final = "the query needs more memory than the service allows; ask for fewer rows or groups"
"""What is said when a query goes over its memory."""

StopReason = Literal["time", "abort", "busy"]
Write = Callable[[Iterator[pa.RecordBatch]], Iterable[bytes]]
"""Makes pieces of an answer of its rows."""
T = TypeVar("T")


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
        self._reading: Generator[Any, None, None] | None = None
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
        return self._begin(self._read(sql, uploads))

    def start_written(self, sql: str, *, uploads: Mapping[str, pa.Table], write: Write) -> Iterator[bytes]:
        """Run `sql` as :meth:`start` does, and give what `write` makes of its rows, wherever that is done.

        Parameters
        ----------
        sql, uploads
            See :meth:`start`.
        write
            Makes pieces of the batches; a function of a module, or a partial of one.
        """
        return self._begin(self._read_written(sql, uploads, write))

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

    def _begin(self, reading: Generator[T, None, None]) -> Iterator[T]:
        self._reading = reading
        items = self._guarded(reading)
        first = next(items, None)
        return iter(()) if first is None else chain([first], items)

    def _read_written(
        self, sql: str, uploads: Mapping[str, pa.Table], write: Write
    ) -> Generator[bytes, None, None]:
        """Run `sql` and give what `write` makes of its rows."""
        with closing(self._read(sql, uploads)) as batches:
            yield from write(batches)

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

    def _guarded(self, items: Iterator[T]) -> Iterator[T]:
        while True:
            try:
                self._raise_if_stopped()
                item = next(items)
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
            yield item

    def _raise_if_stopped(self) -> None:
        if self._stopped == "time" or not (self._stopped or self._deadline.remaining()):
            raise UserError(f"the query ran into the time limit of {self._deadline.seconds:g} s")
        if self._stopped == "busy":
            raise BusyError("others wait, and this query takes long; send it to /tap/async")
        if self._stopped:
            raise StoppedError("the query was stopped")

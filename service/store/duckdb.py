"""A release in a DuckDB file: queries run in processes of their own, the service's own here."""

from __future__ import annotations

import io
import logging
import threading
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

import duckdb
import pyarrow as pa

from service.deadline import Deadline
from service.errors import StoppedError
from service.processes import KilledError, Nursery, Worker
from service.store.opening import CATALOG, Opening, connect, published_tables
from service.store.release import Release
from service.store.running import TOO_LARGE, RunningQuery
from service.store.workers import answer, open_release
from vo_emline.candidates.columns import SPECTRA
from vo_emline.errors import DataError, EmlineError, UserError

logger = logging.getLogger(__name__)

WARM_S: Final = 60
"""How long the first process may take to open the release."""

PATIENCE_S: Final = 0.05
"""How long a query whose rows are not wanted any more may take to end by itself; then it is ended."""


class DuckdbRelease(Release):
    """An open release in a DuckDB file.

    Parameters
    ----------
    opening
        The file, and how to open it.
    nursery
        Makes the processes in which queries run.
    shown
        The path for messages.

    Raises
    ------
    DataError
        The file is no release, or cannot be opened.
    """

    dialect = "duckdb"
    index = f"{CATALOG}.{SPECTRA.qualified_name}"

    def __init__(self, opening: Opening, *, nursery: Nursery, shown: str) -> None:
        self.opening = opening
        self._nursery = nursery
        self._idle: list[Worker] = []
        self._closed = False
        self._lock = threading.Lock()
        try:
            self._database = connect(opening)
        except duckdb.Error as error:
            reason = str(error).replace(opening.path, shown)
            raise DataError(shown, "not_a_release", f"no release of this program: {reason}") from error
        except DataError as error:
            raise DataError(shown, error.code, error.message) from error
        self.tables = published_tables(self._database)
        facts = self._database.execute(f"SELECT key, value FROM {CATALOG}.internal.metadata")  # noqa: S608
        self.metadata = dict(facts.fetchall())
        self.counts = {table.qualified_name: self._count(table.qualified_name) for table in self.tables}

    def arrow(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> pa.Table:
        """Answer a query of the service itself."""
        given = dict(parameters) if isinstance(parameters, Mapping) else list(parameters)
        with self._database.cursor() as cursor:
            return cursor.sql(sql, params=given).to_arrow_table()

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """Answer a query of the service itself, rows as dictionaries."""
        with self._database.cursor() as cursor:
            result = cursor.execute(sql, list(parameters))
            names = [item[0] for item in result.description]
            return [dict(zip(names, row, strict=True)) for row in result.fetchall()]

    def run(self, *, deadline: Deadline) -> RunningQuery:
        """Prepare to run one compiled query."""
        return _Running(self, deadline=deadline)

    def warm(self) -> None:
        """Start a process and let it open the release."""
        worker = self.take()
        try:
            for _ in worker.call(open_release, (self.opening,), deadline=time.monotonic() + WARM_S):
                pass
        except KilledError as error:
            if not self._closed:  # otherwise it is the service that ended it
                logger.warning("no process is ready for the first query: %s", error)
        finally:
            self.give_back(worker)

    def close(self) -> None:
        """End the processes and close the database."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for worker in idle:
            worker.close()
        self._database.close()

    def take(self) -> Worker:
        """Give a process that answers queries; hand it back by :meth:`give_back`."""
        with self._lock:
            if self._idle:
                return self._idle.pop()
        return self._nursery.worker()

    def give_back(self, worker: Worker) -> None:
        """Keep a process for the next query, unless it has ended."""
        with self._lock:
            kept = worker.alive and not self._closed
            if kept:
                self._idle.append(worker)
            needed = not kept and not self._closed and not self._idle
        if not kept:
            worker.close()
        if needed:  # the next query should find a process that has the release open
            threading.Thread(target=self._replace, name="replace", daemon=True).start()

    def _replace(self) -> None:
        with suppress(OSError):  # the service ends
            self.warm()

    def _count(self, name: str) -> int:
        found = self._database.execute(f"SELECT count(*) FROM {name}").fetchone()  # noqa: S608 - names of ours
        return int(found[0]) if found else 0


class _Running(RunningQuery):
    def __init__(self, release: DuckdbRelease, *, deadline: Deadline) -> None:
        self._release = release
        self._worker = release.take()
        super().__init__(deadline=deadline)

    def _read(self, sql: str, uploads: Mapping[str, pa.Table]) -> Generator[pa.RecordBatch, None, None]:
        given = {name: _stream(table) for name, table in uploads.items()}
        arguments = (self._release.opening, sql, given)
        pieces = self._worker.call(answer, arguments, deadline=self._deadline.moment)
        try:
            yield from pa.ipc.open_stream(pa.PythonFile(_Pieces(pieces), mode="r"))
        finally:
            _drain(pieces)

    def _interrupt(self) -> None:
        self._worker.kill()

    def _free(self) -> None:
        self._release.give_back(self._worker)

    def _explain(self, error: Exception) -> EmlineError | None:
        if not isinstance(error, KilledError):
            return None
        match error.reason:
            case "time":
                return UserError(f"the query ran into the time limit of {self._deadline.seconds:g} s")
            case "memory":
                return UserError(TOO_LARGE)
            case "stopped":
                return StoppedError("the query was stopped")


class _Pieces(io.RawIOBase):
    """A file whose content comes piece by piece."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        """Give `size` bytes, fewer only at the end."""
        parts: list[memoryview] = []
        while size:
            if not self._rest:
                self._rest = memoryview(next(self._pieces, b""))
                if not self._rest:
                    break
            parts.append(self._rest[:size] if size > 0 else self._rest)
            self._rest = self._rest[len(parts[-1]) :]
            size -= len(parts[-1]) if size > 0 else 0
        return parts[0].tobytes() if len(parts) == 1 else b"".join(parts)


def _stream(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def _drain(pieces: Generator[bytes, None, None] | Iterator[bytes]) -> None:
    """Let a query end whose rows are not wanted any more, if it is about to; else its process ends."""
    end = time.monotonic() + PATIENCE_S
    with suppress(EmlineError):
        for _ in pieces:
            if time.monotonic() > end:
                break
    if isinstance(pieces, Generator):
        pieces.close()

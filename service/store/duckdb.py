"""A release in a DuckDB file: queries run in processes of their own, the service's own here."""

from __future__ import annotations

import io
import logging
import threading
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa

from service.deadline import Deadline
from service.errors import BusyError, StoppedError
from service.nursery import Limits
from service.processes import KilledError, Worker, shared_nursery
from service.scratch import clear_abandoned
from service.store.opening import CATALOG, Opening, connect, has_table, published_tables
from service.store.release import Release
from service.store.running import TOO_LARGE, RunningQuery, Write
from service.store.workers import answer, open_release, stream_rows
from vo_emline.candidates.columns import CUTOUTS, SPECTRA
from vo_emline.errors import DataError, EmlineError, UserError

logger = logging.getLogger(__name__)

WARM_S: Final = 60
"""How long the first process may take to open the release."""

WAIT_S: Final = 0.1
"""How long a query waits for a process to become free before another is started: about what that takes."""

SPARE: Final = 2
"""Processes that should have the release open and nothing to do: where a crowd takes them all, the short
query that comes next waits until another is open, which takes longest when many run."""

IDLE_S: Final = 30.0
"""How long more processes are kept that no query needs: the one that was used last answers the next."""

PATIENCE_S: Final = 1.0
"""How long a query that is stopped may take to end; then its process is ended, which costs a new one."""


class DuckdbRelease(Release):
    """An open release in a DuckDB file.

    Parameters
    ----------
    opening
        The file, and how to open it.
    limits
        Of each process in which queries run.
    shown
        The path for messages.

    Raises
    ------
    DataError
        The file is no release, or cannot be opened.
    """

    dialect = "duckdb"
    index = f"{CATALOG}.{SPECTRA.qualified_name}"

    def __init__(self, opening: Opening, *, limits: Limits, shown: str) -> None:
        self.opening = opening
        self._limits = limits
        self._idle: list[Worker] = []
        self._working = 0
        self._closed = False
        self._opening = False
        self._filling = False
        self._tidying: threading.Timer | None = None
        self._changed = threading.Condition()
        try:
            # What the service itself asks are look-ups, which further threads only make dearer.
            self._database = connect(replace(opening, threads=1))
        except duckdb.Error as error:
            reason = str(error).replace(opening.path, shown)
            hint = "vo-emline publish makes one of a survey"
            raise DataError(
                shown, "not_a_release", f"no release of this program: {reason} ({hint})"
            ) from error
        except DataError as error:
            raise DataError(shown, error.code, error.message) from error
        self.tables = published_tables(self._database)
        self.cutouts = f"{CATALOG}.{CUTOUTS.qualified_name}" if has_table(self._database, CUTOUTS) else None
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
        """Let processes open the release, until :data:`SPARE` of them have nothing to do."""
        with self._changed:
            self._filling = True
        try:
            while self._another_is_wanted():
                self.give_back(self._open(Deadline.after(WARM_S)))
        except KilledError as error:
            if not self._closed:  # otherwise it is the service that ended it
                logger.warning("no process is ready for the next query: %s", error)
        except OSError:
            if not self._closed:  # the service ends
                raise
        finally:
            with self._changed:
                self._filling = False

    def close(self) -> None:
        """End the processes and close the database."""
        with self._changed:
            self._closed = True
            idle, self._idle = self._idle, []
            if self._tidying is not None:
                self._tidying.cancel()
        for worker in idle:
            worker.close()
        self._database.close()

    def take(self, deadline: Deadline) -> Worker:
        """Give a process that has the release open; hand it back by :meth:`give_back`.

        Opening takes as much as many queries do, so a query waits a little for a process to become free,
        and processes are opened one at a time.

        Raises
        ------
        KilledError
            There is none before the deadline, or it does not open the release.
        """
        patience = min(deadline.moment, time.monotonic() + WAIT_S)
        with self._changed:
            while not self._idle:
                now = time.monotonic()
                if not self._opening and (now >= patience or not self._working):
                    self._opening = True
                    break
                if now >= deadline.moment:
                    raise KilledError("time")
                self._changed.wait(timeout=(deadline.moment if self._opening else patience) - now)
            self._working += 1
            if self._idle:
                worker = self._idle.pop()
                self._fill()
                return worker
        return self._open(deadline)

    def give_back(self, worker: Worker) -> None:
        """Keep a process for the next query, unless it has ended."""
        with self._changed:
            self._working -= 1
            kept = worker.alive and not worker.slow and not self._closed
            if kept:
                worker.idle_since = time.monotonic()
                self._idle.append(worker)
            old = self._outdated()
            self._fill()
            self._tidy_later()
            self._changed.notify()
        self._end(old if kept else [*old, worker])

    def _fill(self) -> None:
        """Open more in the background where too few have nothing to do; the lock is held."""
        if not (self._closed or self._filling or len(self._idle) >= SPARE):
            self._filling = True
            threading.Thread(target=self.warm, name="fill", daemon=True).start()

    def _another_is_wanted(self) -> bool:
        """Tell whether there are too few, and count the one that is to be opened."""
        with self._changed:
            while self._opening and not self._closed:
                self._changed.wait(timeout=1.0)
            wanted = not self._closed and len(self._idle) < SPARE
            self._opening = wanted
            self._working += wanted
            return wanted

    def _outdated(self) -> list[Worker]:
        """Take out the processes that were opened for a crowd which has gone: what they hold is let go of."""
        since = time.monotonic() - IDLE_S
        old = [worker for worker in self._idle[:-SPARE] if worker.idle_since < since]
        self._idle = [worker for worker in self._idle if worker not in old]
        return old

    def _tidy_later(self) -> None:
        """See to it that processes go also where no query comes any more to look after them."""
        if len(self._idle) > SPARE and self._tidying is None and not self._closed:
            self._tidying = threading.Timer(1.1 * IDLE_S, self._tidy)
            self._tidying.daemon = True
            self._tidying.start()

    def _tidy(self) -> None:
        with self._changed:
            self._tidying = None
            old = self._outdated()
            self._tidy_later()
        self._end(old)

    def _end(self, workers: Sequence[Worker]) -> None:
        """End processes, and remove what they had on disk."""
        for worker in workers:
            worker.close()
        if workers:
            clear_abandoned(Path(self.opening.spill_directory))

    def _open(self, deadline: Deadline) -> Worker:
        """Start a process and let it open the release."""
        worker = None
        try:
            worker = shared_nursery().worker(self._limits, patience=PATIENCE_S)
            for _ in worker.call(open_release, (self.opening,), deadline=deadline.moment):
                pass
        except BaseException:
            with self._changed:
                self._working -= 1
            if worker:
                worker.close()
            raise
        finally:
            with self._changed:
                self._opening = False
                self._changed.notify_all()
        return worker

    def _count(self, name: str) -> int:
        found = self._database.execute(f"SELECT count(*) FROM {name}").fetchone()  # noqa: S608 - names of ours
        return int(found[0]) if found else 0


class _Running(RunningQuery):
    def __init__(self, release: DuckdbRelease, *, deadline: Deadline) -> None:
        super().__init__(deadline=deadline)
        self._release = release
        try:
            self._worker = release.take(deadline)
        except KilledError as error:
            if error.reason == "died":  # before it was asked anything
                raise BusyError("the service has just lost a process; ask again") from error
            raise self._explain(error) or error from error

    def _read(self, sql: str, uploads: Mapping[str, pa.Table]) -> Generator[pa.RecordBatch, None, None]:
        with closing(self._read_written(sql, uploads, stream_rows)) as pieces:
            yield from pa.ipc.open_stream(pa.PythonFile(_Pieces(pieces), mode="r"))
            next(pieces, None)  # the word that it has ended

    def _read_written(
        self, sql: str, uploads: Mapping[str, pa.Table], write: Write
    ) -> Generator[bytes, None, None]:
        given = {name: _stream(table) for name, table in uploads.items()}
        arguments = (self._release.opening, sql, given, write)
        moment = self._deadline.moment
        begun = False
        try:
            with closing(self._call(arguments)) as pieces:
                for piece in pieces:
                    begun = True
                    yield piece
        except KilledError as error:
            # Either the query is too much for its process, or somebody ended it: then the next one does it.
            if begun or error.reason != "died" or time.monotonic() > moment:
                raise
            self._exchange()
            with closing(self._call(arguments)) as pieces:
                yield from pieces

    def _call(self, arguments: tuple[Any, ...]) -> Generator[bytes, None, None]:
        moment = self._deadline.moment
        return self._worker.call(answer, arguments, deadline=moment, unwanted=lambda: self._stopped)

    def _exchange(self) -> None:
        """Take another process for the one that died."""
        with self._lock:
            try:
                dead, self._worker = self._worker, self._release.take(self._deadline)
            except KilledError as error:
                if error.reason == "died":
                    raise BusyError("the service has just lost two processes; ask again") from error
                raise
        self._release.give_back(dead)

    def _interrupt(self) -> None:
        self._worker.stop()

    def _free(self) -> None:
        self._release.give_back(self._worker)

    def _explain(self, error: Exception) -> EmlineError | None:
        if not isinstance(error, KilledError):
            return None
        match error.reason:
            case "time":
                return UserError(f"the query ran into the time limit of {self._deadline.seconds:g} s")
            case "memory" | "died":
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

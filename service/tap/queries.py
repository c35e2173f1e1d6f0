"""From a checked request to rows: compile, run within a time limit, hand out, stop."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from itertools import chain
from types import TracebackType
from typing import Final, Literal, Self

import duckdb
import pyarrow as pa
from astropy.io.votable.tree import Resource

from service.adql import CompiledQuery, compile_query
from service.deadline import Deadline
from service.errors import INTERNAL, FaultError, StoppedError
from service.formats import Result
from service.formats.votable import Descriptor
from service.processes import Worker
from service.store import Release, ReleaseStore
from service.tap.request import TapRequest
from service.tap.uploads import Upload
from service.urls import Urls
from vo_emline.errors import EmlineError, UserError

BATCH_ROWS: Final = 8192
"""Rows fetched and encoded at once: some megabytes of text, a few milliseconds of work."""

REPEAT_SECONDS: Final = 0.2
"""How often an interrupt is repeated until the query has ended."""

_MISTAKES: Final = ("Conversion Error", "Out of Range Error", "Invalid Input Error", "Mismatch Type Error")
"""How DuckDB's messages begin where the values or the arguments of a query are to blame."""

StopReason = Literal["time", "abort"]


class RunningQuery:
    """A query on one cursor; safe to stop from another thread.

    Parameters
    ----------
    release
        The release to ask; its lease is the caller's.
    deadline
        When it is stopped, the reading of its rows included.
    """

    def __init__(self, release: Release, *, deadline: Deadline) -> None:
        self._cursor = release.cursor()
        self._seconds = deadline.seconds
        self._stopped: StopReason | None = None
        self._closed = False
        self._lock = threading.RLock()
        self._timer = _timer(deadline.remaining(), self.stop, "time")

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


def _explain(error: Exception) -> EmlineError:
    """Say what a database error means for the one who asked, or that the fault is ours.

    The kind stands in the text: what breaks off on the way through Arrow has
    lost its type.
    """
    text = str(error).splitlines()[0] if str(error) else type(error).__name__
    if isinstance(error, duckdb.OutOfMemoryException) or "Out of Memory" in text:
        return UserError("the query needs more memory than the service allows; ask for fewer rows or groups")
    if text.startswith(_MISTAKES):
        return UserError(f"the query failed: {text}")
    return FaultError(INTERNAL)


def _timer(seconds: float, action: Callable[..., None], *arguments: str) -> threading.Timer:
    timer = threading.Timer(seconds, action, args=arguments)
    timer.daemon = True
    timer.start()
    return timer


LARGEST_PUSHED_LIMIT: Final = 20_000
"""Row limits up to this go into the SQL; beyond it the first row would come later."""

LoadUploads = Callable[..., Sequence[Upload]]
"""Reads the tables that come with a query (:meth:`service.tap.uploads.UploadReader.load`)."""


class Query:
    """One query from beginning to end; use it in a ``with`` block.

    :meth:`stop` may be called from any thread at any time.
    """

    def __init__(
        self, runner: QueryRunner, request: TapRequest, *, deadline: Deadline, load: LoadUploads | None
    ) -> None:
        self._runner = runner
        self._request = request
        self._load = load
        self._deadline = deadline
        self._resources = ExitStack()
        self._reader: Worker | None = None
        self._running: RunningQuery | None = None
        self._stopped = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def run(self) -> Result:
        """Compile and run the query until its first rows are there.

        Raises
        ------
        UserError
            The query is wrong, fails, or runs out of time or memory.
        StoppedError
            It was stopped.
        """
        uploads = self._load(deadline=self._deadline, started=self._reading) if self._load else ()
        release = self._resources.enter_context(self._runner.store.lease())
        compiled = compile_query(
            self._request.query, tables=release.tables, uploads=[upload.table for upload in uploads]
        )
        running = RunningQuery(release, deadline=self._deadline)
        self._resources.callback(running.close)
        self._running = running
        if self._stopped:
            raise StoppedError("the query was stopped")
        return self._result(compiled, running, uploads)

    def stop(self) -> None:
        """Stop the query, whatever it is doing."""
        self._stopped = True
        if self._reader:
            self._reader.kill()
        if self._running:
            self._running.stop()

    def _reading(self, reader: Worker) -> None:
        self._reader = reader
        if self._stopped:
            reader.kill()

    def on_close(self, action: Callable[[], object]) -> None:
        """Do something more when the query is closed."""
        self._resources.callback(action)

    def close(self) -> None:
        """Free everything; the rows of the result cannot be read any more."""
        self._resources.close()

    def _result(self, compiled: CompiledQuery, running: RunningQuery, uploads: Sequence[Upload]) -> Result:
        limit = self._request.maxrec
        given = {upload.table.qualified_name: upload.rows for upload in uploads}
        return Result(
            columns=compiled.columns,
            batches=running.start(_limited(compiled.sql, limit), uploads=given),
            limit=limit,
            overflow=limit == 0,
            infos={"QUERY": self._request.query},
            resources=self._runner.resources(compiled),
        )


class QueryRunner:
    """Makes queries.

    Parameters
    ----------
    store
        Lends the release that is asked.
    urls
        Addresses for service descriptors.
    descriptors
        Makers of service descriptors.
    """

    def __init__(self, *, store: ReleaseStore, urls: Urls, descriptors: Sequence[Descriptor] = ()) -> None:
        self.store = store
        self._urls = urls
        self._descriptors = tuple(descriptors)

    def query(self, request: TapRequest, *, deadline: Deadline, load: LoadUploads | None = None) -> Query:
        """Prepare a query that must have ended by `deadline`; `load` reads its uploads when it runs."""
        return Query(self, request, deadline=deadline, load=load)

    def resources(self, compiled: CompiledQuery) -> list[Resource]:
        """Give the VOTable resources that belong to a result with these columns."""
        return [made for descriptor in self._descriptors for made in descriptor(compiled.columns, self._urls)]


def _limited(sql: str, limit: int) -> str:
    """Let the database stop after one row too many, where that helps it.

    A small limit turns a sort into a search for the best. A large one makes
    DuckDB collect all rows before it gives the first; then it is better to
    stop reading.
    """
    if limit > LARGEST_PUSHED_LIMIT:
        return sql
    return f"SELECT * FROM ({sql}) AS answer LIMIT {limit + 1 if limit else 0}"  # noqa: S608

"""From a checked request to rows: compile, run within a time limit, hand out, stop."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from types import TracebackType
from typing import Final, Self

from astropy.io.votable.tree import Resource

from service.adql import CompiledQuery
from service.config import Settings
from service.deadline import Deadline
from service.formats import Result, encode_rows
from service.formats.votable import Descriptor
from service.origin import origin
from service.processes import Worker
from service.store import Release, ReleaseStore, RunningQuery
from service.store.running import StopReason
from service.tap.request import TapRequest
from service.tap.uploads import Upload
from service.urls import Urls

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
        self._stopped: StopReason | None = None

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
        compiled = release.compile(self._request.query, uploads=[upload.table for upload in uploads])
        running = release.run(deadline=self._deadline)
        self._resources.callback(running.close)
        self._running = running
        if self._stopped:  # before it ran: it says why as if it had
            running.stop(self._stopped)
        return self._result(compiled, running, uploads, origin=self._runner.origin(release))

    def stop(self, reason: StopReason = "abort") -> None:
        """Stop the query, whatever it is doing."""
        self._stopped = self._stopped or reason
        if self._reader:
            self._reader.kill()
        if self._running:
            self._running.stop(reason)

    def _reading(self, reader: Worker) -> None:
        self._reader = reader
        if self._stopped:
            reader.kill()

    @property
    def limit(self) -> int:
        """Rows that are given at most."""
        return self._request.maxrec

    def on_close(self, action: Callable[[], object]) -> None:
        """Do something more when the query is closed."""
        self._resources.callback(action)

    def close(self) -> None:
        """Free everything; the rows of the result cannot be read any more."""
        self._resources.close()

    def _result(
        self,
        compiled: CompiledQuery,
        running: RunningQuery,
        uploads: Sequence[Upload],
        *,
        origin: Mapping[str, str],
    ) -> Result:
        limit, encode = self._request.maxrec, self._request.format.encode
        given = {upload.table.qualified_name: upload.rows for upload in uploads}
        sql = _limited(compiled.sql, limit)
        write = encode and partial(encode_rows, encode=encode, columns=compiled.columns, limit=limit)
        return Result(
            columns=compiled.columns,
            batches=() if write else running.start(sql, uploads=given),
            pieces=running.start_written(sql, uploads=given, write=write) if write else None,
            limit=limit,
            overflow=limit == 0,
            infos={"QUERY": self._request.query, **origin},
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
    settings
        Who publishes.
    descriptors
        Makers of service descriptors.
    """

    def __init__(
        self, *, store: ReleaseStore, urls: Urls, settings: Settings, descriptors: Sequence[Descriptor] = ()
    ) -> None:
        self.store = store
        self._urls = urls
        self._settings = settings
        self._descriptors = tuple(descriptors)

    def query(self, request: TapRequest, *, deadline: Deadline, load: LoadUploads | None = None) -> Query:
        """Prepare a query that must have ended by `deadline`; `load` reads its uploads when it runs."""
        return Query(self, request, deadline=deadline, load=load)

    def origin(self, release: Release) -> dict[str, str]:
        """Say where the rows of a release come from."""
        return origin(release, self._settings, self._urls)

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

"""A TAP query as the work of a job: the rows go to a file."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path

import structlog

from service.config import Settings
from service.deadline import Deadline
from service.errors import StoppedError
from service.formats import Format, Result
from service.logs import query_facts
from service.parameters import Parameters
from service.tap.queries import Query, QueryRunner
from service.tap.request import parse_request
from service.tap.uploads import UploadReader
from service.uws.jobs import Job, Pairs
from service.uws.workers import RESULT
from vo_emline.errors import UserError
from vo_emline.files import atomic_path

logger = structlog.stdlib.get_logger("service")


class TapWork:
    """The execution of one TAP job.

    Parameters
    ----------
    job
        The job.
    folder
        Its folder: inline uploads are there, the result goes there.
    room
        Bytes the result may have.
    queries
        Makes the query.
    uploads
        Reads its uploads.
    settings
        Limits.
    """

    def __init__(
        self,
        job: Job,
        folder: Path,
        room: int,
        *,
        queries: QueryRunner,
        uploads: UploadReader,
        settings: Settings,
    ) -> None:
        self._job = job
        self._folder = folder
        self._room = room
        self._queries = queries
        self._uploads = uploads
        self._settings = settings
        self._query: Query | None = None
        self._stopped = False

    def run(self) -> str:
        """Run the query, write the file ``result`` and give its content type.

        Raises
        ------
        UserError
            The parameters or the query are wrong, or it runs out of time or memory.
        StoppedError
            The job was aborted.
        """
        parameters = Parameters(grouped(self._job.parameters))
        asked = parse_request(parameters, self._settings)
        load = partial(self._uploads.load, parameters.all("UPLOAD"), self._folder)
        deadline = Deadline.after(self._job.duration)
        with self._queries.query(asked, deadline=deadline, load=load) as query:
            self._query = query
            if self._stopped:
                raise StoppedError("the job was aborted")
            started = time.monotonic()
            result = query.run()
            size = self._write(result, asked.format)
            logger.info(
                "job", job=self._job.job_id, client=self._job.owner, rows=result.delivered, bytes=size,
                seconds=round(time.monotonic() - started, 4),
                **query_facts(asked.query, self._settings.query_log),
            )  # fmt: skip
        return asked.format.media_type

    def _write(self, result: Result, output: Format) -> int:
        size = 0
        with atomic_path(self._folder / RESULT) as path, path.open("wb") as file:
            for chunk in output.write(result):
                size += len(chunk)
                if size > self._room:
                    raise UserError("there is no room for the result; ask for less, or delete old jobs")
                file.write(chunk)
            if result.failure:
                raise UserError(result.failure)
        return size

    def stop(self) -> None:
        """Stop the query."""
        self._stopped = True
        if self._query:
            self._query.stop()


def grouped(pairs: Pairs) -> dict[str, list[str]]:
    """Give parameters by name."""
    values: dict[str, list[str]] = {}
    for name, value in pairs:
        values.setdefault(name, []).append(value)
    return values

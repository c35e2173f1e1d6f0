"""Asynchronous queries (UWS): submitted, watched, fetched later, even from another session."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import requests
from pyvo.dal.tap import AsyncTAPJob, TAPResults
from tqdm.auto import tqdm

from vo_emline.client import tap
from vo_emline.errors import ArchiveError
from vo_emline.progress import track

if TYPE_CHECKING:
    from vo_emline.client.candidates import Candidates
    from vo_emline.client.connection import Client, Limit

FINISHED: Final = frozenset(("COMPLETED", "ERROR", "ABORTED", "ARCHIVED"))
"""Phases that a job does not leave (UWS 1.1, section 2.1.3)."""


class Job:
    """A query that runs on the service without us.

    Made by :meth:`Client.submit`, found again by :meth:`Client.job`.
    """

    def __init__(
        self, client: Client, job: AsyncTAPJob, *, http: requests.Session, maxrec: Limit = None
    ) -> None:
        self._client = client
        self._job = job
        self._http = http
        self._maxrec = maxrec

    @property
    def url(self) -> str:
        """Address of the job: keep it to come back later."""
        return str(self._job.url)

    @property
    def phase(self) -> str:
        """PENDING, QUEUED, EXECUTING, COMPLETED, ERROR or ABORTED, asked now."""
        with tap.plain_errors(self.url):
            answer = self._http.get(f"{self.url}/phase")
            answer.raise_for_status()
        return answer.text.strip()

    def __repr__(self) -> str:
        """Name the job and its phase."""
        return f"<Job {self.phase} {self.url}>"

    def wait(self, *, timeout: float | None = None, progress: bool = True) -> Job:
        """Wait until the job has ended.

        Parameters
        ----------
        timeout
            Seconds; None waits for ever. Interrupting does not stop the job.
        progress
            Show phase and time on a terminal.

        Raises
        ------
        ArchiveError
            The time ran out.
        """
        begin = time.monotonic()
        pause = 0.1
        bar: tqdm[None] = track(None, "query", unit="s")
        bar.disable = bar.disable or not progress
        with bar:
            while (phase := self.phase) not in FINISHED:
                elapsed = time.monotonic() - begin
                bar.set_description(f"query {phase.lower()}")
                bar.update(int(elapsed) - bar.n)
                if timeout is not None and elapsed > timeout:
                    raise ArchiveError(
                        f"the job is still {phase} after {timeout:g} s", url=self.url, retry=True
                    )
                time.sleep(pause)
                pause = min(pause * 1.5, 3.0)
        return self

    def result(self, *, timeout: float | None = None, progress: bool = True) -> Candidates:
        """Wait for the job and fetch its rows.

        Raises
        ------
        UserError
            The query failed; the message is the service's.
        ArchiveError
            The time ran out, or the service could not deliver.
        """
        self.wait(timeout=timeout, progress=progress)
        with tap.plain_errors(self.url):
            adql = str(self._job.query)  # also brings the job up to date
            self._job.raise_if_error()
            results = TAPResults.from_result_url(self._job.result_uri, session=self._http)
            answer = tap.read_results(results)
        return self._client.wrap(answer, adql, maxrec=self._maxrec)

    def abort(self) -> None:
        """Stop the job."""
        with tap.plain_errors(self.url):
            self._job.abort()

    def delete(self) -> None:
        """Remove the job and its result from the service."""
        with tap.plain_errors(self.url):
            self._job.delete()

"""Queries by TAP 1.1: at once, and as jobs (UWS 1.1) that run without us."""

from __future__ import annotations

import io
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Generic, TypeVar
from xml.etree.ElementTree import Element, ParseError

import defusedxml.ElementTree
import requests
from defusedxml.common import DefusedXmlException

from vo_emline.client.address import ServiceAddress
from vo_emline.errors import ArchiveError, UserError
from vo_emline.net.rows import Rows
from vo_emline.net.session import Politeness, Session, TransferError
from vo_emline.net.votable import Answer, read_answer
from vo_emline.progress import track

R = TypeVar("R")

POLITENESS: Final = Politeness(delay=0, attempts=3, timeout=330, repeat_silence=False)
"""How a candidate service is asked: a little longer than it gives a synchronous query."""

FINISHED: Final = frozenset(("COMPLETED", "ERROR", "ABORTED", "ARCHIVED"))
"""Phases that a job does not leave (UWS 1.1, section 2.1.3)."""


class TruncatedWarning(UserWarning):
    """The service had more rows than it was allowed to send."""


class Tap:
    """The TAP service at an address.

    Parameters
    ----------
    address
        Where it is.

    Raises
    ------
    ArchiveError
        Nobody answers there.
    UserError
        Something answers that is no TAP service.
    """

    def __init__(self, address: ServiceAddress) -> None:
        self.url = address.tap
        self.session = Session(POLITENESS)
        self.hard_limit = _hard_limit(self._capabilities(address))
        """The most rows the service sends at all; None where it does not say."""

    def _capabilities(self, address: ServiceAddress) -> Element:
        with plain_errors(address.base):
            answer = self.session.get(address.capabilities)
        if answer.ok and "ivo://ivoa.net/std/TAP" in answer.text:
            return _xml(answer)
        raise UserError(
            f"{address.base} is not a candidate service: HTTP {answer.status_code} and no TAP capabilities "
            f"from {address.capabilities}"
        )

    def run(
        self, adql: str, *, maxrec: int | None = None, uploads: Mapping[str, Any] | None = None
    ) -> Answer:
        """Run a synchronous query.

        Parameters
        ----------
        adql
            The query.
        maxrec
            Most rows to accept; None for the service's default.
        uploads
            Tables by name; see :func:`upload_content`.

        Raises
        ------
        UserError
            The service refused the query; its reason is the message.
        ArchiveError
            The service could not be reached, or answered nonsense.
        """
        return _rows_of(self._post("sync", adql, maxrec, uploads))

    def submit(
        self, adql: str, *, maxrec: int | None = None, uploads: Mapping[str, Any] | None = None
    ) -> str:
        """Start a query as a job; give its address. Parameters and errors as for :meth:`run`."""
        answer = self._post("async", adql, maxrec, uploads, PHASE="RUN")
        if not answer.ok:
            _rows_of(answer)
        return str(answer.url)

    def _post(
        self, path: str, adql: str, maxrec: int | None, uploads: Mapping[str, Any] | None, **more: str
    ) -> requests.Response:
        form = {"REQUEST": "doQuery", "LANG": "ADQL", "QUERY": adql, **more}
        if maxrec is not None:
            form["MAXREC"] = str(maxrec)
        files = {}
        tables = []
        for name, table in (uploads or {}).items():
            if isinstance(table, str) and table.startswith(("http://", "https://")):
                tables.append(f"{name},{table}")
            else:
                tables.append(f"{name},param:{name}")
                files[name] = (f"{name}.vot", upload_content(table), "application/x-votable+xml")
        if tables:
            form["UPLOAD"] = ";".join(tables)
        with plain_errors(self.url):
            return self.session.post(f"{self.url}/{path}", data=form, files=files or None)


class Job(Generic[R]):
    """A query that runs on the service without us.

    Made by :meth:`Client.submit`, found again by :meth:`Client.job`.

    Parameters
    ----------
    session
        How to ask.
    url
        Address of the job.
    give
        Makes of the rows and the query what :meth:`result` gives.

    Raises
    ------
    ArchiveError
        There is no such job.
    """

    def __init__(self, session: Session, url: str, give: Callable[[Answer, str], R]) -> None:
        self.url = url
        """Address of the job: keep it to come back later."""
        self._session = session
        self._give = give
        self.query = _parameter(_xml(self._ask("GET")), "QUERY")
        """The query in ADQL."""

    @property
    def phase(self) -> str:
        """PENDING, QUEUED, EXECUTING, COMPLETED, ERROR or ABORTED, asked now."""
        return str(self._ask("GET", "/phase").text).strip()

    def __repr__(self) -> str:
        """Name the job and its phase."""
        return f"<Job {self.phase} {self.url}>"

    def wait(self, *, timeout: float | None = None, progress: bool = True) -> Job[R]:
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
        bar: Any = track(None, "query", unit="s")
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

    def result(self, *, timeout: float | None = None, progress: bool = True) -> R:
        """Wait for the job and fetch its rows.

        Raises
        ------
        UserError
            The query failed; the message is the service's.
        ArchiveError
            The time ran out, or the service could not deliver.
        """
        self.wait(timeout=timeout, progress=progress)
        phase = self.phase
        if phase == "ERROR":
            with plain_errors(self.url):
                said = self._session.get(f"{self.url}/error")
            _rows_of(said)
            raise UserError(f"the query failed: {said.text.strip()[:500]}")
        if phase != "COMPLETED":
            raise UserError(f"the job has no result: it is {phase} [{self.url}]")
        return self._give(_rows_of(self._ask("GET", "/results/result")), self.query)

    def abort(self) -> None:
        """Stop the job."""
        self._ask("POST", "/phase", data={"PHASE": "ABORT"})

    def delete(self) -> None:
        """Remove the job and its result from the service."""
        self._ask("DELETE", allow_redirects=False)  # they lead to a list of jobs, which may be long

    def _ask(self, method: str, path: str = "", **options: Any) -> requests.Response:
        with plain_errors(self.url):
            answer = self._session.request(method, self.url + path, **options)
        if answer.status_code >= 400:
            error = TransferError.from_status(answer)
            raise ArchiveError(f"the service could not answer: {error}", url=self.url, retry=error.retry)
        return answer


@contextmanager
def plain_errors(url: str) -> Iterator[None]:
    """Say of a request without an answer what that means here.

    Raises
    ------
    ArchiveError
        The service could not be reached, or did not answer in time.
    """
    try:
        yield
    except TransferError as error:
        if error.code != "connection":
            raise ArchiveError(
                f"the service could not answer: {error}", url=url, retry=error.retry
            ) from error
        raise ArchiveError(
            "no service answers here; is it running ('vo-emline serve RUN'), and is the address right?",
            url=url,
            retry=True,
        ) from error


def warn_if_truncated(answer: Answer, *, asked: int | None, hard_limit: int | None) -> None:
    """Warn of missing rows, and say how to get them, unless exactly so many were asked for."""
    if not answer.truncated or len(answer.rows) == asked:
        return
    more = hard_limit is not None and hard_limit > len(answer.rows)
    ways = "ask for 'all' (limit or maxrec)" if more else "narrow the query"
    warnings.warn(
        f"only the first {len(answer.rows)} rows were sent, there are more: {ways}; "
        "for very many rows run it as a job (Client.submit)",
        TruncatedWarning,
        stacklevel=5,
    )


def upload_content(table: Any) -> bytes:
    """Give a table to be uploaded as a VOTable: rows, an astropy table, or the path of a VOTable.

    Raises
    ------
    UserError
        It is none of these.
    """
    if isinstance(table, str | Path):
        try:
            return Path(table).read_bytes()
        except OSError as error:
            raise UserError(f"cannot upload {table}: {error.strerror}") from error
    from astropy.io.votable import from_table
    from astropy.table import Table

    plain = table.to_astropy() if isinstance(table, Rows) else table
    if not isinstance(plain, Table):
        raise UserError(
            f"cannot upload a {type(table).__name__}: give a table, candidates, or a VOTable's path"
        )
    stream = io.BytesIO()
    from_table(plain).to_xml(stream)
    return stream.getvalue()


def _rows_of(answer: requests.Response) -> Answer:
    """Read the rows of an answer, or raise what the service says instead."""
    url, status = str(answer.url).partition("?")[0], answer.status_code
    try:
        read = read_answer(answer.content, url)
    except ArchiveError:
        if status < 400:
            raise
        error = TransferError.from_status(answer)
        raise ArchiveError(f"the service could not answer: {error}", url=url, retry=error.retry) from error
    if read.status != "ERROR":
        return read
    if status >= 500:
        raise ArchiveError(f"the service failed: {read.message}", url=url, retry=True)
    raise UserError(f"the service refuses the query: {read.message}")


def _xml(answer: requests.Response) -> Element:
    try:
        root: Element = defusedxml.ElementTree.fromstring(answer.content, forbid_dtd=True)
    except (ParseError, DefusedXmlException) as error:
        raise ArchiveError(f"the answer is not XML: {error}", url=str(answer.url), retry=True) from error
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    return root


def _hard_limit(capabilities: Element) -> int | None:
    for limit in capabilities.iterfind(".//outputLimit/hard"):
        if limit.get("unit") == "row" and (limit.text or "").strip().isdigit():
            return int(limit.text or "")
    return None


def _parameter(job: Element, name: str) -> str:
    for parameter in job.iter("parameter"):
        if (parameter.get("id") or "").upper() == name:
            return parameter.text or ""
    return ""

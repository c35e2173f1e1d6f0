"""The one HTTP session: time limits, second attempts on what is transient, errors without secrets.

:mod:`pyvo` works with it as with any session of :mod:`requests`; answers are in memory when they are given.
"""

from __future__ import annotations

import io
import logging
import random
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final, TypeVar
from urllib.parse import quote, urlencode, urlsplit

import requests
import urllib3.exceptions
from urllib3.response import HTTPResponse

from vo_emline.errors import ArchiveError
from vo_emline.net.content import excerpt
from vo_emline.net.deadline import DeadlineError, StoppedError, TimedAdapter, deadline

T = TypeVar("T")

TRANSIENT: Final = frozenset((408, 425, 429, 500, 502, 503, 504))
"""HTTP statuses after which asking again may help."""

CONNECT_TIMEOUT: Final = 10.0
"""Time to wait for a connection, s."""

READ_TIMEOUT: Final = 60.0
"""Time to wait for the next bytes of an answer, s."""

WHOLE: Final = 5
"""An answer may take so many times the wait for its next bytes, from the first header to the last byte."""

LOCAL_HOSTS: Final = frozenset(("localhost", "127.0.0.1", "::1"))
"""Hosts that need no politeness."""

STOPPED: Final = "stopped"
"""Code of a request that ended because the work as a whole did."""

_SECRET: Final = re.compile(r"([?&](?:token|key|password)=)[^&#\s]*", re.IGNORECASE)
_WRONG_URL: Final = (
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
    requests.exceptions.MissingSchema,
    requests.TooManyRedirects,
)

log = logging.getLogger(__name__)


def join_url(base: str, inputs: Mapping[str, str]) -> str:
    """Append parameters to an address that may have some already."""
    if not inputs:
        return base
    glue = "" if base.endswith(("?", "&")) else "&" if urlsplit(base).query else "?"
    return f"{base}{glue}{urlencode(inputs, quote_via=quote)}"


def redact(text: str) -> str:
    """Hide the secrets of addresses in a text (``token=…``), for files and messages."""
    return _SECRET.sub(r"\1***", text)


def user_agent() -> str:
    """Say who asks, in the form of the IVOA Note *Operational Identification of Software Components*."""
    from importlib.metadata import version  # slow to import

    return f"vo-emline/{version('vo-emline')} (IVOA-science)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Politeness:
    """How to treat a service."""

    concurrency: int = 4
    """Requests in flight at a time."""
    delay: float = 0.1
    """Least time between the starts of two requests to one host, s; none on this machine's own."""
    attempts: int = 5
    """How often one address is asked for."""
    backoff: float = 0.5
    """First waiting time after a failure, s; it doubles each time, with jitter."""
    max_wait: float = 300.0
    """Longest waiting time, s, also where ``Retry-After`` asks for more."""
    timeout: float = READ_TIMEOUT
    """Time to wait for the next bytes, s; a whole answer has :data:`WHOLE` times as long."""
    budget: float | None = None
    """Time for all files together, s; None for no limit."""
    repeat_silence: bool = True
    """Whether to ask again where nothing came in time: not for queries, which would be worked on twice."""
    patience: int = 8
    """So many files in a row may fail before the archive is taken to be down."""


class TransferError(requests.RequestException):
    """A request got no answer, or not the one that was asked for.

    Parameters
    ----------
    code
        Machine-readable reason (``http_404``, ``timeout``, ``deadline``, ``stopped``, …).
    message
        The reason in one sentence.
    retry
        Whether asking again may help.
    after
        Waiting time the service asks for, s.
    response
        The answer, where there is one.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        retry: bool,
        after: float | None = None,
        response: requests.Response | None = None,
    ) -> None:
        super().__init__(redact(message), response=response)
        self.code = code
        self.retry = retry
        self.after = after

    @classmethod
    def from_status(cls, response: requests.Response) -> TransferError:
        """Explain an HTTP status by what the service says of it."""
        status = response.status_code
        said = excerpt(response.content)
        return cls(
            f"http_{status}",
            f"HTTP {status} {response.reason or ''}".rstrip() + (f": {said}" if said else ""),
            retry=status in TRANSIENT,
            after=parse_retry_after(response.headers.get("Retry-After")),
            response=response,
        )

    @classmethod
    def from_exception(cls, error: BaseException) -> TransferError:
        """Explain an exception of requests, urllib3 or the socket."""
        causes = list(_causes(error))
        if any(isinstance(cause, StoppedError) for cause in causes):
            return cls(STOPPED, "stopped half-way", retry=True)
        if any(isinstance(cause, DeadlineError) for cause in causes):
            return cls("deadline", "the service sends too slowly", retry=True)
        if isinstance(error, _WRONG_URL):
            return cls("bad_url", str(error), retry=False)
        if isinstance(error, requests.Timeout | urllib3.exceptions.TimeoutError | TimeoutError):
            return cls("timeout", "the service did not answer in time", retry=True)
        said = str(causes[-1]).partition("\n")[0].strip() or type(causes[-1]).__name__
        return cls("connection", f"the connection failed: {said}", retry=True)


class HostGate:
    """Lets requests to one host start one after the other, not too fast."""

    def __init__(self, delay: float) -> None:
        self._delay = delay
        self._next = 0.0
        self._lock = threading.Lock()

    def wait(self, stop: threading.Event) -> None:
        """Wait for one's turn; return at once when `stop` is set."""
        with self._lock:
            turn = max(self._next, time.monotonic())
            self._next = turn + self._delay
        stop.wait(max(0.0, turn - time.monotonic()))

    def pause(self, seconds: float) -> None:
        """Let nobody start for some time: the service asked for it."""
        with self._lock:
            self._next = max(self._next, time.monotonic() + seconds)


class Session(requests.Session):
    """Asks services: polite, patient, never for ever; connections are used again. Safe in several threads.

    Parameters
    ----------
    politeness
        Pauses, attempts and time limits.
    largest
        Largest answer that is taken, bytes; None for any.
    """

    def __init__(self, politeness: Politeness | None = None, *, largest: int | None = None) -> None:
        super().__init__()
        # it would write every address, and with it the user's token, into the log
        logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)
        self.headers["User-Agent"] = user_agent()
        self.politeness = politeness or Politeness()
        # what used up all its time would do so again
        self._final = {"deadline"} if self.politeness.repeat_silence else {"deadline", "timeout"}
        self._gates: dict[str, HostGate] = {}
        self._lock = threading.Lock()
        for scheme in ("http://", "https://"):
            self.mount(scheme, _Adapter(largest, pool_maxsize=max(16, self.politeness.concurrency)))

    def request(self, method: Any, url: Any, *args: Any, **options: Any) -> requests.Response:
        """Ask; give the last answer, whatever its status.

        Raises
        ------
        TransferError
            If there is no answer.
        """
        try:
            return self.repeat(str(url), lambda: self._once(method, url, *args, **options))
        except TransferError as error:
            if error.response is not None:
                return error.response
            raise

    def repeat(self, url: str, once: Callable[[], T], *, stop: threading.Event | None = None) -> T:
        """Do something that asks `url`, again where that may help.

        Parameters
        ----------
        url
            Its host has a gate through which all requests go.
        once
            What to do; its :class:`TransferError` says whether to do it again.
        stop
            Set from outside to end all waiting.

        Raises
        ------
        TransferError
            As `once`, the last time; :data:`STOPPED` where the work has ended.
        """
        stop = stop or threading.Event()
        gate = self._gate(url)
        attempt = 1
        while True:
            gate.wait(stop)
            if stop.is_set():
                raise TransferError(STOPPED, "stopped before its turn", retry=True)
            try:
                return once()
            except TransferError as error:
                if not error.retry or error.code in self._final or attempt >= self.politeness.attempts:
                    raise
                log.info("%s; asking again (attempt %d)", error, attempt + 1)
                self._wait(gate, attempt, error.after, stop)
            attempt += 1

    def _once(
        self, method: Any, url: Any, *args: Any, stop: threading.Event | None = None, **options: Any
    ) -> requests.Response:
        wait = self.politeness.timeout
        options["timeout"] = (CONNECT_TIMEOUT, wait)
        try:
            with deadline(WHOLE * wait, stop):
                response = super().request(method, url, *args, **options)
        except TransferError:
            raise
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise TransferError.from_exception(error) from error
        if response.status_code in TRANSIENT:
            raise TransferError.from_status(response)
        return response

    def ask(self, url: str, *, stop: threading.Event | None = None) -> requests.Response:
        """Get `url` once, without a second attempt; for use in :meth:`repeat`.

        Raises
        ------
        TransferError
            If there is no answer, or a transient status.
        """
        return self._once("GET", url, stop=stop)

    def _wait(self, gate: HostGate, attempt: int, asked: float | None, stop: threading.Event) -> None:
        """Wait after a failure; what the service asks for holds for all its requests."""
        if asked is not None:
            gate.pause(min(asked, self.politeness.max_wait))
            return
        longest = self.politeness.backoff * 2 ** (attempt - 1)
        jitter = random.uniform(0.5, 1.5)  # noqa: S311 - spreads requests, guards nothing
        stop.wait(min(longest * jitter, self.politeness.max_wait))

    def _gate(self, url: str) -> HostGate:
        host = urlsplit(url).hostname or ""
        delay = 0.0 if host in LOCAL_HOSTS else self.politeness.delay
        with self._lock:
            return self._gates.setdefault(host, HostGate(delay))


class _Adapter(TimedAdapter):
    """Reads every answer to its end, while the deadline of the request holds.

    pyvo stops reading where the XML ends and never gives the connection back; so it is handed answers
    that are in memory already.
    """

    def __init__(self, largest: int | None, **options: Any) -> None:
        self._largest = largest
        super().__init__(**options)

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        """Send a request; give the whole of its answer."""
        response = super().send(request, *args, **options)
        try:
            body = io.BytesIO(self._read(response.raw))
        except BaseException:
            response.close()
            raise
        response.raw.release_conn()
        response.raw = HTTPResponse(
            body=body,
            headers={key: value for key, value in response.headers.items() if key.lower() not in _CODINGS},
            status=response.status_code,
            reason=response.reason,
            preload_content=False,
        )
        return response

    def _read(self, raw: HTTPResponse) -> bytes:
        parts, size = [], 0
        for part in raw.stream(2**16, decode_content=True):
            parts.append(part)
            size += len(part)
            if self._largest is not None and size > self._largest:
                raise TransferError("too_large", f"larger than {self._largest // 2**20} MB", retry=False)
        return b"".join(parts)


_CODINGS: Final = frozenset(("content-encoding", "content-length", "transfer-encoding"))
"""Headers that tell how the body travelled, which is over."""


def parse_retry_after(value: str | None) -> float | None:
    """Read a ``Retry-After`` header, in s from now (RFC 9110, section 10.2.3)."""
    if not value:
        return None
    if value.strip().isdigit():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())


@contextmanager
def archive_errors(what: str, url: str) -> Iterator[None]:
    """Turn the errors of a session into :class:`~vo_emline.errors.ArchiveError`.

    Parameters
    ----------
    what
        What is asked, for messages (``"SSA query"``).
    url
        Where; secrets in it are hidden.
    """
    try:
        yield
    except (requests.RequestException, OSError) as error:
        raise no_answer(what, url, error) from error


def no_answer(what: str, url: str, error: BaseException) -> ArchiveError:
    """Say that a question got no answer, why, and whether to ask again."""
    causes = list(_causes(error))
    own = next((cause for cause in causes if isinstance(cause, TransferError)), None)
    status = getattr(error, "code", getattr(getattr(error, "response", None), "status_code", None))
    retry = own.retry if own is not None else not isinstance(status, int) or status in TRANSIENT
    reason = redact(str(own or causes[-1])).partition("\n")[0].strip() or type(error).__name__
    return ArchiveError(f"no answer to the {what}: {reason}", url=redact(url), retry=retry)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Give an error and what caused it, the innermost last: that one names the trouble without wrapping."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        inner = cause.__cause__ or cause.__context__
        cause = inner if isinstance(inner, OSError | urllib3.exceptions.HTTPError) else None

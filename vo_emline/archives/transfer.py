"""One file by HTTP, politely: few at a time per host, pauses, retries on what is transient."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import urlsplit

import httpx

from vo_emline.archives.content import ContentError, check_digests, excerpt
from vo_emline.archives.session import CONNECT_TIMEOUT, READ_TIMEOUT, TRANSIENT, USER_AGENT

LARGEST: Final = 64 * 2**20
"""Largest file that is taken, bytes: a spectrum has some tens of kB, a mosaic by mistake has more."""

LOCAL_HOSTS: Final = frozenset(("localhost", "127.0.0.1", "::1"))
"""Hosts that need no politeness."""

STOPPED: Final = "stopped"
"""Code of a transfer that ended because the work as a whole did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Politeness:
    """How to treat an archive."""

    concurrency: int = 4
    """Requests in flight at a time."""
    delay: float = 0.1
    """Least time between the starts of two requests to one host, s; none on this machine's own."""
    attempts: int = 5
    """How often one file is asked for."""
    backoff: float = 0.5
    """First waiting time after a failure, s; it doubles each time, with jitter."""
    max_wait: float = 300.0
    """Longest waiting time, s, also where ``Retry-After`` asks for more."""
    timeout: float = READ_TIMEOUT
    """Time to wait for the next bytes, s."""
    budget: float | None = None
    """Time for all files together, s; None for no limit."""
    patience: int = 8
    """So many files in a row may fail before the archive is taken to be down."""


Check = Callable[[bytes], str]
"""Says the suffix of a delivered file, or raises :class:`~vo_emline.archives.content.ContentError`."""


@dataclass(frozen=True, slots=True)
class Payload:
    """A delivered file."""

    content: bytes
    headers: Mapping[str, str]
    suffix: str
    """How the name of such a file ends."""


class TransferError(Exception):
    """A file could not be had.

    Parameters
    ----------
    code
        Machine-readable reason (``http_404``, ``timeout``, ``stopped``, …).
    message
        The reason in one sentence.
    retry
        Whether asking again may help.
    after
        Waiting time the service asks for, s.
    """

    def __init__(self, code: str, message: str, *, retry: bool, after: float | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.retry = retry
        self.after = after


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


class Courier:
    """Fetches files; safe to use from several threads.

    Parameters
    ----------
    politeness
        How to treat the archives.
    check
        Looks at each delivered file; half a file is asked for again.
    stop
        Set from outside to end all waiting.
    """

    def __init__(self, politeness: Politeness, check: Check, stop: threading.Event | None = None) -> None:
        self.politeness = politeness
        self._check = check
        self.stop = stop or threading.Event()
        self._gates: dict[str, HostGate] = {}
        self._lock = threading.Lock()
        # it would log every address, and with it the user's token
        logging.getLogger("httpx").setLevel(logging.WARNING)
        self._client = httpx.Client(
            follow_redirects=True,
            timeout=httpx.Timeout(politeness.timeout, connect=CONNECT_TIMEOUT, pool=None),
            headers={"User-Agent": USER_AGENT},
            limits=httpx.Limits(max_connections=politeness.concurrency),
        )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def fetch(self, url: str) -> Payload:
        """Fetch one file, again and again where that may help.

        Raises
        ------
        TransferError
            If it cannot be had.
        """
        gate = self._gate(url)
        for attempt in range(1, self.politeness.attempts + 1):
            gate.wait(self.stop)
            if self.stop.is_set():
                raise TransferError(STOPPED, "stopped before its turn", retry=True)
            try:
                return self._once(url)
            except TransferError as error:
                if not error.retry or attempt == self.politeness.attempts:
                    raise
                self._wait(gate, attempt, error.after)
        raise AssertionError("unreachable")

    def _wait(self, gate: HostGate, attempt: int, asked: float | None) -> None:
        """Wait after a failure; what the service asks for holds for all its requests."""
        if asked is not None:
            gate.pause(min(asked, self.politeness.max_wait))
            return
        longest = self.politeness.backoff * 2 ** (attempt - 1)
        jitter = random.uniform(0.5, 1.5)  # noqa: S311 - spreads requests, guards nothing
        self.stop.wait(min(longest * jitter, self.politeness.max_wait))

    def _once(self, url: str) -> Payload:
        try:
            with self._client.stream("GET", url) as response:
                _check_status(response)
                content = self._read(response)
        except httpx.TimeoutException as error:
            raise TransferError("timeout", "the service did not answer in time", retry=True) from error
        except (httpx.UnsupportedProtocol, httpx.InvalidURL, httpx.TooManyRedirects) as error:
            raise TransferError("bad_url", str(error), retry=False) from error
        except httpx.HTTPError as error:
            said = str(error) or type(error).__name__
            raise TransferError("connection", f"the connection failed: {said}", retry=True) from error
        try:
            check_digests(content, response.headers)
            suffix = self._check(content)
        except ContentError as error:
            raise TransferError(error.code, str(error), retry=error.retry) from error
        return Payload(content, dict(response.headers), suffix)

    def _read(self, response: httpx.Response) -> bytes:
        """Read the body, but neither too much nor for ever."""
        end = time.monotonic() + 5 * self.politeness.timeout
        parts, size = [], 0
        for part in response.iter_bytes():
            parts.append(part)
            size += len(part)
            if size > LARGEST:
                raise TransferError("too_large", f"larger than {LARGEST // 2**20} MB", retry=False)
            if self.stop.is_set():
                raise TransferError(STOPPED, "stopped half-way", retry=True)
            if time.monotonic() > end:
                raise TransferError("timeout", "the service sends too slowly", retry=True)
        return b"".join(parts)

    def _gate(self, url: str) -> HostGate:
        host = urlsplit(url).hostname or ""
        delay = 0.0 if host in LOCAL_HOSTS else self.politeness.delay
        with self._lock:
            return self._gates.setdefault(host, HostGate(delay))


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


def _check_status(response: httpx.Response) -> None:
    status = response.status_code
    if status == httpx.codes.NO_CONTENT:
        raise TransferError("no_data", "the archive has no data in that range", retry=False)
    if status == httpx.codes.OK:
        return
    said = excerpt(next(response.iter_bytes(4000), b""))
    message = f"HTTP {status} {response.reason_phrase}" + (f": {said}" if said else "")
    after = parse_retry_after(response.headers.get("retry-after"))
    raise TransferError(f"http_{status}", message, retry=status in TRANSIENT, after=after)

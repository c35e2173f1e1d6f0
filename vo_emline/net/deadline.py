"""Connections on which one deadline holds over everything: headers, chunks, body, 100-continue.

A time limit on a socket starts anew with every byte, so that a server that drips headers would hold
its client for ever. Here every read waits no longer than what is left of the whole.
"""

from __future__ import annotations

import io
import math
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Final

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection


class DeadlineError(TimeoutError):
    """The time for the whole of an answer is spent."""


class StoppedError(OSError):
    """The caller wants no answer any more."""


@dataclass(frozen=True, slots=True)
class _Limit:
    """Until when, and unless stopped, an answer is read."""

    end: float = math.inf
    """On the clock of :func:`time.monotonic`, s."""
    stop: threading.Event = field(default_factory=threading.Event)

    def time_left(self) -> float:
        """Give the time left, s.

        Raises
        ------
        StoppedError
            If the work has ended.
        DeadlineError
            If there is none left.
        """
        if self.stop.is_set():
            raise StoppedError("stopped half-way")
        left = self.end - time.monotonic()
        if left <= 0:
            raise DeadlineError("the service sends too slowly")
        return left


_LIMIT: Final[ContextVar[_Limit]] = ContextVar("limit", default=_Limit())  # noqa: B039 - never set, never changed


@contextmanager
def deadline(seconds: float, stop: threading.Event | None = None) -> Iterator[None]:
    """Let all that this thread reads inside end in time.

    Parameters
    ----------
    seconds
        Time for everything together.
    stop
        Ends it earlier when it is set.
    """
    token = _LIMIT.set(_Limit(time.monotonic() + seconds, stop or threading.Event()))
    try:
        yield
    finally:
        _LIMIT.reset(token)


class _TimedReader(io.RawIOBase):
    """What a socket receives, until the deadline."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._raw = sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = _LIMIT.get().time_left()
        usual = self._sock.gettimeout()
        if left < (math.inf if usual is None else usual):
            self._sock.settimeout(left)
        try:
            return self._raw.readinto(buffer)
        except TimeoutError:
            _LIMIT.get().time_left()  # says so where it is the whole that took too long
            raise
        finally:
            if self._sock.fileno() >= 0:
                self._sock.settimeout(usual)

    def close(self) -> None:
        self._raw.close()  # only then the socket lets go of its descriptor
        super().close()


class _TimedSocket:
    """A socket whose answers are read by :class:`_TimedReader`."""

    def __init__(self, sock: Any) -> None:
        self._sock = sock

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)

    def makefile(self, *_args: Any, **_options: Any) -> io.BufferedReader:
        """Give what :mod:`http.client` reads from."""
        return io.BufferedReader(_TimedReader(self._sock))


class _Connection(HTTPConnection):
    def connect(self) -> None:
        super().connect()
        self.sock: Any = _TimedSocket(self.sock)


class _TlsConnection(HTTPSConnection):
    def connect(self) -> None:
        super().connect()
        self.sock: Any = _TimedSocket(self.sock)


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


class TimedAdapter(HTTPAdapter):
    """An adapter of requests whose connections keep the deadline of their thread."""

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        """Make the pools of our connections."""
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}

"""Servers that drip: one deadline holds over everything they send."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from vo_emline.archives import FetchOptions, SsaQuery, fetch_spectra
from vo_emline.errors import ArchiveError
from vo_emline.net.session import WHOLE, Politeness, Session, TransferError
from vo_emline.net.transfer import download

TIMEOUT = 0.3
DRIPPING = {
    "header": (b"HTTP/1.1 200 OK\r\nX-Slow: ", b"x"),
    "headers": (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"),
    "continue": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "body": (b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b"x"),
    "chunks": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
    "chunk extension": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;a=", b"b"),
    "until it closes": (b"HTTP/1.1 200 OK\r\n\r\n", b"x"),
}
"""What comes at once, and what comes bit by bit, far more often than the time limit for silence."""


class DrippingServer:
    """Sends a beginning, and then for ever a little more."""

    def __init__(self, beginning: bytes, drop: bytes, tls: ssl.SSLContext | None) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._beginning, self._drop, self._tls = beginning, drop, tls
        self._ended = threading.Event()
        self.asked = 0
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self._listener.getsockname()[1]}/"
        self._thread = threading.Thread(target=self._accept)
        self._thread.start()

    def _accept(self) -> None:
        self._listener.settimeout(0.05)
        workers = []
        while not self._ended.is_set():
            try:
                connection, _ = self._listener.accept()
            except TimeoutError:
                continue
            workers.append(threading.Thread(target=self._serve, args=(connection,)))
            workers[-1].start()
        for worker in workers:
            worker.join()
        self._listener.close()

    def _serve(self, connection: socket.socket) -> None:
        try:
            if self._tls:
                connection = self._tls.wrap_socket(connection, server_side=True)
            connection.recv(65536)
            self.asked += 1
            connection.sendall(self._beginning)
            while not self._ended.wait(0.03):
                connection.sendall(self._drop)
        except OSError:
            pass  # the client has gone, as it should
        finally:
            connection.close()

    def close(self) -> None:
        self._ended.set()
        self._thread.join()


@pytest.fixture
def drip() -> Iterator[Callable[..., DrippingServer]]:
    servers: list[DrippingServer] = []

    def start(kind: str, tls: ssl.SSLContext | None = None) -> DrippingServer:
        servers.append(DrippingServer(*DRIPPING[kind], tls))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.mark.parametrize("kind", DRIPPING)
def test_a_dripping_server_is_given_up(drip: Any, kind: str) -> None:
    server = drip(kind)
    started = time.monotonic()
    with Session(Politeness(timeout=TIMEOUT)) as session, pytest.raises(TransferError) as caught:
        download(session, server.url)
    assert (caught.value.code, caught.value.retry) == ("deadline", True)
    assert WHOLE * TIMEOUT - 0.1 < time.monotonic() - started < WHOLE * TIMEOUT + 3
    assert server.asked == 1, "who has had all the time is not asked again"


def test_a_fetch_ends_too(drip: Any, tmp_path: Path) -> None:
    server = drip("headers")
    options = FetchOptions(politeness=Politeness(timeout=TIMEOUT))
    with pytest.raises(ArchiveError, match="sends too slowly") as caught:
        fetch_spectra(server.url, SsaQuery(maxrec=1), tmp_path, options=options)
    assert caught.value.retry


def test_stopping_ends_a_drip(drip: Any) -> None:
    stop = threading.Event()
    threading.Timer(0.3, stop.set).start()
    started = time.monotonic()
    with Session() as session, pytest.raises(TransferError, match="stopped"):
        download(session, drip("body").url, stop=stop)
    assert time.monotonic() - started < 10


def test_silence_ends_earlier_than_a_drip(serve: Any, reply: Any) -> None:
    server = serve(lambda request: reply(b"late", delay=1.5))
    started = time.monotonic()
    with Session(Politeness(timeout=0.2, attempts=1)) as session, pytest.raises(TransferError) as caught:
        download(session, server.url)
    assert caught.value.code == "timeout"
    assert time.monotonic() - started < 0.9

"""Uploads by URL from servers that drip: whatever drips, it ends at the deadline."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from service.nursery import Limits
from service.pool import Pool
from service.processes import KilledError
from service.tap.fetch import fetch

SECONDS = 3.0

DRIPS = {
    "headers": lambda send: [send(b"HTTP/1.1 200 OK\r\n"), *(send(b"X: y\r\n") for _ in range(10**6))],
    "a header": lambda send: [send(b"HTTP/1.1 200 OK\r\nX: "), *(send(b"y") for _ in range(10**6))],
    "continue": lambda send: [send(b"HTTP/1.1 100 Continue\r\n\r\n") for _ in range(10**6)],
    "extensions": lambda send: [
        send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;"), *(send(b"x") for _ in range(10**6))
    ],
    "nothing": lambda send: [time.sleep(60)],
}  # fmt: skip


def fetch_here(url: str, path: str) -> Iterator[bytes]:
    """Fetch from this machine, which no upload may."""
    fetch(url, Path(path), max_bytes=10_000, seconds=SECONDS, allowed=lambda address: address.is_loopback)
    yield b"fetched"


def serve(listener: socket.socket, drip: Callable[..., object]) -> None:
    connection, _ = listener.accept()

    def send(data: bytes) -> None:
        connection.sendall(data)
        time.sleep(0.02)

    with connection, contextlib.suppress(OSError):
        drip(send)


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    made = Pool(1, limits=Limits(memory=500_000_000))
    list(made.call(_nothing, seconds=120))
    yield made
    made.close()


def _nothing() -> list[bytes]:
    return []


@pytest.mark.parametrize("kind", DRIPS)
def test_a_server_that_drips_is_given_up(pool: Pool, tmp_path: Path, kind: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener, DRIPS[kind]), daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        start = time.monotonic()
        with pytest.raises((KilledError, Exception)) as caught:
            list(pool.call(fetch_here, url, str(tmp_path / "t"), seconds=SECONDS))
        assert time.monotonic() - start < SECONDS + 10
        assert not isinstance(caught.value, AssertionError)

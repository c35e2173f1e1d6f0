"""Clients that do not read, do not ask, or ask under another name: the others do not notice."""

from __future__ import annotations

import contextlib
import io
import re
import resource
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
import pytest
import structlog

from service import connections
from service.config import Settings
from service.connections import bounded
from service.logs import RateLimit, printable_values
from service.server import public_url_hint, with_public_url
from service.spool import MEMORY, Quota, SlowReaderError, Spool
from tests.hostile.conftest import Target, attacked

MILLIONS = "SELECT a.ra, a.dec, b.score FROM emline.scores AS a, emline.scores AS b, emline.scores AS c"
PLAIN = {"LANG": "ADQL", "QUERY": "SELECT TOP 1 label FROM emline.scores"}


@pytest.fixture(scope="module")
def narrow(release_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """A service with few slots and little time."""
    state = tmp_path_factory.mktemp("state")
    yield from attacked(
        release_file, state, sync_seconds=15, queries=4, client_queries=4, queue_seconds=5, spool="4MB"
    )


@contextlib.contextmanager
def connected(target: Target, data: bytes) -> Iterator[socket.socket]:
    """Send something and read nothing."""
    parts = urlsplit(target.url)
    with socket.create_connection((parts.hostname, parts.port)) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.sendall(data)
        yield connection


def asking(query: str, **more: Any) -> bytes:
    values = urlencode({"LANG": "ADQL", "QUERY": query, "MAXREC": 8_000_000} | more)
    return f"GET /tap/sync?{values} HTTP/1.1\r\nHost: x\r\n\r\n".encode()


@pytest.mark.parametrize("format", ["votable", "csv"])
def test_clients_that_do_not_read_do_not_stop_the_others(narrow: Target, format: str) -> None:  # noqa: A002
    with contextlib.ExitStack() as silent:
        for _ in range(8):
            silent.enter_context(connected(narrow, asking(MILLIONS, RESPONSEFORMAT=format)))
        start = time.monotonic()
        while True:
            answer = httpx.get(f"{narrow.url}/tap/sync", params=PLAIN, timeout=60)
            if answer.status_code == 200:
                break
            assert answer.status_code in (429, 503)
            assert time.monotonic() - start < 60  # as long as the clients stay, slots come free
        assert httpx.get(f"{narrow.url}/", timeout=60).status_code == 200


def test_a_spool_keeps_order_and_the_quota(tmp_path: Path) -> None:
    quota = Quota(3 * MEMORY, share=2 * MEMORY)
    spool = Spool(quota, notify=lambda: None)
    pieces = [bytes([number]) * (MEMORY // 4) for number in range(11)]
    for piece in pieces:
        spool.put(piece)
    assert not quota.take(3 * MEMORY)
    taken = b""
    while piece := spool.take():
        taken += piece
    assert taken == b"".join(pieces)
    assert quota.take(3 * MEMORY)  # all of it was given back
    spool.close()


def test_a_query_does_not_wait_for_a_client_that_takes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.spool.STALL_SECONDS", 0.5)
    spool = Spool(Quota(0, share=0), notify=lambda: None)
    spool.put(bytes(MEMORY))
    with pytest.raises(SlowReaderError):
        spool.put(b"more")
    spool.close()
    spool.put(b"into nothing")


def test_half_open_connections_are_hung_up_on(release_file: Path, tmp_path: Path) -> None:
    """More of them than there are descriptors: answers go on, and they are gone after their time."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (2000, hard))
    try:
        for target in attacked(release_file, tmp_path):
            with contextlib.ExitStack() as waiting:
                opened = [
                    waiting.enter_context(connected(target, b"GET / HTTP/1.1\r\nX: ")) for _ in range(300)
                ]
                assert httpx.get(f"{target.url}/tap/sync", params=PLAIN, timeout=60).status_code == 200
                opened[0].settimeout(60)
                start = time.monotonic()
                with contextlib.suppress(ConnectionResetError):
                    assert opened[0].recv(1) == b""
                assert time.monotonic() - start < connections.HEADER_SECONDS + 30
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_connections_stay_below_the_descriptors() -> None:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert 16 <= bounded().most < max(soft, resource.getrlimit(resource.RLIMIT_NOFILE)[0])


@pytest.mark.parametrize(
    "path", ["/tap/sync/", "/tap/", "/ssa/", "/datalink/links/", "/tap/async/", "//evil.example/tap/"]
)
def test_no_redirect_follows_the_host_header(narrow: Target, path: str) -> None:
    answer = httpx.get(f"{narrow.url}{path}", headers={"Host": "evil.example"}, timeout=60)
    assert answer.status_code in (303, 307, 404)
    assert answer.headers.get("location", narrow.url).startswith(narrow.url)


def test_a_slash_at_the_end_is_forgiven(narrow: Target) -> None:
    answer = httpx.get(f"{narrow.url}/tap/sync/", params=PLAIN, follow_redirects=True, timeout=60)
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("given", "warned"),
    [
        ({"host": "0.0.0.0"}, True),
        ({"host": "0.0.0.0", "public_url": "https://example.org"}, False),
        ({"host": "127.0.0.1"}, False),
    ],
)
def test_a_public_address_is_asked_for(given: dict[str, str], warned: bool) -> None:
    settings = Settings(**given)  # type: ignore[arg-type]
    hint = public_url_hint(settings, with_public_url(settings, port=8000))
    assert (hint is not None) is warned
    assert hint is None or re.search(r"--public-url http://\S+:8000", hint)


def test_control_characters_do_not_reach_the_log() -> None:
    event = printable_values(None, "info", {"path": "/\x1b[2J\x9b\r", "event": "request"})
    assert event["path"] == "/\\x1b[2J\\x9b\\r"


def test_lines_of_one_kind_are_limited_and_counted() -> None:
    limit, passed = RateLimit(most=5, seconds=0.3), io.StringIO()
    for _ in range(50):
        with contextlib.suppress(structlog.DropEvent):
            passed.write(str(limit(None, "info", {"event": "request"})["event"]) + "\n")
    assert passed.getvalue().count("request") == 5
    time.sleep(0.4)
    assert limit(None, "info", {"event": "request"})["dropped_before"] == 45

import gzip
import http.server as http_server
import threading
from collections.abc import Iterator
from functools import partial

import pytest
import requests

from vo_emline.client import http
from vo_emline.client.http import http_session


class Service(http_server.BaseHTTPRequestHandler):
    """Busy at first; then gives a gzipped document over a connection that stays open."""

    protocol_version = "HTTP/1.1"

    def __init__(self, seen: list[int], *args: object) -> None:
        self.seen = seen
        super().__init__(*args)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        self.seen.append(self.client_address[1])
        if self.path == "/hang":
            threading.Event().wait(1)
        busy = self.path == "/busy" and len(self.seen) < 3
        body = gzip.compress(b"<VOTABLE/>" * 1000)
        self.send_response(503 if busy else 200)
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Keep quiet."""


@pytest.fixture
def seen() -> list[int]:
    """The client's port of each request: equal ports are one connection."""
    return []


@pytest.fixture
def url(seen: list[int]) -> Iterator[str]:
    server = http_server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Service, seen))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with http_session() as opened:
        yield opened


def test_a_busy_service_is_asked_again(session: requests.Session, url: str, seen: list[int]) -> None:
    assert session.get(f"{url}/busy").status_code == 200
    assert len(seen) == 3


def test_readers_that_stop_early_leave_no_connection_open(
    session: requests.Session, url: str, seen: list[int]
) -> None:
    for _ in range(3):
        response = session.get(url, stream=True)
        response.raw.read = partial(response.raw.read, decode_content=True)  # as pyvo does
        assert response.raw.read(10) == b"<VOTABLE/>"
    assert len(set(seen)) == 1


def test_silence_ends_at_the_time_limit(
    session: requests.Session, url: str, seen: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "READ_TIMEOUT", 0.2)
    with pytest.raises(requests.exceptions.RequestException, match="timed out"):
        session.get(f"{url}/hang")
    assert len(seen) == 1

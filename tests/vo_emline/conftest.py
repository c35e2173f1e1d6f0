"""Small real servers on loopback, a small spectrum, a cache of our own."""

from __future__ import annotations

import io
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import numpy as np
import pytest
from astropy.io import fits


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    query: dict[str, str]
    body: bytes = b""


@dataclass
class Reply:
    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    """Time before the first byte, s."""
    cut: int | None = None
    """Send so many bytes only, and close, after having promised all."""


Respond = Callable[[Request], Reply]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "Recorded/1.0"
    sys_version = ""
    server: Server

    def do_GET(self) -> None:
        self.answer(b"")

    def do_POST(self) -> None:
        self.answer(self.rfile.read(int(self.headers.get("Content-Length", 0))))

    def answer(self, body: bytes) -> None:
        self.server.connections.add(self.client_address[1])
        parts = urlsplit(self.path)
        request = Request(self.command, parts.path, dict(parse_qsl(parts.query, True)), body)
        self.server.requests.append(request)
        reply = self.server.respond(request)
        time.sleep(reply.delay)
        try:
            self.send(reply)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def send(self, reply: Reply) -> None:
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if reply.status != 204:
            self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body[: reply.cut])
        if reply.cut is not None:
            self.close_connection = True

    def log_message(self, *args: Any) -> None:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, respond: Respond) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.respond = respond
        self.requests: list[Request] = []
        self.connections: set[int] = set()
        """Ports of the clients: one for each connection."""

    def handle_error(self, *args: Any) -> None:
        pass  # a client that goes away is what the tests are about


class LocalServer:
    """A threaded HTTP server on a free port; remembers what it was asked."""

    def __init__(self, respond: Respond, tls: ssl.SSLContext | None = None) -> None:
        self._server = Server(respond)
        self.requests = self._server.requests
        self.connections = self._server.connections
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self.port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def serve() -> Iterator[Callable[..., LocalServer]]:
    """Start a server with a function from requests to replies."""
    servers: list[LocalServer] = []

    def start(respond: Respond, **options: Any) -> LocalServer:
        servers.append(LocalServer(respond, **options))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def reply() -> type[Reply]:
    """The class of replies, for tests that misbehave."""
    return Reply


def make_fits(did: str) -> bytes:
    """A small spectrum as the processing service delivers it, different for each identifier."""
    flux = np.full(300, float(sum(did.encode())))
    columns = [
        fits.Column("spectral", "D", array=np.linspace(6282, 6732, 300)),
        fits.Column("flux", "D", array=flux),
    ]
    table = fits.BinTableHDU.from_columns(columns)
    table.header["OBJECT"] = did.rpartition("/")[2]
    file = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), table]).writeto(file)
    return file.getvalue()


@pytest.fixture
def fits_of() -> Callable[[str], bytes]:
    """Make the spectrum of an identifier."""
    return make_fits


@pytest.fixture(autouse=True)
def cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep the user's cache and settings out of the tests."""
    path = tmp_path / "cache"
    monkeypatch.setenv("VO_EMLINE_CACHE", str(path))
    monkeypatch.delenv("VO_EMLINE_SERVICE", raising=False)
    return path

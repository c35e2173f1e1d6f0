"""Small real servers on loopback, and an archive that answers as Ondřejov does."""

from __future__ import annotations

import io
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
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

    def handle_error(self, *args: Any) -> None:
        pass  # a client that goes away is what the tests are about


class LocalServer:
    """A threaded HTTP server on a free port; remembers what it was asked."""

    def __init__(self, respond: Respond, tls: ssl.SSLContext | None = None) -> None:
        self._server = Server(respond)
        self.requests = self._server.requests
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


SSA_ANSWER = """<?xml version="1.0"?>
<VOTABLE version="1.2" xmlns="http://www.ivoa.net/xml/VOTable/v1.2">
<RESOURCE type="results"><INFO name="QUERY_STATUS" value="{status}"/>
<TABLE>
<FIELD ID="ssa_pubDID" name="ssa_pubDID" datatype="char" arraysize="*" utype="ssa:Curation.PublisherDID"/>
<FIELD ID="ssa_targname" name="ssa_targname" datatype="char" arraysize="*" utype="ssa:Target.Name"/>
<FIELD ID="ssa_location" name="ssa_location" datatype="double" arraysize="2" unit="deg"
  utype="stc:AstroCoords.Position2D.Value2"/>
<FIELD ID="ssa_dateObs" name="ssa_dateObs" datatype="double" unit="d"
  utype="ssa:Char.TimeAxis.Coverage.Location.Value"/>
<FIELD ID="accref" name="accref" datatype="char" arraysize="*" utype="ssa:Access.Reference"/>
<FIELD ID="mime" name="mime" datatype="char" arraysize="*" utype="ssa:Access.Format"/>
<DATA><TABLEDATA>{rows}</TABLEDATA></DATA></TABLE></RESOURCE>
{service}
</VOTABLE>"""

DESCRIPTOR = """<RESOURCE type="meta" utype="adhoc:service" ID="proc">
<GROUP name="inputParams">
<PARAM name="ID" ref="ssa_pubDID" datatype="char" arraysize="*" value=""/>
<PARAM name="FLUXCALIB" datatype="char" arraysize="*" value=""><VALUES>
  <OPTION value="UNCALIBRATED"/><OPTION value="normalized"/></VALUES></PARAM>
<PARAM name="BAND" unit="m" datatype="char" arraysize="m" value=""/>
<PARAM name="FORMAT" datatype="char" arraysize="*" value=""><VALUES>
  <OPTION value="application/fits"/></VALUES></PARAM>
</GROUP>
<PARAM name="accessURL" datatype="char" arraysize="*" value="{url}/dlget"/>
<PARAM name="standardID" datatype="char" arraysize="*" value="ivo://ivoa.net/std/SSDP#sync"/>
</RESOURCE>"""


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


class FakeArchive:
    """An SSA service with a processing service; `misbehave` says how the latter answers out of order.

    It is called with the identifier and how often it was asked for before, and
    gives a reply, or None for the proper one.
    """

    def __init__(
        self,
        start: Callable[..., LocalServer],
        count: int,
        misbehave: Callable[[str, int], Reply | None] | None = None,
        *,
        service: bool = True,
        delay: float = 0.0,
    ) -> None:
        self.dids = [f"ivo://example.test/spectra/s{number:04}" for number in range(count)]
        self.files = {did: make_fits(did) for did in self.dids}
        self.asked: Counter[str] = Counter()
        self.order: list[str] = []
        self._misbehave = misbehave or (lambda did, before: None)
        self._service = service
        self._delay = delay
        self._lock = threading.Lock()
        self.server = start(self.respond)
        self.ssa = f"{self.server.url}/ssa"

    def respond(self, request: Request) -> Reply:
        if request.path == "/ssa":
            return Reply(
                self.answer(int(request.query.get("MAXREC", 10**6))), headers={"Content-Type": "text/xml"}
            )
        did = request.query["ID"]
        with self._lock:
            before = self.asked[did]
            self.asked[did] += 1
            self.order.append(did)
        odd = self._misbehave(did, before)
        if odd is not None:
            return odd
        if did not in self.files:
            return Reply(b"No such spectrum here", 404)
        return Reply(self.files[did], headers={"Content-Type": "application/fits"}, delay=self._delay)

    def answer(self, maxrec: int) -> bytes:
        rows = "".join(
            f"<TR><TD>{did}</TD><TD>star {did[-4:]}</TD><TD>{10 + i} {20 + i % 60}</TD><TD>{55000 + i}</TD>"
            f"<TD>{self.server.url}/file?ID={did}</TD><TD>image/fits</TD></TR>"
            for i, did in enumerate(self.dids[:maxrec])
        )
        status = "OVERFLOW" if maxrec < len(self.dids) else "OK"
        service = DESCRIPTOR.format(url=self.server.url) if self._service else ""
        return SSA_ANSWER.format(rows=rows, service=service, status=status).encode()


@pytest.fixture
def fake_archive(serve: Callable[..., LocalServer]) -> Callable[..., FakeArchive]:
    """Start an archive of so many spectra."""

    def start(
        count: int, misbehave: Callable[[str, int], Reply | None] | None = None, **options: Any
    ) -> FakeArchive:
        return FakeArchive(serve, count, misbehave, **options)

    return start


@pytest.fixture
def reply() -> type[Reply]:
    """The class of replies, for tests that misbehave."""
    return Reply


@pytest.fixture
def fits_of() -> Callable[[str], bytes]:
    """Make the spectrum of an identifier."""
    return make_fits

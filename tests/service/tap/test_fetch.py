"""Uploads by URL: public addresses only, checked at every step, within limits."""

from __future__ import annotations

import ipaddress
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from service.tap.fetch import Address, fetch, is_public
from vo_emline.errors import UserError

PRIVATE = [
    "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0", "100.64.0.1",
    "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1",
    "fc00::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
    "2002:7f00:1::", "2002:c0a8:101::", "64:ff9b::7f00:1", "::127.0.0.1", "64:ff9b:1::7f00:1",
    "::ffff:0:127.0.0.1", "fec0::1", "2620:4f:8000::1", "192.88.99.1", "2002:808:808::1", "64:ff9b::808:808",
    "2001::1", "2001:db8::1", "3fff::1", "100::1", "5f00::1", "4000::1", "2600::5efe:10.0.0.1",
    "2600::200:5efe:7f00:1", "192.0.0.8", "198.18.0.1", "240.0.0.1", "192.31.196.1",
]  # fmt: skip
PUBLIC = ["8.8.8.8", "147.231.104.1", "2001:4860:4860::8888", "::ffff:8.8.8.8"]


def loopback(address: Address) -> bool:
    """Allow what the tests serve from, and nothing else."""
    return address.is_loopback


class Handler(BaseHTTPRequestHandler):
    """Serves a small table, redirects, an endless and a slow answer."""

    hosts: list[str] = []  # noqa: RUF012 - one server, one list

    def do_GET(self) -> None:
        self.hosts.append(self.headers["Host"])
        match self.path:
            case "/table":
                self._answer(200, b"a\n1\n")
            case "/away":
                self._redirect("http://10.0.0.1/table")
            case "/again":
                self._redirect("/table")
            case "/file":
                self._redirect("file:///etc/passwd")
            case "/script":
                self._redirect("javascript:1")
            case "/nonsense":
                self._redirect("http://[::1")
            case "/circle":
                self._redirect("/circle")
            case "/big":
                self._answer(200, b"x" * 100_000)
            case "/slow":
                self._trickle()
            case _:
                self._answer(404, b"")

    def log_message(self, *arguments: object) -> None:
        """Stay silent."""

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _redirect(self, target: str) -> None:
        self.send_response(302)
        self.send_header("Location", target)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _trickle(self) -> None:
        self.send_response(200)
        self.end_headers()
        for _ in range(100):
            try:
                self.wfile.write(b"x")
            except OSError:
                return
            time.sleep(0.05)


@pytest.fixture(scope="module")
def origin() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://localhost:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def get(url: str, path: Path, *, seconds: float = 5.0) -> bytes:
    """Fetch from the tests' own server."""
    fetch(url, path, max_bytes=50_000, seconds=seconds, allowed=loopback)
    return path.read_bytes()


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_are_not_public(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


def test_a_table_is_fetched_under_the_name_it_was_asked_by(origin: str, tmp_path: Path) -> None:
    assert get(f"{origin}/table", tmp_path / "t") == b"a\n1\n"
    assert Handler.hosts[-1] == origin.removeprefix("http://")


def test_a_redirect_is_followed_where_it_leads_to_an_allowed_address(origin: str, tmp_path: Path) -> None:
    assert get(f"{origin}/again", tmp_path / "t") == b"a\n1\n"


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/away", "not a public address"),
        ("/file", "no http or https"),
        ("/circle", "redirects more than"),
        ("/script", "no http or https|cannot be read|no address"),
        ("/nonsense", "cannot be read|no address"),
        ("/big", "larger than"),
        ("/missing", "answers 404"),
    ],
)
def test_what_must_not_or_cannot_be_had_is_refused(origin: str, tmp_path: Path, path: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        get(origin + path, tmp_path / "t")


def test_a_slow_answer_is_given_up(origin: str, tmp_path: Path) -> None:
    start = time.monotonic()
    with pytest.raises(UserError, match=r"in time|cannot be read"):
        get(f"{origin}/slow", tmp_path / "t", seconds=0.4)
    assert time.monotonic() - start < 2


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/x", "http://localhost:1/x", "https://[::1]/x", "http://2130706433/x", "http://0x7f.1/x",
        "http://127.1/x", "http://[::ffff:127.0.0.1]/x", "ftp://example.org/x", "file:///etc/passwd",
        "gopher://x/", "http://", "http://user:secret@8.8.8.8/x", "http://169.254.169.254/latest/meta-data",
        "//x", "data:,a",        "http://\x00/", "http://" + "a" * 5000,
    ],
)  # fmt: skip
def test_the_service_never_asks_itself_or_its_neighbours(url: str, tmp_path: Path) -> None:
    with pytest.raises(UserError):
        fetch(url, tmp_path / "t", max_bytes=1000, seconds=2, allowed=is_public)
    assert not (tmp_path / "t").exists()

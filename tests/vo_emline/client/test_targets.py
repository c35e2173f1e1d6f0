import http.server
import threading
from collections.abc import Iterator

import pytest
from astropy.coordinates import SkyCoord
from astropy.coordinates.name_resolve import sesame_url

from vo_emline.client.targets import designation, parse_position, resolve
from vo_emline.errors import ArchiveError, UserError


class Sesame(http.server.BaseHTTPRequestHandler):
    """Answers the way CDS does: knows HR 3135 only."""

    def do_GET(self) -> None:
        known = "HR%203135" in self.path
        body = b"%J 119.8900000 -18.3990000 = 07:59:33\n" if known else b"#!SIMBAD: Nothing found\n"
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Keep quiet."""


@pytest.fixture
def sesame() -> Iterator[None]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Sesame)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    with sesame_url.set([f"http://127.0.0.1:{server.server_port}/cgi-bin/nph-sesame"]):
        yield
    server.shutdown()
    thread.join()
    server.server_close()


def nobody(_name: str) -> None:
    return None


@pytest.mark.parametrize(
    ("text", "ra", "dec"),
    [
        ("83.822 -5.391", 83.822, -5.391),
        ("83.822, -5.391", 83.822, -5.391),
        ("0 +90", 0, 90),
        ("05:35:17.3 -05:23:28", 83.822083, -5.391111),
        ("05 35 17.3 -05 23 28", 83.822083, -5.391111),
        ("05h35m17.3s -05d23m28s", 83.822083, -5.391111),
    ],
)
def test_positions(text: str, ra: float, dec: float) -> None:
    position = parse_position(text)
    assert position is not None
    assert position.ra.deg == pytest.approx(ra, abs=1e-5)
    assert position.dec.deg == pytest.approx(dec, abs=1e-5)


@pytest.mark.parametrize("text", ["HR 3135", "HD 37202", "28 Tau", "V395 Aur", "J063416.35+023030.2"])
def test_names_are_no_positions(text: str) -> None:
    assert parse_position(text) is None


def test_a_position_off_the_sky_is_refused() -> None:
    with pytest.raises(UserError, match="not a position on the sky"):
        parse_position("83.8 -95.0")


@pytest.mark.parametrize("text", ["J063416.35+023030.2", "LAMOST J063416.35+023030.2", "j063416.35+023030.2"])
def test_designations(text: str) -> None:
    assert designation(text) == "J063416.35+023030.2"
    assert designation("HR 3135") is None


def test_a_skycoord_stays() -> None:
    position = SkyCoord(1, 2, unit="deg")
    assert resolve(position, lookup=nobody) is position


def test_the_own_table_is_asked_first() -> None:
    asked = []

    def lookup(name: str) -> SkyCoord:
        asked.append(name)
        return SkyCoord(1, 2, unit="deg")

    assert resolve("LAMOST J063416.35+023030.2", lookup=lookup).ra.deg == 1
    assert asked == ["J063416.35+023030.2"]


def test_then_the_name_service(sesame: None) -> None:
    assert resolve("HR 3135", lookup=nobody).dec.deg == pytest.approx(-18.399)


def test_an_unknown_name(sesame: None) -> None:
    with pytest.raises(UserError, match="SIMBAD, NED or VizieR knows 'No Such Star'"):
        resolve("No Such Star", lookup=nobody)


def test_offline_the_error_says_what_to_do() -> None:
    with (
        sesame_url.set(["http://127.0.0.1:9/"]),
        pytest.raises(ArchiveError, match="give the position instead"),
    ):
        resolve("HR 3135", lookup=nobody)

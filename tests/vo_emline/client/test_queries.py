import http.server
import threading
from collections.abc import Iterator

import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.coordinates.name_resolve import sesame_url

from vo_emline.client import queries
from vo_emline.client.queries import (
    Constraints,
    as_radius,
    canonical_labels,
    designation,
    literal,
    parse_position,
    resolve,
)
from vo_emline.errors import ArchiveError, UserError

ORION = (83.822, -5.391)


def test_everything_is_asked_in_a_total_order() -> None:
    assert (
        queries.select(Constraints()) == "SELECT * FROM emline.candidates ORDER BY score DESC, candidate_id"
    )


def test_constraints_become_conditions() -> None:
    constraints = Constraints(
        labels=("double-peak",), min_score=0.9, min_snr=30, where="spectral_subclass LIKE 'B%'"
    )
    assert queries.select(constraints, columns=["ra", "dec"], limit=5) == (
        "SELECT TOP 5 ra, dec FROM emline.candidates WHERE label IN ('double-peak') AND score >= 0.9 "
        "AND snr_r >= 30.0 AND (spectral_subclass LIKE 'B%') ORDER BY score DESC, candidate_id"
    )


def test_a_cone_is_in_degrees_icrs() -> None:
    cone = Constraints(position=ORION, radius=as_radius(5 * u.arcmin))
    assert queries.count(cone) == (
        "SELECT COUNT(*) AS n FROM emline.candidates "
        "WHERE DISTANCE(POINT(ra, dec), POINT(83.822000000, -5.391000000)) <= 0.0833333333333"
    )


def test_absorption_is_looked_for_among_all_spectra() -> None:
    assert Constraints(labels=("absorption",)).table == "emline.scores"
    assert Constraints(labels=("emission",)).table == "emline.candidates"


@pytest.mark.parametrize("text", ["double-peak", "double_peak", "Double Peak", " double-peak "])
def test_classes_may_be_written_in_several_ways(text: str) -> None:
    assert canonical_labels(text) == ("double-peak",)


def test_several_classes() -> None:
    assert canonical_labels(["emission", "double_peak"]) == ("emission", "double-peak")
    assert canonical_labels(None) == ()


def test_an_unknown_class_is_refused_with_those_there_are() -> None:
    with pytest.raises(
        UserError, match=r"no class 'triple'; the classes are absorption, emission, double-peak"
    ):
        canonical_labels("triple")


@pytest.mark.parametrize(
    ("radius", "arcsec"),
    [(5 * u.arcmin, 300), ("5 arcmin", 300), ("10'", 600), ('2"', 2), ("1d", 3600)],
)
def test_radii(radius: u.Quantity | str, arcsec: float) -> None:
    assert 3600 * as_radius(radius) == pytest.approx(arcsec)


@pytest.mark.parametrize(
    "radius", [5, "5", 5 * u.m, "wide", 0 * u.deg, -1 * u.deg, 200 * u.deg, [1, 2] * u.deg]
)
def test_radii_that_are_none(radius: object) -> None:
    with pytest.raises(UserError, match="radius"):
        as_radius(radius)  # type: ignore[arg-type]


def test_quotes_cannot_escape_a_literal() -> None:
    assert literal("O'Brien") == "'O''Brien'"
    assert "designation = 'x'' OR 1=1 --'" in queries.named("x' OR 1=1 --")


def test_an_obsid_is_a_number() -> None:
    assert "OR obsid = 101 " in queries.named("101")
    assert "obsid" not in queries.named("J063416.35+023030.2")


@pytest.mark.parametrize("score", [-0.1, 1.5, float("nan")])
def test_scores_are_probabilities(score: float) -> None:
    with pytest.raises(UserError, match="between 0 and 1"):
        Constraints(min_score=score).conditions()


def test_one_position_at_a_time() -> None:
    with pytest.raises(UserError, match="one position at a time"):
        resolve(SkyCoord([1, 2], [3, 4], unit="deg"), lookup=lambda name: None)


def test_the_tables_are_those_that_are_published() -> None:
    from vo_emline.candidates.columns import CANDIDATES, SCORES

    assert (CANDIDATES.qualified_name, SCORES.qualified_name) == (queries.CANDIDATES, queries.SCORES)


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
    assert position == pytest.approx((ra, dec), abs=1e-5)


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


def test_a_position_of_any_frame_is_icrs() -> None:
    assert resolve(SkyCoord(1, 2, unit="deg").galactic, lookup=nobody) == pytest.approx((1, 2))


def test_the_own_table_is_asked_first() -> None:
    asked = []

    def lookup(name: str) -> tuple[float, float]:
        asked.append(name)
        return 1.0, 2.0

    assert resolve("LAMOST J063416.35+023030.2", lookup=lookup) == (1, 2)
    assert asked == ["J063416.35+023030.2"]


def test_then_the_name_service(sesame: None) -> None:
    assert resolve("HR 3135", lookup=nobody)[1] == pytest.approx(-18.399)


def test_an_unknown_name(sesame: None) -> None:
    with pytest.raises(UserError, match="SIMBAD, NED or VizieR knows 'No Such Star'"):
        resolve("No Such Star", lookup=nobody)


def test_offline_the_error_says_what_to_do() -> None:
    with (
        sesame_url.set(["http://127.0.0.1:9/"]),
        pytest.raises(ArchiveError, match="give the position instead"),
    ):
        resolve("HR 3135", lookup=nobody)

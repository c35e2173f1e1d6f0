import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord

from vo_emline.client import queries
from vo_emline.client.constraints import Constraints, as_radius, canonical_labels, literal
from vo_emline.errors import UserError

ORION = SkyCoord(83.822, -5.391, unit="deg")


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
    cone = Constraints(position=ORION.galactic, radius=as_radius(5 * u.arcmin))
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
    [(None, 5), (5 * u.arcmin, 300), ("5 arcmin", 300), ("10'", 600), ('2"', 2), ("1d", 3600)],
)
def test_radii(radius: u.Quantity | str | None, arcsec: float) -> None:
    assert as_radius(radius).arcsec == pytest.approx(arcsec)


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
    many = Constraints(position=SkyCoord([1, 2], [3, 4], unit="deg"), radius=as_radius(None))
    with pytest.raises(UserError, match="one position at a time"):
        many.conditions()

"""Stars of spectra: who is joined with whom, what is said of all epochs together, and how sure it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord, search_around_sky
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.stats import chi2, norm

from vo_emline.candidates import (
    EPOCHS,
    KNOWN,
    OBJECTS,
    Provenance,
    build_release,
    read_release,
    release_survey,
)
from vo_emline.candidates.columns import SCORES, SPECTRA
from vo_emline.candidates.combining import SYSTEMATIC
from vo_emline.candidates.joining import FIBRE, SAME_NAME
from vo_emline.candidates.known import MATCH_SCHEMA, Answers
from vo_emline.candidates.objects import significance
from vo_emline.candidates.output import arrow_schema

from .conftest import score, write_survey

PROVENANCE = Provenance(authority="example.org", run_id="run-1", model_version="model-7")
ONDREJOV = "Ondrejov CCD700"


def publish(path: Path, spectra: dict[str, Any], n: int, known: Answers | None = None) -> pa.Table:
    """Build a release of `n` spectra of which only some columns matter; give the star of each."""
    given = {
        "candidate_id": [f"c{i}" for i in range(n)],
        "label": ["absorption"] * n,
        "collection": ["LAMOST LRS"] * n,
    }
    given |= {"designation": [f"J{i}" for i in range(n)], "score": [0.01] * n, "flags": [""] * n} | spectra
    given |= {"obs_publisher_did": [f"ivo://x/{i}" for i in range(n)]}
    tables = [
        pa.table(
            [
                pa.array(given[field.name], field.type) if field.name in given else pa.nulls(n, field.type)
                for field in arrow_schema(table)
                if field.name != "hpx10"
            ],
            names=[name for name in arrow_schema(table).names if name != "hpx10"],
        )
        for table in (SPECTRA, SCORES)
    ]
    build_release(path, spectra=tables[0], scores=tables[1], known=known)
    rows = read_release(path, EPOCHS).to_pandas().set_index("candidate_id").loc[given["candidate_id"]]
    return pa.Table.from_pandas(rows.reset_index())


def groups(epochs: pa.Table) -> list[int]:
    """Number the stars in the order in which they come."""
    names = epochs["object_id"].to_pylist()
    return [list(dict.fromkeys(names)).index(name) for name in names]


def objects(path: Path) -> dict[str, dict[str, Any]]:
    return {row["object_id"]: row for row in read_release(path, OBJECTS).to_pylist()}


def arcsec(value: float, dec: float = 0.0) -> float:
    return value / 3600 / float(np.cos(np.radians(dec)))


@pytest.mark.parametrize(
    ("ra", "dec", "more", "expected"),
    [
        pytest.param([10, 10 + arcsec(FIBRE - 0.1)], [0, 0], {}, [0, 0], id="within a fibre"),
        pytest.param([10, 10 + arcsec(FIBRE + 0.5)], [0, 0], {}, [0, 1], id="beyond a fibre"),
        pytest.param([0.0001, 359.9999], [5, 5], {}, [0, 0], id="across zero"),
        pytest.param([359.9999, 0.0001, 0.0], [5, 5, 5], {}, [0, 0, 0], id="across zero, the other way"),
        pytest.param([10, 190, 100], [89.9998, 89.9998, -89.9999], {}, [0, 0, 1], id="across a pole"),
        pytest.param([10, 10 + arcsec(FIBRE - 0.1, 80)], [80, 80], {}, [0, 0], id="far north"),
        pytest.param([10, 10 + arcsec(FIBRE + 0.5, 80)], [80, 80], {}, [0, 1], id="too far"),
        pytest.param([10, 10 + arcsec(40)], [0, 0], {"designation": ["Wolf 9", "WOLF9"]}, [0, 0], id="moves"),
        pytest.param(
            [10, 10 + arcsec(SAME_NAME + 5)], [0, 0], {"designation": ["SKY", "SKY"]}, [0, 1], id="no star"
        ),
        pytest.param(
            [10, 10 + arcsec(24)], [0, 0], {"collection": ["LAMOST LRS", ONDREJOV]}, [0, 0], id="telescope"
        ),
        pytest.param(
            [10, 10 + arcsec(24), 10 + arcsec(20)], [0, 0, 0],
            {"collection": ["LAMOST LRS", ONDREJOV, "LAMOST LRS"]}, [0, 1, 1], id="the nearest of two",
        ),
        pytest.param(
            [10, None, None, None], [0, None, None, None], {"designation": ["HR 1", "hr1", "HR 2", ""]},
            [0, 0, 1, 2], id="by name alone",
        ),
    ],
)  # fmt: skip
def test_which_spectra_are_of_one_star(
    tmp_path: Path, ra: list[float], dec: list[float], more: dict[str, Any], expected: list[int]
) -> None:
    assert groups(publish(tmp_path / "r.duckdb", {"ra": ra, "dec": dec} | more, len(ra))) == expected


@pytest.mark.parametrize(
    ("ra", "dec"),
    [
        pytest.param((0, 360), (-90, -89.7), id="south pole"),
        pytest.param((0, 360), (89.7, 90), id="north pole"),
        pytest.param((359.8, 360.2), (-0.2, 0.2), id="across zero"),
        pytest.param((100, 101), (71.8, 72.0), id="north"),
    ],
)
def test_all_pairs_are_found(tmp_path: Path, ra: tuple[float, float], dec: tuple[float, float]) -> None:
    """Everything of one name within a minute of arc is one star, as trying every pair says."""
    random, n = np.random.default_rng(3), 300
    places = random.uniform(*ra, n) % 360, random.uniform(*dec, n)
    found = groups(
        publish(tmp_path / "r.duckdb", {"ra": places[0], "dec": places[1], "designation": ["X"] * n}, n)
    )
    first, second, _, _ = search_around_sky(
        *[SkyCoord(*np.round(places, 5), unit="deg")] * 2, SAME_NAME * u.arcsec
    )
    count, expected = connected_components(coo_array((np.ones(len(first)), (first, second)), shape=(n, n)))
    assert len(set(found)) == count < n
    assert len(set(zip(found, expected.tolist(), strict=True))) == count


def test_a_choice_is_flagged(tmp_path: Path) -> None:
    where = {"ra": [10, 10 + arcsec(12), 10 + arcsec(20), 50], "dec": [0.0] * 4}
    surveys = ["LAMOST LRS", ONDREJOV, "LAMOST LRS", "LAMOST LRS"]
    found = publish(tmp_path / "r.duckdb", where | {"collection": surveys}, 4)
    star = objects(tmp_path / "r.duckdb")
    flags = [star[name]["flags"] for name in found["object_id"].to_pylist()]
    assert flags == ["", "ambiguous", "ambiguous", ""]
    assert star[found["object_id"][1].as_py()]["surveys"] == f"LAMOST LRS; {ONDREJOV}"


def test_the_star_lies_where_its_certain_positions_are(tmp_path: Path) -> None:
    where = {"ra": [10, 10 + arcsec(20)], "dec": [0.0, 0.0], "collection": ["LAMOST LRS", ONDREJOV]}
    found = publish(tmp_path / "r.duckdb", where, 2)
    assert found["separation"].to_pylist() == pytest.approx([0.09, 19.91], abs=0.01)  # weights 1/2² and 1/30²


def test_simulated_surveys_are_joined_as_they_were_made(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    n_stars, per_degree, n_fibres, n_telescope = (
        12_000,
        500,
        18_000,
        600,
    )  # LAMOST: 10⁷ spectra of half the sky
    side = np.sqrt(n_stars / per_degree)
    ra, dec = 180 + side * random.random(n_stars), side * random.random(n_stars)
    star = np.concatenate(
        [random.integers(0, n_stars, n_fibres), random.choice(n_stars, n_telescope, replace=False)]
    )
    of_fibre = np.arange(len(star)) < n_fibres
    error = np.where(of_fibre, 0.3, 8.0) / 3600
    given = {
        "ra": ra[star] + error * random.normal(size=len(star)),
        "dec": dec[star] + error * random.normal(size=len(star)),
        "collection": np.where(of_fibre, "LAMOST LRS", ONDREJOV).tolist(),
    }
    found = publish(tmp_path / "r.duckdb", given, len(star))["object_id"].to_pylist()
    flagged = {name for name, row in objects(tmp_path / "r.duckdb").items() if row["flags"] == "ambiguous"}
    true: dict[int, set[int]] = {}
    joined: dict[str, set[int]] = {}
    for spectrum, (one, name) in enumerate(zip(star.tolist(), found, strict=True)):
        true.setdefault(one, set()).add(spectrum)
        joined.setdefault(name, set()).add(spectrum)
    right = np.array(
        [true[one] == joined[name] for one, name in zip(star.tolist(), found, strict=True)], dtype=bool
    )
    sure = np.array([name not in flagged for name in found])
    assert np.mean(right[sure]) >= 0.999
    assert np.mean(sure[of_fibre]) >= 0.95  # of the stars of 600 telescope spectra, half are flagged
    assert np.mean(right[~of_fibre]) >= 0.95  # 24 arcsec off, a telescope meets a neighbour now and then


def test_probabilities_of_epochs_are_not_multiplied(tmp_path: Path) -> None:
    same = {
        "p_absorption": [0.3] * 3,
        "p_emission": [0.6] * 3,
        "p_double_peak": [0.1] * 3,
        "score": [0.7] * 3,
    }
    publish(tmp_path / "r.duckdb", same | {"ra": [10.0] * 3, "dec": [0.0] * 3}, 3)
    (row,) = objects(tmp_path / "r.duckdb").values()
    assert (row["label"], row["n_spectra"]) == ("emission", 3)
    assert row["score"] == pytest.approx(0.7, abs=1e-6)


def epochs_of_constant_stars(stars: int, n: int, seed: int) -> dict[str, npt.NDArray[np.float64]]:
    """Simulate spectra of stars that do not change, with stated errors and the systematic one."""
    random = np.random.default_rng(seed)
    error = random.uniform(0.05, 1.0, (stars, n))
    ew = random.uniform(-30, 5, (stars, 1)) + np.hypot(error, SYSTEMATIC["ew"]) * random.normal(
        size=(stars, n)
    )
    place = np.arange(stars)[:, None] * np.ones(n)
    time = 55000 + 100.0 * np.arange(n) + np.zeros((stars, n))
    given = {"ra": 10 + place / 100, "dec": place * 0, "ew": ew, "ew_error": error, "epoch_mjd": time}
    return {name: values.ravel() for name, values in given.items()}


def test_constant_stars_seem_to_change_as_seldom_as_stated(tmp_path: Path) -> None:
    stars, n = 3000, 4
    publish(tmp_path / "r.duckdb", epochs_of_constant_stars(stars, n, seed=2), stars * n)
    change = np.array([row["ew_change"] for row in objects(tmp_path / "r.duckdb").values()])
    for sigma in (1.0, 2.0, 3.0):
        expected = 2 * norm.sf(sigma) * stars
        assert abs(np.sum(change > sigma) - expected) < 4 * np.sqrt(expected)
    assert all(row["flags"] == "" for row in objects(tmp_path / "r.duckdb").values())


def test_emission_that_comes_and_goes_is_told(tmp_path: Path) -> None:
    stars = epochs_of_constant_stars(4, 3, seed=3)
    strong = np.array([[3, 3, 3], [3, -20, -20], [-20, -20, 3], [3, -20, 3]], dtype=float).ravel()
    label = np.where(strong < 0, "emission", "absorption").tolist()
    found = publish(
        tmp_path / "r.duckdb", stars | {"ew": strong, "ew_error": np.full(12, 0.5), "label": label}, 12
    )
    star = objects(tmp_path / "r.duckdb")
    flags = [star[found["object_id"][3 * i].as_py()]["flags"] for i in range(4)]
    assert flags == ["", "variable appeared", "variable disappeared", "variable appeared disappeared"]
    row = star[found["object_id"][3].as_py()]
    assert (row["n_epochs"], row["n_positive"]) == (3, 2)
    assert (row["first_epoch_mjd"], row["last_epoch_mjd"]) == (55000, 55200)


def test_a_change_of_the_label_alone_is_no_change(tmp_path: Path) -> None:
    stars = epochs_of_constant_stars(1, 2, seed=4)
    publish(
        tmp_path / "r.duckdb",
        stars | {"ew": [0.0, -1.0], "ew_error": [0.5, 0.5], "label": ["absorption", "emission"]},
        2,
    )
    (row,) = objects(tmp_path / "r.duckdb").values()
    assert row["flags"] == ""


@pytest.mark.parametrize("freedom", [1, 2, 5, 40])
def test_significance_is_that_of_chi_square(freedom: int) -> None:
    values = np.array([0.1, 1.0, 9.0, 40.0, 900.0]) + freedom
    expected = norm.isf(chi2.sf(values, freedom) / 2)
    found = significance(values, np.full(5, float(freedom)))
    np.testing.assert_allclose(found[:4], expected[:4], rtol=1e-6)
    assert significance(np.array([4e6]), np.array([1.0]))[0] == pytest.approx(2000, rel=1e-3)
    assert significance(np.array([0.0]), np.array([float(freedom)]))[0] == 0


def test_stars_keep_their_identifiers_when_spectra_are_added(tmp_path: Path) -> None:
    first = [
        score(i, source=f"/a/{i}.fits", ra=float(i // 2), dec=10.0, epoch_mjd=55000.0 + i) for i in range(12)
    ]
    release = tmp_path / "r.duckdb"
    release_survey(release, write_survey(tmp_path / "one", first), provenance=PROVENANCE)
    before = {row["candidate_id"]: row["object_id"] for row in read_release(release, EPOCHS).to_pylist()}
    # earlier epochs of the first stars, one new star
    more = [
        score(i, source=f"/b/{i}.fits", ra=float(i - 20), dec=10.0, epoch_mjd=50000.0) for i in range(20, 24)
    ]
    more += [score(30, source="/b/30.fits", ra=200.0, dec=10.0)]
    release_survey(release, write_survey(tmp_path / "two", [*first, *more]), provenance=PROVENANCE)
    after = {row["candidate_id"]: row["object_id"] for row in read_release(release, EPOCHS).to_pylist()}
    assert {name: after[name] for name in before} == before
    assert len(set(after.values())) == 7
    rebuilt = tmp_path / "new.duckdb"
    release_survey(rebuilt, tmp_path / "two", provenance=PROVENANCE)
    anew = {row["candidate_id"]: row["object_id"] for row in read_release(rebuilt, EPOCHS).to_pylist()}
    assert anew != after  # made of the first spectra, where no release says what they were


def test_a_star_that_was_two_leaves_each_its_identifier_once(tmp_path: Path) -> None:
    release = tmp_path / "r.duckdb"
    rows = [
        score(i, source=f"/a/{i}.fits", ra=10.0, dec=10.0, epoch_mjd=55000.0 + i, designation=f"S{i}")
        for i in range(3)
    ]
    release_survey(release, write_survey(tmp_path / "one", rows), provenance=PROVENANCE)
    (whole,) = {row["object_id"] for row in read_release(release, EPOCHS).to_pylist()}
    rows[0]["ra"] = 11.0  # the first spectrum, of which the identifier was made, is of another star
    release_survey(release, write_survey(tmp_path / "two", rows), provenance=PROVENANCE)
    stars = objects(release)
    assert len(stars) == 2
    assert stars[whole]["n_spectra"] == 2


def _match(row: int, catalogue: str, kind: str, name: str, **more: Any) -> dict[str, Any]:
    return {"row": row, "catalogue": catalogue, "identifier": name, "object_type": "Be*", "match_kind": kind,
            "ra": 10.0, "dec": 0.0, "asked_on": "2026-12-01"} | more  # fmt: skip


def test_what_catalogues_say_goes_to_the_star(tmp_path: Path) -> None:
    """Two spectra of one star, one of a telescope that is off, and a star that no catalogue has."""
    where = {
        "ra": [10, 10 + arcsec(15), 50], "dec": [0.0] * 3,
        "collection": ["LAMOST LRS", ONDREJOV, "LAMOST LRS"],
        "path": ["/a", "/b", "/c"], "label": ["emission"] * 3,
        "known_as": ["known as HD 1, type Be* (SIMBAD)"] * 2 + ["not in SIMBAD, Hou et al. 2016, Gaia DR3"],
    }  # fmt: skip
    matches = [
        _match(0, "SIMBAD", "position", "HD 1"),
        _match(1, "SIMBAD", "possible", "HD 2", ra=10 + arcsec(8)),
        _match(1, "Hou et al. 2016", "possible", "J01", ra=10 + arcsec(20), object_type=""),
        _match(0, "bright emission-line stars", "position", "HR 1"),
        _match(0, "Gaia DR3", "position", "Gaia DR3 77", gaia_source_id=77, bp_rp=0.1, phot_g_mean_mag=6.5),
    ]
    known = Answers(
        said=pa.array(where["known_as"]),
        matches=pa.Table.from_pylist(matches, MATCH_SCHEMA),
        asked=("SIMBAD", "Hou et al. 2016", "Gaia DR3"),
        asked_on="2026-12-01",
    )
    path = tmp_path / "r.duckdb"
    found = publish(path, where, 3, known)
    stars = objects(path)
    star, alone = (stars[found["object_id"][row].as_py()] for row in (0, 2))
    assert star["known_as"] == "known as HD 1, type Be* (SIMBAD)"
    assert star["main_type"] == "Be*"
    said = {"SIMBAD", "bright emission-line stars", "Gaia DR3", "Hou et al. 2016 (possibly)"}
    assert set(star["known_in"].split("; ")) == said
    assert star["not_in"] is None
    assert (star["gaia_source_id"], star["phot_g_mean_mag"]) == (77, 6.5)
    assert star["bp_rp"] == pytest.approx(0.1)
    assert (alone["known_in"], alone["main_type"], alone["gaia_source_id"]) == (None, None, None)
    assert alone["not_in"] == ("SIMBAD (2026-12-01); Hou et al. 2016 (2026-12-01); Gaia DR3 (2026-12-01)")
    rows = {(row["catalogue"], row["identifier"]): row for row in read_release(path, KNOWN).to_pylist()}
    assert rows.keys() == {  # of SIMBAD the surest match of the star alone
        ("SIMBAD", "HD 1"), ("Hou et al. 2016", "J01"), ("bright emission-line stars", "HR 1"),
        ("Gaia DR3", "Gaia DR3 77"),
    }  # fmt: skip
    assert rows["SIMBAD", "HD 1"]["separation"] == pytest.approx(0.07, abs=0.01)  # from the mean position
    assert rows["Hou et al. 2016", "J01"]["separation"] == pytest.approx(19.93, abs=0.02)

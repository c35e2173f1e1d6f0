"""What candidates are known as, and what is kept of every catalogue."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from vo_emline.errors import UserError
from vo_emline.runs.known import KnownNames, catalogue_files, require_known

SCORES = pa.table(
    {
        "label": ["emission", "double-peak", "absorption", "emission", "emission"],
        "designation": ["J080043.30-025243.9", "", "J080043.30-025243.9", "", ""],
        "ra": pa.array([120.1804, 69.6504, 120.1804, 10.0, None], pa.float64()),
        "dec": pa.array([-2.8789, 8.1783, -2.8789, 10.0, None], pa.float64()),
    }
)


@pytest.fixture
def catalogue(tmp_path: Path) -> str:
    path = tmp_path / "be-stars.csv"
    path.write_text("name,ra,dec,type\nHR 3135,120.1804,-2.8789,Be\nV1150 Tau,69.6550,8.1783,CBe\n")
    return str(path)


def test_candidates_are_known_possibly_known_or_new(catalogue: str) -> None:
    said = KnownNames([catalogue])(SCORES).said.to_pylist()
    assert said[0].startswith("known as HR 3135, type Be")
    assert said[1].startswith("possibly known as V1150 Tau, type CBe")  # 16 arcsec apart
    assert said[2:] == [None, "not in be-stars", None]  # absorption, elsewhere, no position


def test_a_catalogue_is_read_once_for_any_number_of_batches(catalogue: str) -> None:
    names = KnownNames([catalogue])
    first = names(SCORES.slice(0, 2)).said.to_pylist()
    Path(catalogue).unlink()
    assert [text is not None for text in first + names(SCORES.slice(2)).said.to_pylist()] == [
        True, True, False, True, False,
    ]  # fmt: skip


def test_without_a_catalogue_nothing_is_said() -> None:
    assert KnownNames([])(SCORES).said.null_count == len(SCORES)


def test_an_unknown_catalogue_is_named() -> None:
    with pytest.raises(UserError, match="nonsense"):
        KnownNames(["nonsense"])(SCORES)


def test_catalogues_are_checked_before_the_work(catalogue: str, tmp_path: Path) -> None:
    require_known([catalogue, "simbad", "zhang2022"])
    assert catalogue_files([catalogue, "simbad", "zhang2022"]) == [Path(catalogue)]
    with pytest.raises(UserError, match=r"cannot read the catalogue .*none\.csv"):
        require_known([str(tmp_path / "none.csv")])
    with pytest.raises(UserError, match=r"no catalogue 'nonsense': give a file .* or one of gaia, gcvs,"):
        require_known(["nonsense"])


def test_bright_stars_are_known_without_a_catalogue() -> None:
    rows = {"label": ["emission"] * 2, "designation": ["", ""], "ra": [14.1772, 200.0], "dec": [60.7167, 5.0]}
    said = KnownNames([])(pa.table(rows)).said.to_pylist()
    assert said == ["known as gam Cas, type Be* (bright emission-line stars)", None]


def test_every_catalogue_keeps_its_own_word(catalogue: str, tmp_path: Path) -> None:
    gaia = tmp_path / "gaia.csv"
    gaia.write_text(
        "name,ra,dec,source_id,phot_g_mean_mag,bp_rp,parallax,ref_epoch\n"
        "Gaia DR3 3072800000000000001,120.1804,-2.8790,3072800000000000001,5.5,0.1,3.2,2016.0\n"
    )
    answers = KnownNames([catalogue, str(gaia)])(SCORES)
    assert answers.asked == ("be-stars", "gaia")
    rows = answers.matches.to_pylist()
    assert [(row["row"], row["catalogue"], row["match_kind"]) for row in rows] == [
        (0, "be-stars", "position"),
        (0, "gaia", "position"),
        (1, "be-stars", "possible"),
    ]
    assert rows[1]["gaia_source_id"] == 3072800000000000001
    assert (rows[1]["phot_g_mean_mag"], rows[1]["parallax"], rows[1]["catalogue_epoch"]) == pytest.approx(
        (5.5, 3.2, 2016.0)
    )
    assert rows[0]["gaia_source_id"] is None
    assert {row["asked_on"] for row in rows} == {answers.asked_on}

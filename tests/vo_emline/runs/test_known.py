from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from vo_emline.errors import UserError
from vo_emline.runs.publish import KnownNames, catalogue_files, require_known

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
    said = KnownNames([catalogue])(SCORES).to_pylist()
    assert said[0].startswith("known as HR 3135, type Be")
    assert said[1].startswith("possibly known as V1150 Tau, type CBe")  # 16 arcsec apart
    assert said[2:] == [None, "new", None]  # absorption, elsewhere, no position


def test_a_catalogue_is_read_once_for_any_number_of_batches(catalogue: str) -> None:
    names = KnownNames([catalogue])
    first = names(SCORES.slice(0, 2)).to_pylist()
    Path(catalogue).unlink()
    assert [text is not None for text in first + names(SCORES.slice(2)).to_pylist()] == [
        True, True, False, True, False,
    ]  # fmt: skip


def test_without_a_catalogue_nothing_is_said() -> None:
    assert KnownNames([])(SCORES).null_count == len(SCORES)


def test_an_unknown_catalogue_is_named() -> None:
    with pytest.raises(UserError, match="nonsense"):
        KnownNames(["nonsense"])(SCORES)


def test_catalogues_are_checked_before_the_work(catalogue: str, tmp_path: Path) -> None:
    require_known([catalogue, "simbad", "zhang2022"])
    assert catalogue_files([catalogue, "simbad", "zhang2022"]) == [Path(catalogue)]
    with pytest.raises(UserError, match=r"cannot read the catalogue .*none\.csv"):
        require_known([str(tmp_path / "none.csv")])
    with pytest.raises(UserError, match=r"no catalogue 'nonsense': give a file .* or one of simbad,"):
        require_known(["nonsense"])

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy import units as u
from astropy.io.votable import parse_single_table
from astropy.table import MaskedColumn, Table

from vo_emline.client import convert
from vo_emline.errors import UserError


@pytest.fixture
def table() -> Table:
    table = Table()
    table["name"] = MaskedColumn(["α Lyr", "none"], mask=[False, True])
    table["ra"] = MaskedColumn([279.23, 0.0], unit=u.deg, description="ICRS", meta={"ucd": "pos.eq.ra"})
    table["obsid"] = MaskedColumn(np.array([1, 2**40]), mask=[True, False])
    table["score"] = np.array([0.5, 0.25], np.float32)
    return table


def test_masked_values_become_null_and_types_stay(table: Table) -> None:
    arrow = convert.to_arrow(table)
    assert arrow["name"].to_pylist() == ["α Lyr", None]
    assert arrow["obsid"].to_pylist() == [None, 2**40]
    assert arrow.schema.types == [pa.string(), pa.float64(), pa.int64(), pa.float32()]
    assert arrow.field("ra").metadata == {b"unit": b"deg", b"ucd": b"pos.eq.ra", b"description": b"ICRS"}


def test_parquet(table: Table, tmp_path: Path) -> None:
    convert.write(table, tmp_path / "t.parquet")
    read = pq.read_table(tmp_path / "t.parquet")
    assert read["obsid"].to_pylist() == [None, 2**40]
    assert read.field("ra").metadata[b"unit"] == b"deg"


def test_votable(table: Table, tmp_path: Path) -> None:
    convert.write(table, tmp_path / "t.vot", name="stars")
    read = parse_single_table(tmp_path / "t.vot")
    field = read.get_field_by_id_or_name("ra")
    assert (field.ucd, str(field.unit), field.description) == ("pos.eq.ra", "deg", "ICRS")
    assert read.array["obsid"].mask.tolist() == [True, False]
    assert read.array["name"][0] == "α Lyr"


def test_csv(table: Table, tmp_path: Path) -> None:
    convert.write(table, tmp_path / "t.csv")
    header, first, second = (tmp_path / "t.csv").read_text(encoding="utf-8").splitlines()
    assert header.replace('"', "") == "name,ra,obsid,score"
    assert first.replace('"', "") == "α Lyr,279.23,,0.5"
    assert second.split(",")[2] == str(2**40)


def test_an_unknown_suffix_is_refused(table: Table, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="xlsx"):
        convert.write(table, tmp_path / "t.xlsx")
    assert not list(tmp_path.iterdir())

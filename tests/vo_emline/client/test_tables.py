from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy import units as u
from astropy.io.votable import parse_single_table
from astropy.table import MaskedColumn, Table

from vo_emline.client import tables
from vo_emline.client.tables import Listing, as_html, as_text, headline
from vo_emline.errors import UserError
from vo_emline.net.rows import Rows


@pytest.fixture
def rows() -> Rows:
    table = Table()
    table["name"] = MaskedColumn(["α Lyr", "none"], mask=[False, True])
    table["ra"] = MaskedColumn([279.23, 0.0], unit=u.deg, description="ICRS", meta={"ucd": "pos.eq.ra"})
    table["obsid"] = MaskedColumn(np.array([1, 2**40]), mask=[True, False])
    table["score"] = np.array([0.5, 0.25], np.float32)
    return Rows.from_astropy(table)


def test_masked_values_become_null_and_types_stay(rows: Rows) -> None:
    arrow = tables.to_arrow(rows)
    assert arrow["name"].to_pylist() == ["α Lyr", None]
    assert arrow["obsid"].to_pylist() == [None, 2**40]
    assert arrow.schema.types == [pa.string(), pa.float64(), pa.int64(), pa.float32()]
    assert arrow.field("ra").metadata == {b"unit": b"deg", b"ucd": b"pos.eq.ra", b"description": b"ICRS"}


def test_parquet(rows: Rows, tmp_path: Path) -> None:
    tables.write(rows, tmp_path / "t.parquet")
    read = pq.read_table(tmp_path / "t.parquet")
    assert read["obsid"].to_pylist() == [None, 2**40]
    assert read.field("ra").metadata[b"unit"] == b"deg"


def test_votable(rows: Rows, tmp_path: Path) -> None:
    tables.write(rows, tmp_path / "t.vot", name="stars")
    read = parse_single_table(tmp_path / "t.vot")
    field = read.get_field_by_id_or_name("ra")
    assert (field.ucd, str(field.unit), field.description) == ("pos.eq.ra", "deg", "ICRS")
    assert read.array["obsid"].mask.tolist() == [True, False]
    assert read.array["name"][0] == "α Lyr"


def test_csv(rows: Rows, tmp_path: Path) -> None:
    tables.write(rows, tmp_path / "t.csv")
    header, first, second = (tmp_path / "t.csv").read_text(encoding="utf-8").splitlines()
    assert header.replace('"', "") == "name,ra,obsid,score"
    assert first.replace('"', "") == "α Lyr,279.23,,0.5"
    assert second.split(",")[2] == str(2**40)


def test_an_unknown_suffix_is_refused(rows: Rows, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="xlsx"):
        tables.write(rows, tmp_path / "t.xlsx")
    assert not list(tmp_path.iterdir())


def of(columns: dict[str, object]) -> Rows:
    return Rows.from_astropy(Table(columns))


def test_headlines() -> None:
    assert headline(1, truncated=False, source="http://s") == "1 row from http://s"
    assert headline(3, truncated=True, source="http://s") == (
        "3 rows (there are more: the service stopped here) from http://s"
    )


def test_nothing_found_is_one_line() -> None:
    assert as_text(of({"ra": []}), "0 rows") == "0 rows"


def test_other_tables_show_their_first_columns() -> None:
    table = of({f"column_{number}": [number] for number in range(12)})
    text = as_text(table, "1 row")
    assert "column_7" in text
    assert "column_8" not in text
    assert text.endswith("… and 4 more columns in .table")


def test_long_tables_are_cut_in_the_middle() -> None:
    text = as_text(of({"n": np.arange(1000)}), "1000 rows")
    assert len(text.splitlines()) < 20
    assert "999" in text


def test_masked_values_in_html() -> None:
    table = Table({"designation": ["a", "b"], "label": ["emission", "x"], "ra": [1.0, 2.0]})
    table["score"] = MaskedColumn([0.5, 0.0], mask=[False, True])
    html = as_html(Rows.from_astropy(table), "2 rows")
    assert "<td>0.500</td>" in html
    assert "<td>--</td>" in html
    assert "href" not in html


def test_html_says_how_much_is_left_out() -> None:
    assert as_html(of({"n": np.arange(20)}), "20 rows", max_rows=12).endswith("<p>… and 8 more rows</p>")


def test_a_listing_fits_80_characters() -> None:
    long = "Equivalent width of H-alpha as observed, photosphere and emission together " * 3
    table = Table({"column_name": ["ra", "ew"], "unit": ["deg", "Angstrom"], "ucd": ["pos.eq.ra", "spect"]})
    table["description"] = ["Right ascension", long]
    listing = Listing(Rows.from_astropy(table), "Columns of t", ["unit", "ucd"])
    lines = repr(listing).splitlines()
    assert lines[:3] == ["Columns of t", "ra  deg  pos.eq.ra", "    Right ascension"]
    assert lines[3] == "ew  Angstrom  spect"
    assert " ".join(line.strip() for line in lines[4:]) == long.strip()
    assert max(map(len, lines)) < 80
    assert "<td>Angstrom</td>" in listing._repr_html_()
    assert list(listing["unit"]) == ["deg", "Angstrom"]
    assert len(listing.table) == len(listing) == 2


def test_astropy_and_back(rows: Rows) -> None:
    again = Rows.from_astropy(rows.to_astropy())
    assert again.columns == rows.columns
    assert [list(values.mask) for values in again.values] == [list(values.mask) for values in rows.values]
    assert rows.to_astropy()["ra"].unit == u.deg

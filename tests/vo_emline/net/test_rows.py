"""The light reader of answers, against astropy's."""

from __future__ import annotations

import io

import numpy as np
import pytest
from astropy.io.votable import from_table, parse_single_table
from astropy.table import MaskedColumn, Table

from vo_emline.errors import ArchiveError
from vo_emline.net.rows import Rows
from vo_emline.net.votable import read_answer

STATUS = '<INFO name="QUERY_STATUS" value="{}">{}</INFO>'


def document(fields: str, data: str, after: str = "") -> bytes:
    return (
        '<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3"><RESOURCE type="results">'
        f"{STATUS.format('OK', '')}<TABLE>{fields}<DATA>{data}</DATA></TABLE>{after}</RESOURCE></VOTABLE>"
    ).encode()


@pytest.fixture
def table() -> Table:
    table = Table(meta={"description": "Stars"})
    table["name"] = MaskedColumn(["α Lyr", "", "none"], mask=[False, False, True])
    table["ra"] = MaskedColumn(
        [279.23, np.nan, 0.0], unit="deg", description="ICRS", mask=[False, False, True]
    )
    table["ra"].meta["ucd"] = "pos.eq.ra"
    table["obsid"] = MaskedColumn(np.array([2**40, -1, 0]), mask=[False, False, True])
    table["score"] = np.array([0.5, 0.25, 1e-30], np.float32)
    table["small"] = np.array([1, -2, 3], np.int16)
    table["good"] = [True, False, True]
    table["pair"] = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    return table


@pytest.mark.parametrize("serialisation", ["tabledata", "binary", "binary2"])
def test_every_serialisation_is_read_as_astropy_reads_it(table: Table, serialisation: str) -> None:
    if serialisation == "binary":  # which has no way to say that a whole number is NULL
        table["obsid"] = table["obsid"].filled(0)
    stream = io.BytesIO()
    from_table(table).to_xml(stream, tabledata_format=serialisation)
    answer = read_answer(stream.getvalue(), "here")
    expected = parse_single_table(io.BytesIO(stream.getvalue())).to_table()
    assert answer.rows.names == expected.colnames
    assert not answer.truncated
    for name in ("name", "obsid", "small", "good", "score"):
        ours, theirs = answer.rows[name], np.ma.asarray(expected[name])
        shown = ~np.ma.getmaskarray(theirs) & ~np.ma.getmaskarray(ours)
        assert [str(value) for value in ours[shown]] == [str(value) for value in theirs[shown]], name
    assert answer.rows["ra"][0] == 279.23
    assert [tuple(pair) for pair in answer.rows["pair"]] == [(1, 2), (3, 4), (5, 6)]
    ra = answer.rows.columns[1]
    assert (ra.unit, ra.ucd, ra.description) == ("deg", "pos.eq.ra", "ICRS")
    if serialisation == "binary2":
        for name in ("name", "ra", "obsid"):
            assert list(np.ma.getmaskarray(answer.rows[name])) == [False, False, True], name


def test_nulls_of_tabledata() -> None:
    fields = (
        '<FIELD name="n" datatype="int"><VALUES null="-9"/></FIELD><FIELD name="x" datatype="double"/>'
        '<FIELD name="t" datatype="char" arraysize="*"/><FIELD name="b" datatype="boolean"/>'
    )
    data = (
        "<TABLEDATA><TR><TD>-9</TD><TD/><TD/><TD>?</TD></TR>"
        "<TR><TD>0x1f</TD><TD>1e3</TD><TD>a</TD><TD>T</TD></TR></TABLEDATA>"
    )
    rows = read_answer(document(fields, data), "here").rows
    assert all(value is np.ma.masked for value in rows.row(0))
    assert tuple(rows.row(1)) == (31, 1000.0, "a", True)


def test_what_is_said_after_the_table_counts() -> None:
    content = document('<FIELD name="a" datatype="int"/>', "<TABLEDATA/>", STATUS.format("OVERFLOW", ""))
    answer = read_answer(content, "here")
    assert (answer.truncated, len(answer.rows)) == (True, 0)


def test_an_error_has_its_message() -> None:
    content = (
        f'<VOTABLE><RESOURCE type="results">{STATUS.format("ERROR", " no  such table ")}</RESOURCE></VOTABLE>'
    )
    answer = read_answer(content.encode(), "here")
    assert (answer.status, answer.message) == ("ERROR", "no such table")


@pytest.mark.parametrize(
    ("field", "stream"),
    [
        ('datatype="double"', "AAAA"),  # half a number
        ('datatype="unicodeChar" arraysize="*"', "f////w=="),  # longer than all there is
        ('datatype="char" arraysize="*"', "/////w=="),  # of negative length
        ('datatype="int" arraysize="0"', "AAAA"),  # rows that take no room, for ever
        ('datatype="double" arraysize="2000000000"', "AAAA"),
        ('datatype="int" arraysize="2x"', "AAAA"),
        ('datatype="bit" arraysize="8"', "AAAA"),
        ('datatype="int"', "A"),
    ],
)
@pytest.mark.parametrize("kind", ["BINARY", "BINARY2"])
def test_streams_that_lie_are_refused(field: str, stream: str, kind: str) -> None:
    if kind == "BINARY2" and 'arraysize="0"' in field:
        pytest.skip("its rows have a byte that says what is NULL")
    data = f'<{kind}><STREAM encoding="base64">{stream}</STREAM></{kind}>'
    with pytest.raises(ArchiveError, match="cannot be read"):
        read_answer(document(f'<FIELD name="a" {field}/>', data), "here")


def test_rows_are_taken_by_slices_masks_and_numbers(table: Table) -> None:
    rows = Rows.from_astropy(table)
    assert list(rows.take(slice(1, None))["small"]) == [-2, 3]
    assert list(rows.take(rows["obsid"] > 0)["small"]) == [1]  # NULL is not above zero
    assert list(rows.take([2, 0])["small"]) == [3, 1]
    assert len(rows.take([])) == 0
    assert rows.row(-1)["small"] == 3
    with pytest.raises(IndexError):
        rows.row(3)


def test_a_row_knows_what_is_null(table: Table) -> None:
    row = Rows.from_astropy(table).row(2)
    assert not row.has("name")
    assert not row.has("nowhere")
    assert row.has("small", "good")
    assert (row.text("name"), row.text("small")) == ("", "3")
    assert row.colnames == table.colnames
    assert dict(row)["small"] == row[4] == 3

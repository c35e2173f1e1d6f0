"""Each format is read back by the reader astronomers use; values, types and NULLs are compared."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.io import fits
from astropy.io.votable import parse_single_table

from service.formats import FORMATS, Result, find_format
from service.formats.result import conform
from vo_emline.errors import UserError
from vo_emline.tables import Column

MakeResult = Callable[..., Result]


def written(name: str, result: Result) -> bytes:
    """Write a result in the format of this name."""
    return b"".join(find_format(name).write(result))


@pytest.mark.parametrize("name", ["votable/b2", "votable/td"])
@pytest.mark.parametrize("rows_per_batch", [1, 2, 5])
def test_a_votable_gives_back_what_went_in(name: str, rows_per_batch: int, make_result: MakeResult) -> None:
    table = parse_single_table(
        io.BytesIO(written(name, make_result(rows_per_batch=rows_per_batch))), verify="exception"
    )
    array = table.array
    assert len(array) == 5
    assert array["text"].tolist() == ["čeština λ", "", "", "astral 𝛼", "]]>"]
    assert array["name"].tolist()[3] == 'comma, "quote" <&> \t line\r\nend'
    for column, limits in {"small": 2**15, "medium": 2**31, "big": 2**63}.items():
        assert array[column].tolist() == [1, None, -limits + 1, limits - 1, 0]
    assert array["flag"].tolist() == [True, None, False, True, False]
    assert array["single"].data[0] == 1.5
    assert [str(value) for value in array["single"].data[2:]] == ["nan", "inf", "-inf"]
    assert array["exact"].data[0] == 0.1
    assert array["exact"].data[3:].tolist() == [1e-300, -1.7976931348623157e308]
    assert array["exact"].mask[1]
    assert array["pair"].data[0].tolist() == [1.0, 2.0]
    assert array["pair"].data[4].tolist() == [7.0, 8.0]
    assert [list(value) for value in array["list"].data] == [[1], [], [], [1, 2, 3], [-4]]


def test_control_characters_never_reach_xml(make_result: MakeResult) -> None:
    assert b"\x01" not in written("votable/td", make_result())


@pytest.mark.parametrize(("name", "separator"), [("csv", ","), ("tsv", "\t")])
def test_text_that_a_spreadsheet_would_compute_is_left_as_it_is(name: str, separator: str) -> None:
    texts = ["=1+1", "+0537", "-18 330", "@SUM(A1)", '=HYPERLINK("x")']
    columns = (
        Column(name="name", datatype="unicodeChar", arraysize="*", description="as a stranger wrote it"),
        Column(name="ew", datatype="double", description="negative"),
    )
    arrays = [pa.array(texts), pa.array([-4.13] * 5)]
    rows = pa.RecordBatch.from_arrays(arrays, names=["name", "ew"])
    result = Result(columns=columns, batches=[rows], limit=10)
    read = list(csv.reader(io.StringIO(written(name, result).decode(), newline=""), delimiter=separator))
    assert read[1:] == [[text, "-4.13"] for text in texts]


def test_csv_distinguishes_null_from_empty_and_quotes(make_result: MakeResult) -> None:
    lines = written("csv", make_result()).decode()
    rows = list(csv.DictReader(io.StringIO(lines, newline="")))
    assert rows[3]["name"] == 'comma, "quote" <&> \t line\r\nend'
    assert rows[0]["text"] == "čeština λ"
    assert [row["big"] for row in rows] == ["1", "", "-9223372036854775807", "9223372036854775807", "0"]
    assert float(rows[4]["exact"]) == -1.7976931348623157e308
    assert "\r\n,,," in lines  # NULL
    assert '\r\n"","",false' in lines  # empty text


def test_tsv_has_one_line_per_row_and_the_same_number_of_fields(make_result: MakeResult) -> None:
    lines = written("tsv", make_result()).decode().removesuffix("\r\n").split("\r\n")
    assert len(lines) == 6
    assert {line.count("\t") for line in lines} == {9}


def test_json_is_strict_and_states_the_columns(make_result: MakeResult) -> None:
    def refuse(constant: str) -> float:
        raise AssertionError(constant)

    answer = json.loads(written("json", make_result()), parse_constant=refuse)
    assert [column["name"] for column in answer["metadata"]][:3] == ["name", "text", "flag"]
    assert answer["metadata"][7]["unit"] == "deg"
    assert answer["data"][1] == [None] * 8 + [[3.0, None], None]
    assert answer["data"][3][0] == 'comma, "quote" <&> \t line\r\nend'
    assert answer["data"][2][6] is None  # NaN
    assert answer["data"][3][9] == [1, 2, 3]
    assert answer["status"] == {"query_status": "OK", "rows": 5}


def test_parquet_keeps_types_nulls_and_a_votable_description(make_result: MakeResult) -> None:
    result = make_result()
    file = pq.ParquetFile(io.BytesIO(written("parquet", result)))
    table = file.read()
    assert table["big"].to_pylist() == [1, None, -(2**63) + 1, 2**63 - 1, 0]
    assert table["text"].to_pylist()[3] == "astral 𝛼"
    assert table.schema.field("exact").metadata[b"ucd"] == b"pos.eq.ra"
    description = table.schema.metadata[b"IVOA.VOTable-Parquet.content"]
    fields = parse_single_table(io.BytesIO(description), verify="exception").fields
    assert [(field.name, field.datatype) for field in fields] == [
        (column.name, column.datatype) for column in result.columns
    ]


def test_fits_has_units_nulls_and_whole_blocks(make_result: MakeResult) -> None:
    content = written("fits", make_result())
    assert len(content) % 2880 == 0
    with fits.open(io.BytesIO(content)) as units:
        units.verify("exception")
        table = units[1]
        assert table.header["NAXIS2"] == 5
        assert table.columns["exact"].unit == "deg"
        assert table.header["TUCD8"] == "pos.eq.ra"
        assert table.data["big"].tolist()[2:4] == [-(2**63) + 1, 2**63 - 1]
        assert table.columns["big"].null == -(2**63)
        assert table.data["name"][0] == "plain"
        assert table.data["exact"][0] == 0.1
        assert table.data["pair"][0] == "1 2"


@pytest.mark.parametrize("format_name", [item.name for item in FORMATS])
def test_an_empty_result_is_still_a_table(format_name: str, make_result: MakeResult) -> None:
    full = make_result()
    empty = Result(columns=full.columns, batches=(), limit=10)
    content = written(format_name, empty)
    if format_name == "fits":
        with fits.open(io.BytesIO(content)) as units:
            assert len(units[1].data) == 0
            assert len(units[1].columns) == 10
    elif format_name == "parquet":
        assert pq.read_table(io.BytesIO(content)).num_columns == 10
    elif find_format(format_name).is_votable:
        assert len(parse_single_table(io.BytesIO(content), verify="exception").fields) == 10
    else:
        assert b"exact" in content


@pytest.mark.parametrize(("limit", "overflow"), [(0, True), (1, True), (4, True), (5, False), (6, False)])
def test_overflow_is_told_only_where_there_are_more_rows(
    limit: int, overflow: bool, make_result: MakeResult
) -> None:
    result = make_result(limit=limit)
    document = written("votable/td", result)
    assert document.count(b"<TR>") == min(limit, 5)
    assert (b'value="OVERFLOW"' in document) is overflow
    assert json.loads(written("json", make_result(limit=limit)))["status"] == {
        "query_status": "OVERFLOW" if overflow else "OK",
        "rows": min(limit, 5),
    }


@pytest.mark.parametrize("name", ["votable/b2", "votable/td"])
def test_a_votable_that_breaks_off_is_closed_and_says_so(name: str, make_result: MakeResult) -> None:
    result = make_result(rows_per_batch=2, fail_after=1)
    document = written(name, result)
    table = parse_single_table(io.BytesIO(document), verify="exception")
    assert len(table.array) == 2
    end = document.index(b"</TABLE>")
    assert b'value="ERROR"' in document[end:]
    assert b"time limit" in document[end:]
    assert "time limit" in result.failure


def test_a_fault_of_ours_is_told_without_what_it_was(make_result: MakeResult) -> None:
    result = make_result(rows_per_batch=2, fail_after=1, failure=OSError("/secret/disk is gone"))
    document = written("votable", result)
    assert b'value="ERROR"' in document[document.index(b"</TABLE>") :]
    assert b"secret" not in document


def test_a_csv_that_breaks_off_raises(make_result: MakeResult) -> None:
    with pytest.raises(UserError, match="time limit"):
        written("csv", make_result(fail_after=1))


def test_the_page_escapes_and_links(make_result: MakeResult) -> None:
    column = Column(name="<b>", datatype="char", arraysize="*", description='"quoted"')
    rows = pa.record_batch({"x": ['https://example.org/?a=1&b="2"', "<script>alert(1)</script>"]})
    page = written(
        "html", Result(columns=[column], batches=[rows], limit=9, infos={"QUERY": "a < b"})
    ).decode()
    assert '<a href="https://example.org/?a=1&amp;b=&quot;2&quot;">' in page
    assert "<script>" not in page
    assert "<b>" not in page
    assert "a &lt; b" in page


@pytest.mark.parametrize(
    ("wanted", "media_type"),
    [
        (None, "application/x-votable+xml"),
        ("votable", "application/x-votable+xml"),
        ("TEXT/XML", "text/xml"),
        (
            "application/x-votable+xml; serialization=tabledata",
            "application/x-votable+xml;serialization=TABLEDATA",
        ),
        ("csv", "text/csv;header=present"),
        ("text/csv", "text/csv"),
        ("FITS", "application/fits"),
    ],
)
def test_the_answer_bears_the_media_type_that_was_asked_for(wanted: str | None, media_type: str) -> None:
    assert find_format(wanted).media_type == media_type


def test_an_unknown_format_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UserError, match=r"xlsx.*votable.*parquet"):
        find_format("xlsx")


def test_database_types_are_brought_to_the_declared_ones() -> None:
    batch = pa.record_batch(
        {
            "sum": pa.array([1, 2], pa.decimal128(38, 0)),
            "mean": pa.array([1, None], pa.decimal128(10, 2)),
            "when": pa.array([0, 1], pa.timestamp("s")),
        }
    )
    columns = [
        Column(name="sum", datatype="long", description=""),
        Column(name="mean", datatype="double", description=""),
        Column(name="when", datatype="char", arraysize="*", xtype="timestamp", description=""),
    ]
    made = conform(batch, columns)
    assert [str(kind) for kind in made.schema.types] == ["int64", "double", "string"]
    assert made.column(2).to_pylist()[1] == "1970-01-01T00:00:01"

"""Uploads: every legal table comes through, and nothing else."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from astropy.io.votable import from_table
from astropy.io.votable.tree import Field, Resource, TableElement, VOTableFile
from astropy.table import MaskedColumn, Table

from service.config import Settings
from service.tap.upload_readers import decode_table, encode_table, read_table
from vo_emline.errors import UserError

SETTINGS = Settings(upload_rows=1000, upload_bytes=200_000)


def read(
    tmp_path: Path, content: bytes, settings: Settings = SETTINGS
) -> tuple[dict[str, Any], dict[str, list[Any]]]:
    """Read an upload; give its columns by name, and its values by name."""
    path = tmp_path / "upload"
    path.write_bytes(content)
    limits = {"max_bytes": settings.upload_bytes, "max_rows": settings.upload_rows}
    columns, rows = read_table(path, name="t1", **limits)
    again, same = decode_table(b"".join(encode_table(str(path), "t1", *limits.values())))
    assert (again, same) == (columns, rows)  # also after the way from one process to another
    return {column.name: column for column in columns}, rows.to_pydict()


def refused(tmp_path: Path, content: bytes, settings: Settings = SETTINGS) -> str:
    """Read an upload that must be refused; give the message."""
    with pytest.raises(UserError) as caught:
        read(tmp_path, content, settings)
    return str(caught.value)


@pytest.mark.parametrize("serialization", ["tabledata", "binary", "binary2"])
def test_a_votable_of_every_type_comes_through(tmp_path: Path, serialization: str) -> None:
    document = VOTableFile(version="1.4")
    table = TableElement(document)
    kinds = {
        "flag": ("boolean", None, True), "byte": ("unsignedByte", None, 255), "short": ("short", None, -7),
        "int": ("int", None, 70000), "long": ("long", None, 2**40), "single": ("float", None, 1.5),
        "real": ("double", None, 0.1), "text": ("char", "*", "abc"), "fixed": ("char", "5", "abcde"),
        "wide": ("unicodeChar", "*", "λé"), "vector": ("double", "3", [1.0, 2.0, 3.0]),
        "ragged": ("int", "*", np.ma.array([4, 5], dtype="i4")), "complex": ("doubleComplex", None, 1 + 2j),
    }  # fmt: skip
    if serialization != "tabledata":
        del kinds["ragged"]  # astropy cannot write it masked
    for name, (datatype, arraysize, _) in kinds.items():
        table.fields.append(Field(document, name=name, ID=name, datatype=datatype, arraysize=arraysize))
    table.create_arrays(2)
    for name, (*_, value) in kinds.items():
        table.array[name][0] = value
    table.array.mask[1] = tuple(
        [serialization != "binary" or not kinds[name][0].startswith(("s", "i", "l", "u")) for name in kinds]
    )
    resource = Resource()
    resource.tables.append(table)
    document.resources.append(resource)
    buffer = io.BytesIO()
    document.to_xml(buffer, tabledata_format=serialization)

    columns, values = read(tmp_path, buffer.getvalue())

    other = {
        "byte": "short", "real": "double", "text": "char", "fixed": "char", "vector": "double",
        "flag": "boolean", "single": "float", "wide": "unicodeChar", "ragged": "int", "complex": "double",
    }  # fmt: skip
    assert {name: column.datatype for name, column in columns.items()} == {
        name: other.get(name, name) for name in kinds
    }
    firsts = {name: cells[0] for name, cells in values.items()}
    assert firsts["vector"] == [1.0, 2.0, 3.0]
    assert firsts["complex"] == [1.0, 2.0]
    assert firsts["wide"] == "λé"
    assert firsts["long"] == 2**40
    assert columns["vector"].arraysize == "3"
    if "ragged" in kinds:
        assert (columns["ragged"].arraysize, firsts["ragged"]) == ("*", [4, 5])


def test_metadata_of_a_votable_is_kept(tmp_path: Path) -> None:
    document = VOTableFile(version="1.4")
    table = TableElement(document)
    field = Field(document, name="when", datatype="char", arraysize="*", ucd="time.epoch", xtype="timestamp")
    field.description = "of the exposure"
    table.fields.extend([field, Field(document, name="v", datatype="float", unit="km/s", utype="a:b.c")])
    table.create_arrays(1)
    table.array["when"][0] = "2026-11-22T00:00:00"
    resource = Resource()
    resource.tables.append(table)
    document.resources.append(resource)
    buffer = io.BytesIO()
    document.to_xml(buffer)
    columns, _ = read(tmp_path, buffer.getvalue())
    assert (columns["when"].xtype, columns["when"].ucd) == ("timestamp", "time.epoch")
    assert columns["when"].description == "of the exposure"
    assert (columns["v"].unit, columns["v"].utype) == ("km.s**-1", "a:b.c")


def test_a_fits_table_comes_through_with_its_nulls(tmp_path: Path) -> None:
    table = Table(
        {
            "name": ["α Lyr".encode("ascii", "replace").decode(), "b"],
            "ra": [1.5, 2.5],
            "n": MaskedColumn(np.array([1, 2], dtype=np.int16), mask=[False, True]),
            "v": np.arange(6.0).reshape(2, 3),
        },
        units={"ra": "deg"},
    )
    buffer = io.BytesIO()
    table.write(buffer, format="fits")
    columns, values = read(tmp_path, buffer.getvalue())
    assert columns["ra"].unit == "deg"
    assert values["n"] == [1, None]
    assert values["v"] == [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]
    assert values["name"][1] == "b"


def test_a_csv_comes_through_with_types_and_nulls(tmp_path: Path) -> None:
    columns, values = read(
        tmp_path, 'ra,name,n,ok,day\n1.5,čeština,1,true,2026-11-22\n,"",,false,\n'.encode()
    )
    assert {name: column.datatype for name, column in columns.items()} == {
        "ra": "double", "name": "unicodeChar", "n": "long", "ok": "boolean", "day": "char",
    }  # fmt: skip
    assert values["ra"] == [1.5, None]
    assert values["name"] == ["čeština", ""]
    assert values["day"] == ["2026-11-22", None]


def test_names_that_differ_only_by_case_are_told_apart(tmp_path: Path) -> None:
    columns, _ = read(tmp_path, b"RA,ra,Ra_2,odd name;--\n1,2,3,4\n")
    assert list(columns) == ["RA", "ra_2", "Ra_2_2", "odd name;--"]


BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaa"><!ENTITY b "&a;&a;&a;">]><VOTABLE>&b;</VOTABLE>'
)
EXTERNAL = b'<?xml version="1.0"?><!DOCTYPE x SYSTEM "file:///etc/passwd"><VOTABLE/>'
HEAD = b'<VOTABLE version="1.4"><RESOURCE><TABLE><FIELD name="a" datatype="int"/>'


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (BOMB, "DOCTYPE"),
        (EXTERNAL, "DOCTYPE"),
        (
            HEAD
            + b'<DATA><BINARY2><STREAM href="file:///etc/passwd"/></BINARY2></DATA></TABLE></RESOURCE></VOTABLE>',
            "href",
        ),
        (
            HEAD
            + b'<DATA><FITS><STREAM href="http://127.0.0.1/x"/></FITS></DATA></TABLE></RESOURCE></VOTABLE>',
            "href",
        ),
        (
            HEAD
            + b'<DATA><BINARY><STREAM encoding="gzip">AAAA</STREAM></BINARY></DATA>'
            + b"</TABLE></RESOURCE></VOTABLE>",
            "base64",
        ),
        (b"<html><body>no table</body></html>", "no VOTable"),
        (b"<VOTABLE><RESOURCE>", "well-formed"),
        (b"<VOTABLE>" * 200, "nested"),
        (b"<VOTABLE version='1.4'><RESOURCE/></VOTABLE>", "cannot be read"),
        (b"", "cannot be read"),
        (b"\x89PNG\r\n\x1a\n\0\0", "t1"),
        (b"a,b\n1\n", "cannot be read"),
        (b"SIMPLE  =                    T" + b" " * 50 + b"END", "cannot be read"),
    ],
)
def test_what_is_no_table_or_dangerous_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    assert said in refused(tmp_path, content)


def test_rows_columns_and_bytes_are_limited(tmp_path: Path) -> None:
    rows = b"<TR><TD>1</TD></TR>" * 1001
    document = HEAD + b"<DATA><TABLEDATA>" + rows + b"</TABLEDATA></DATA></TABLE></RESOURCE></VOTABLE>"
    assert "more than 1000 rows" in refused(tmp_path, document)
    assert "more than 1000 rows" in refused(tmp_path, b"a\n" + b"1\n" * 1001)
    fields = b'<FIELD name="a" datatype="int"/>' * 2001
    assert "columns" in refused(
        tmp_path, b"<VOTABLE><RESOURCE><TABLE>" + fields + b"</TABLE></RESOURCE></VOTABLE>"
    )
    assert "200000 bytes" in refused(tmp_path, b"a\n" + b"1\n" * 100_001)
    table = Table({"a": np.arange(1001)})
    buffer = io.BytesIO()
    table.write(buffer, format="fits")
    assert "1001 rows; 1000 is the most" in refused(tmp_path, buffer.getvalue())
    buffer = io.BytesIO()
    from_table(table).to_xml(buffer, tabledata_format="binary2")
    assert "more than 1000 rows" in refused(tmp_path, buffer.getvalue())


def test_a_fits_image_is_no_table(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    fits.PrimaryHDU(np.zeros((2, 2))).writeto(buffer)
    assert "no table" in refused(tmp_path, buffer.getvalue())

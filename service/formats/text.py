"""Rows as text: CSV, TSV, JSON, and a page for a look at a result in the browser."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from html import escape
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from service.formats.cells import boolean_text, join_rows, list_text, number_text, xml_text
from service.formats.result import Encode, Result
from vo_emline.tables import Column

TextWriter = Callable[[pa.Array], pa.Array]


def write_csv(result: Result) -> Iterator[bytes]:
    """Give `result` as CSV (RFC 4180); NULL is an empty field, empty text is ``""``."""
    yield from _delimited(result, csv_rows, _quoted_text, separator=",")


def write_tsv(result: Result) -> Iterator[bytes]:
    """Give `result` as TSV (IANA text/tab-separated-values): tabs and line ends in text become spaces."""
    yield from _delimited(result, tsv_rows, _flat_text, separator="\t")


def csv_rows(batch: pa.RecordBatch, columns: Sequence[Column]) -> bytes:
    """Give rows as lines of CSV."""
    return _lines(batch, columns, _quoted_text, separator=",")


def tsv_rows(batch: pa.RecordBatch, columns: Sequence[Column]) -> bytes:
    """Give rows as lines of TSV."""
    return _lines(batch, columns, _flat_text, separator="\t")


def _delimited(result: Result, encode: Encode, text: TextWriter, *, separator: str) -> Iterator[bytes]:
    names = text(pa.array([column.name for column in result.columns]))
    yield (separator.join(names.to_pylist()) + "\r\n").encode()
    yield from result.encoded(encode)


def _lines(batch: pa.RecordBatch, columns: Sequence[Column], text: TextWriter, *, separator: str) -> bytes:
    cells = [
        _delimited_cell(array, column, text) for array, column in zip(batch.columns, columns, strict=True)
    ]
    return join_rows(cells, start="", separator=separator, end="\r\n")


def _delimited_cell(array: pa.Array, column: Column, text: TextWriter) -> pa.Array:
    if column.is_text:
        return text(array)
    return plain_cell(array, column)


def plain_cell(array: pa.Array, column: Column) -> pa.Array:
    """Write numbers, booleans or arrays of them as text; NULL is empty."""
    if column.is_array:
        return list_text(array, partial(_delimited_scalar, column=column), separator=" ", null="")
    return _delimited_scalar(array, column=column)


def _delimited_scalar(array: pa.Array, *, column: Column) -> pa.Array:
    if column.datatype == "boolean":
        return boolean_text(array, null="")
    return number_text(array, nan="NaN", infinity="Infinity", null="")


def _quoted_text(array: pa.Array) -> pa.Array:
    inner = pc.replace_substring(array, '"', '""')
    quoted = pc.binary_join_element_wise(pa.scalar('"'), inner, pa.scalar('"'), "")
    needs = pc.or_(pc.equal(array, ""), pc.match_substring_regex(array, '[",\r\n]'))
    return pc.fill_null(pc.if_else(needs, quoted, array), "")


def _flat_text(array: pa.Array) -> pa.Array:
    return pc.fill_null(pc.replace_substring_regex(array, "[\t\r\n]+", " "), "")


def write_json(result: Result) -> Iterator[bytes]:
    """Give `result` as one JSON object; NULL, NaN and infinities are ``null``."""
    metadata = json.dumps([describe(column) for column in result.columns], ensure_ascii=False)
    yield f'{{"metadata": {metadata},\n"data": ['.encode()
    start = b"\n"
    for rows in result.encoded(json_rows):
        yield start
        yield rows
        start = b",\n"
    status = {"query_status": "OVERFLOW" if result.overflow else "OK", "rows": result.delivered}
    yield f'\n],\n"status": {json.dumps(status)}}}\n'.encode()


def json_rows(batch: pa.RecordBatch, columns: Sequence[Column]) -> bytes:
    """Give rows as JSON arrays, a comma between them."""
    cells = [_json_cell(array, column) for array, column in zip(batch.columns, columns, strict=True)]
    return join_rows(cells, start="[", separator=", ", end="],\n")[:-2]


def describe(column: Column) -> dict[str, Any]:
    """Give the facts about a column that are known, as a JSON object."""
    names = ("name", "datatype", "arraysize", "unit", "ucd", "utype", "xtype", "description")
    return {name: value for name in names if (value := getattr(column, name))}


def _json_cell(array: pa.Array, column: Column) -> pa.Array:
    if column.is_text:
        return _json_text(array)
    if column.is_array:
        joined = list_text(array, partial(_json_scalar, column=column), separator=", ", null="")
        listed = pc.binary_join_element_wise(pa.scalar("["), joined, pa.scalar("]"), "")
        return pc.if_else(array.is_valid(), listed, "null")
    return _json_scalar(array, column=column)


def _json_scalar(array: pa.Array, *, column: Column) -> pa.Array:
    if column.datatype == "boolean":
        return boolean_text(array, null="null")
    if column.datatype in ("float", "double"):
        array = pc.if_else(pc.is_finite(array), array, None)
    return number_text(array, nan="null", infinity="null", null="null")


def _json_text(array: pa.Array) -> pa.Array:
    if pc.any(pc.match_substring_regex(array, r'["\\\x00-\x1f]')).as_py():
        written = [
            None if value is None else json.dumps(value, ensure_ascii=False) for value in array.to_pylist()
        ]
        quoted = pa.array(written, pa.string())
    else:
        quoted = pc.binary_join_element_wise(pa.scalar('"'), array, pa.scalar('"'), "")
    return pc.fill_null(quoted, "null")


_PAGE: Final = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Result</title>
<style>
:root { color-scheme: light dark; }
body { font: 15px/1.45 system-ui, sans-serif; margin: 1.2rem; }
pre { background: color-mix(in srgb, currentColor 7%, transparent); }
pre { padding: 0.7rem 0.9rem; border-radius: 6px; overflow-x: auto; }
table { border-collapse: collapse; font-size: 0.9rem; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: 0.25rem 0.8rem 0.25rem 0; white-space: nowrap; }
th, td { border-bottom: 1px solid color-mix(in srgb, currentColor 18%, transparent); }
th { position: sticky; top: 0; background: Canvas; }
th small { display: block; font-weight: normal; opacity: 0.7; }
</style>
</head>
<body>
"""


def write_html(result: Result) -> Iterator[bytes]:
    """Give `result` as a page: the query, the rows, links where a column holds addresses."""
    heads = "".join(_html_head(column) for column in result.columns)
    query = f"<pre>{escape(result.infos['QUERY'])}</pre>\n" if "QUERY" in result.infos else ""
    yield f"{_PAGE}{query}<table>\n<thead><tr>{heads}</tr></thead>\n<tbody>\n".encode()
    yield from result.encoded(html_rows)
    more = f"; there are more: only the first {result.limit} are shown" if result.overflow else ""
    yield f"</tbody>\n</table>\n<p>{result.delivered} rows{more}.</p>\n</body>\n</html>\n".encode()


def _html_head(column: Column) -> str:
    unit = f"<small>{escape(column.unit)}</small>" if column.unit else ""
    return f'<th title="{escape(column.description)}">{escape(column.name)}{unit}</th>'


def html_rows(batch: pa.RecordBatch, columns: Sequence[Column]) -> bytes:
    """Give rows as those of an HTML table."""
    cells = [_html_cell(array, column) for array, column in zip(batch.columns, columns, strict=True)]
    return join_rows(cells, start="<tr><td>", separator="</td><td>", end="</td></tr>\n")


def _html_cell(array: pa.Array, column: Column) -> pa.Array:
    if not column.is_text:
        return plain_cell(array, column)
    text = pc.replace_substring(xml_text(array), '"', "&quot;")
    linked = pc.binary_join_element_wise(
        pa.scalar('<a href="'), text, pa.scalar('">'), text, pa.scalar("</a>"), ""
    )
    return pc.if_else(pc.match_substring_regex(text, r"^https?://[^\s]+$"), linked, text)

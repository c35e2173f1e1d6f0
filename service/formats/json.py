"""Rows as JSON: ``{"metadata": [columns], "data": [[row], …], "status": …}``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from service.formats.cells import boolean_text, join_rows, list_text, number_text
from service.formats.result import Result
from vo_emline.tables import Column


def write_json(result: Result) -> Iterator[bytes]:
    """Give `result` as one JSON object; NULL, NaN and infinities are ``null``."""
    metadata = json.dumps([describe(column) for column in result.columns], ensure_ascii=False)
    yield f'{{"metadata": {metadata},\n"data": ['.encode()
    start = "\n"
    for batch in result.rows():
        cells = [_cell(array, column) for array, column in zip(batch.columns, result.columns, strict=True)]
        rows = join_rows(cells, start="[", separator=", ", end="],\n")
        yield start.encode() + rows[:-2]
        start = ",\n"
    status = {"query_status": "OVERFLOW" if result.overflow else "OK", "rows": result.delivered}
    yield f'\n],\n"status": {json.dumps(status)}}}\n'.encode()


def describe(column: Column) -> dict[str, Any]:
    """Give the facts about a column that are known, as a JSON object."""
    names = ("name", "datatype", "arraysize", "unit", "ucd", "utype", "xtype", "description")
    return {name: value for name in names if (value := getattr(column, name))}


def _cell(array: pa.Array, column: Column) -> pa.Array:
    if column.is_text:
        return _text(array)
    if column.is_array:
        joined = list_text(array, partial(_plain, column=column), separator=", ", null="")
        listed = pc.binary_join_element_wise(pa.scalar("["), joined, pa.scalar("]"), "")
        return pc.if_else(array.is_valid(), listed, "null")
    return _plain(array, column=column)


def _plain(array: pa.Array, *, column: Column) -> pa.Array:
    if column.datatype == "boolean":
        return boolean_text(array, null="null")
    if column.datatype in ("float", "double"):
        array = pc.if_else(pc.is_finite(array), array, None)
    return number_text(array, nan="null", infinity="null", null="null")


def _text(array: pa.Array) -> pa.Array:
    if pc.any(pc.match_substring_regex(array, r'["\\\x00-\x1f]')).as_py():
        written = [
            None if value is None else json.dumps(value, ensure_ascii=False) for value in array.to_pylist()
        ]
        quoted = pa.array(written, pa.string())
    else:
        quoted = pc.binary_join_element_wise(pa.scalar('"'), array, pa.scalar('"'), "")
    return pc.fill_null(quoted, "null")

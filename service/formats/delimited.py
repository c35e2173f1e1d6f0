"""Rows as comma- or tab-separated text, UTF-8, with a line of column names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc

from service.formats.cells import boolean_text, join_rows, list_text, number_text
from service.formats.result import Result
from vo_emline.tables import Column

TextWriter = Callable[[pa.Array], pa.Array]


def write_csv(result: Result) -> Iterator[bytes]:
    """Give `result` as CSV (RFC 4180); NULL is an empty field, empty text is ``""``."""
    yield from _write(result, _quoted_text, separator=",")


def write_tsv(result: Result) -> Iterator[bytes]:
    """Give `result` as TSV (IANA text/tab-separated-values): tabs and line ends in text become spaces."""
    yield from _write(result, _flat_text, separator="\t")


def _write(result: Result, text: TextWriter, *, separator: str) -> Iterator[bytes]:
    names = text(pa.array([column.name for column in result.columns]))
    yield (separator.join(names.to_pylist()) + "\r\n").encode()
    for batch in result.rows():
        cells = [
            _cell(array, column, text) for array, column in zip(batch.columns, result.columns, strict=True)
        ]
        yield join_rows(cells, start="", separator=separator, end="\r\n")


def _cell(array: pa.Array, column: Column, text: TextWriter) -> pa.Array:
    if column.is_text:
        return text(array)
    return plain_cell(array, column)


def plain_cell(array: pa.Array, column: Column) -> pa.Array:
    """Write numbers, booleans or arrays of them as text; NULL is empty."""
    if column.is_array:
        return list_text(array, partial(_plain, column=column), separator=" ", null="")
    return _plain(array, column=column)


def _plain(array: pa.Array, *, column: Column) -> pa.Array:
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

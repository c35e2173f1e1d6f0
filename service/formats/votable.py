"""A whole VOTable, streamed: header, rows in either serialisation, and an honest end."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Final

import pyarrow as pa
from astropy.io.votable.tree import Resource

from service.errors import INTERNAL, StoppedError
from service.formats.cells import boolean_text, join_rows, list_text, number_text, xml_text
from service.formats.header import frame, trailing_info
from service.formats.result import Result
from service.urls import Urls
from vo_emline.candidates.votable import ascii_text, base64_text, encode
from vo_emline.errors import UserError
from vo_emline.tables import KINDS, Column

Descriptor = Callable[[Sequence[Column], Urls], Sequence[Resource]]
"""Gives the ``RESOURCE type="meta"`` elements that belong to a result with these columns.

Each FIELD of a result has its column's name as ID where that is unique and a
legal XML name (see :func:`vo_emline.candidates.votable.field_ids`), so that a
descriptor may refer to ``ref="obs_publisher_did"``. A descriptor gives an
empty sequence where the result lacks the column it needs. Columns that a
query renamed keep their UCD and utype.
"""


logger = logging.getLogger(__name__)

INTERRUPTED: Final = "The rows end here because the query failed on the way"


def write_binary2(result: Result) -> Iterator[bytes]:
    """Give `result` as a VOTable in BINARY2, piece by piece."""
    rows = base64_text(result.encoded(encode))
    return _document(result, rows, opening=b"<BINARY2>\n<STREAM encoding=\"base64\">\n",
                  closing=b"</STREAM>\n</BINARY2>")  # fmt: skip


def write_tabledata(result: Result) -> Iterator[bytes]:
    """Give `result` as a VOTable in TABLEDATA, piece by piece."""
    rows = result.encoded(tabledata_rows)
    return _document(result, rows, opening=b"<TABLEDATA>\n", closing=b"</TABLEDATA>")


def _document(result: Result, rows: Iterator[bytes], *, opening: bytes, closing: bytes) -> Iterator[bytes]:
    before, after = frame(result.columns, infos=result.infos, resources=result.resources)
    yield before + b"<DATA>\n" + opening
    status = b""
    try:
        yield from rows
    except StoppedError:
        raise
    except Exception as error:
        # The header has left: the only way to tell is inside the document.
        ours = not isinstance(error, UserError)
        level = logging.ERROR if ours else logging.WARNING
        logger.log(level, "a result broke off after %d rows: %s", result.delivered, error, exc_info=ours)
        result.failure = f"{INTERRUPTED}: {INTERNAL if ours else error}"
        status = trailing_info("ERROR", result.failure)
    if result.overflow and not status:
        status = trailing_info("OVERFLOW", f"only the first {result.limit} rows are given (MAXREC)")
    yield closing + b"\n</DATA>\n</TABLE>\n" + status + b"</RESOURCE>" + after


def tabledata_rows(batch: pa.RecordBatch, columns: Sequence[Column]) -> bytes:
    """Give the ``TR`` elements of `batch`; NULL is an empty cell."""
    cells = [_cell(array, column) for array, column in zip(batch.columns, columns, strict=True)]
    return join_rows(cells, start="<TR><TD>", separator="</TD><TD>", end="</TD></TR>\n")


def _cell(array: pa.Array, column: Column) -> pa.Array:
    if column.is_array:
        return list_text(
            array, partial(_scalar, column=column, null=KINDS[column.datatype].blank), separator=" ", null=""
        )
    return _scalar(array, column=column, null="")


def _scalar(array: pa.Array, *, column: Column, null: str) -> pa.Array:
    match column.datatype:
        case "char":
            return ascii_text(xml_text(array))
        case "unicodeChar":
            return xml_text(array)
        case "boolean":
            return boolean_text(array, null=null)
        case _:
            return number_text(array, nan="NaN", infinity="Inf", null=null)

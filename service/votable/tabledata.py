"""Rows as TABLEDATA (VOTable 1.4, section 5.1), whole batches at once."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

import pyarrow as pa

from service.formats.cells import boolean_text, join_rows, list_text, number_text, xml_text
from vo_emline.candidates.votable import ascii_text
from vo_emline.tables import Column

MISSING: Final = {"boolean": "?", "short": "0", "int": "0", "long": "0", "float": "NaN", "double": "NaN"}
"""What stands for a missing element of an array, for which VOTable has nothing better."""


def encode(batch: pa.RecordBatch, columns: Sequence[Column]) -> bytes:
    """Give the ``TR`` elements of `batch`; NULL is an empty cell."""
    cells = [_cell(array, column) for array, column in zip(batch.columns, columns, strict=True)]
    return join_rows(cells, start="<TR><TD>", separator="</TD><TD>", end="</TD></TR>\n")


def _cell(array: pa.Array, column: Column) -> pa.Array:
    if column.is_array:
        return list_text(
            array, partial(_scalar, column=column, null=MISSING[column.datatype]), separator=" ", null=""
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

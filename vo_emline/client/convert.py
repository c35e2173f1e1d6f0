"""Astropy tables into other shapes: Arrow, and files of every kind."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from astropy.table import Column as AstropyColumn
from astropy.table import Table

from vo_emline.tables import Column, Datatype
from vo_emline.tables import Table as Description

if TYPE_CHECKING:
    import pyarrow as pa

_DATATYPES: Final[dict[str, Datatype]] = {
    "b1": "boolean", "i2": "short", "i4": "int", "i8": "long", "f4": "float", "f8": "double",
}  # fmt: skip


def to_arrow(table: Table) -> pa.Table:
    """Turn an astropy table into Arrow: masked values become NULL, units and UCDs field metadata."""
    import pyarrow as pa

    arrays = [_arrow_array(table[name]) for name in table.colnames]
    fields = [
        pa.field(name, array.type, metadata=_metadata(table[name]))
        for name, array in zip(table.colnames, arrays, strict=True)
    ]
    return pa.table(arrays, schema=pa.schema(fields))


def to_csv(table: Table) -> str:
    """Write an astropy table as CSV; masked values are empty."""
    from pyarrow import csv

    stream = io.BytesIO()
    csv.write_csv(to_arrow(table), stream, csv.WriteOptions(quoting_style="needed"))
    return stream.getvalue().decode()


def describe(table: Table, *, name: str) -> Description:
    """Describe the columns of an astropy table the way published tables are described."""
    columns = tuple(_describe(table[column]) for column in table.colnames)
    return Description(
        schema="", name=name, description=str(table.meta.get("description", "")), columns=columns
    )


def write(table: Table, path: Path, *, name: str = "results") -> None:
    """Write an astropy table, in one step, in the format of the suffix.

    Raises
    ------
    UserError
        The suffix is not one of those of :mod:`vo_emline.candidates.output`.
    """
    from vo_emline.candidates.output import write_table

    write_table(to_arrow(table), path, description=describe(table, name=name))


def _is_text(column: AstropyColumn) -> bool:
    return column.dtype.kind in "OUS"


def _arrow_array(column: AstropyColumn) -> pa.Array:
    import pyarrow as pa

    mask = np.asarray(getattr(column, "mask", np.zeros(len(column), bool)))
    if _is_text(column):
        values = [None if masked else _text(value) for value, masked in zip(column, mask, strict=True)]
        return pa.array(values, pa.string())
    return pa.array(np.asarray(column), mask=mask)


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _metadata(column: AstropyColumn) -> dict[str, str] | None:
    known = {
        "unit": str(column.unit or ""),
        "ucd": str(column.meta.get("ucd") or ""),
        "utype": str(column.meta.get("utype") or ""),
        "description": column.description or "",
    }
    return {key: text for key, text in known.items() if text} or None


def _describe(column: AstropyColumn) -> Column:
    textual = _is_text(column)
    return Column(
        name=column.name,
        datatype="unicodeChar" if textual else _DATATYPES.get(column.dtype.str[1:], "double"),
        arraysize="*" if textual else None,
        unit=str(column.unit) if column.unit else None,
        ucd=column.meta.get("ucd"),
        utype=column.meta.get("utype"),
        description=column.description or "",
    )

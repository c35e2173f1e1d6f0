"""From the columns of an uploaded file to described Arrow columns."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from vo_emline.errors import UserError
from vo_emline.tables import KINDS, Column, Datatype

Described = tuple[Column, pa.Array | pa.ChunkedArray]

_WIDENED: Final[dict[str, Datatype]] = {"bit": "boolean", "unsignedByte": "short"}
"""Type in which a query sees the VOTable types it has no equal for."""


def from_field(field: Any, values: np.ma.MaskedArray[Any, Any], *, name: str, unit: str | None) -> Described:
    """Describe and convert a column of a VOTable.

    Parameters
    ----------
    field
        astropy's FIELD.
    values
        Its masked values, shape (rows, …).
    name
        Name to use.
    unit
        Unit as the document writes it (astropy would write it in another way).
    """
    facts = {
        "unit": unit, "ucd": _text(field.ucd), "utype": _text(field.utype), "xtype": _text(field.xtype),
        "description": _text(field.description) or "",
    }  # fmt: skip
    if field.datatype in ("char", "unicodeChar"):
        return _text_column(values, name=name, facts=facts)
    declared = _WIDENED.get(field.datatype, field.datatype if field.datatype in KINDS else None)
    return _number_column(values, name=name, facts=facts, arraysize=field.arraysize, datatype=declared)


def from_fits(column: Any, *, name: str, unit: str | None) -> Described:
    """Describe and convert a column of a FITS table, read by astropy; `unit` as the header writes it."""
    facts = {"unit": unit, "description": _text(column.description) or ""}
    values = np.ma.asarray(column)
    if values.dtype.kind in "SU":
        return _text_column(values, name=name, facts=facts)
    return _number_column(values, name=name, facts=facts)


def from_arrow(values: pa.ChunkedArray, *, name: str) -> Described:
    """Describe and convert a column of a CSV file."""
    kind = values.type
    datatype: Datatype
    if pa.types.is_boolean(kind):
        datatype = "boolean"
    elif pa.types.is_integer(kind):
        datatype = "long"
    elif pa.types.is_floating(kind):
        datatype = "double"
    else:
        return _described_text(values.cast(pa.string()), name=name, facts={"description": ""})
    return Column(name=name, datatype=datatype, description=""), values


def _text_column(values: np.ma.MaskedArray[Any, Any], *, name: str, facts: dict[str, Any]) -> Described:
    if values.ndim > 1:
        raise UserError(f"UPLOAD: column {name} is an array of texts, which a query cannot use; drop it")
    known = ~np.ma.getmaskarray(values)
    texts = [_decode(value) if valid else None for value, valid in zip(values.data, known, strict=True)]
    return _described_text(pa.array(texts, pa.string()), name=name, facts=facts)


def _described_text(texts: pa.Array | pa.ChunkedArray, *, name: str, facts: dict[str, Any]) -> Described:
    plain = pc.all(pc.string_is_ascii(texts)).as_py() is not False
    return Column(name=name, datatype="char" if plain else "unicodeChar", arraysize="*", **facts), texts


def _number_column(
    values: np.ma.MaskedArray[Any, Any],
    *,
    name: str,
    facts: dict[str, Any],
    arraysize: str | None = None,
    datatype: Datatype | None = None,
) -> Described:
    if values.dtype == object:
        return _ragged_column(values, name=name, facts=facts, datatype=datatype)
    if values.dtype.kind == "c":
        values = _split_complex(values)
        arraysize = None
    datatype = _datatype(values.dtype, name)
    if values.ndim == 1:
        array = pa.array(_native(values.data), mask=np.ma.getmaskarray(values))
        return Column(name=name, datatype=datatype, **facts), array
    shape = (
        arraysize
        if arraysize and not arraysize.endswith("*")
        else "x".join(map(str, reversed(values.shape[1:])))
    )
    return Column(name=name, datatype=datatype, arraysize=shape, **facts), _lists(values, datatype)


def _ragged_column(
    values: np.ma.MaskedArray[Any, Any], *, name: str, facts: dict[str, Any], datatype: Datatype | None
) -> Described:
    """Convert arrays of varying length (VOTable ``*``, FITS ``P``)."""
    rows = [np.ma.asarray(value).ravel() for value in values.data]
    kinds = {row.dtype for row in rows if row.size} or {np.dtype(float)}
    datatype = datatype or _datatype(np.result_type(*kinds), name)
    lists = [row.tolist() if row.size else None for row in rows]
    array = pa.array(lists, pa.list_(pa.type_for_alias(KINDS[datatype].arrow)))
    return Column(name=name, datatype=datatype, arraysize="*", **facts), array


def _lists(values: np.ma.MaskedArray[Any, Any], datatype: Datatype) -> pa.Array:
    rows = len(values)
    flat = values.reshape(rows, -1)
    elements = pa.array(_native(flat.data.ravel()), mask=np.ma.getmaskarray(flat).ravel())
    offsets = pa.array(np.arange(rows + 1, dtype=np.int32) * (flat.shape[1] if rows else 0))
    return pa.ListArray.from_arrays(offsets, elements.cast(KINDS[datatype].arrow))


def _split_complex(values: np.ma.MaskedArray[Any, Any]) -> np.ma.MaskedArray[Any, Any]:
    """Turn complex numbers into pairs of real and imaginary part along a new last axis."""
    return np.ma.stack([values.real, values.imag], axis=-1)


def _datatype(dtype: np.dtype[Any], name: str) -> Datatype:
    """Give the narrowest type that holds every value; `uint64`, which none does, counts as long."""
    if dtype == np.uint64:
        return "long"
    for datatype, kind in KINDS.items():
        if kind.numpy and dtype.kind in "biuf" and np.can_cast(dtype, kind.numpy):
            return datatype
    raise UserError(f"UPLOAD: column {name} has a type a query cannot use ({dtype}); drop it")


def _native(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return values.astype(values.dtype.newbyteorder("="))


def _decode(value: Any) -> str:
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return text.rstrip("\0")


def _text(value: Any) -> str | None:
    return None if value is None else str(value)

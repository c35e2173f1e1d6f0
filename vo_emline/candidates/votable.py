"""A described table as a VOTable, written as a stream: the rows may be more than the memory holds.

Rows become BINARY2 (VOTable 1.4, section 5.4) whole batches at once: every
column becomes a column of byte strings, and Arrow joins them row by row.
"""

from __future__ import annotations

import binascii
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final
from xml.etree.ElementTree import Element, SubElement, indent, tostring

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from vo_emline.tables import KINDS, Column, Table

Bytes = npt.NDArray[np.uint8]

_DTYPES: Final = {
    name: np.dtype("S1" if name == "boolean" else f">{kind.numpy}")
    for name, kind in KINDS.items()
    if kind.numpy
}
_NO_VALUE: Final = {"float": np.nan, "double": np.nan}


def encode(batch: pa.RecordBatch, columns: Sequence[Column]) -> bytes:
    """Give the rows of `batch` as a BINARY2 stream, not yet in base64."""
    if not batch.num_rows:
        return b""
    blocks: list[Bytes] = [_null_flags(batch)]
    pieces: list[pa.Array] = []
    for array, column in zip(batch.columns, columns, strict=True):
        for part in _pieces(array, column):
            if isinstance(part, np.ndarray):
                blocks.append(part)
                continue
            pieces += [_fixed(blocks), part]
            blocks = []
    if blocks:
        pieces.append(_fixed(blocks))
    if len(pieces) == 1:
        return contiguous(pieces[0])
    return contiguous(pc.binary_join_element_wise(*pieces, pa.scalar(b"")))


def contiguous(array: pa.Array) -> bytes:
    """Give all bytes of a text or binary column, in order, without separators (NULLs count as empty)."""
    offsets, data = array.buffers()[1:3]
    if data is None or not len(array):
        return b""
    width = 8 if pa.types.is_large_string(array.type) or pa.types.is_large_binary(array.type) else 4
    view = memoryview(offsets).cast("q" if width == 8 else "i")
    return bytes(memoryview(data)[view[array.offset] : view[array.offset + len(array)]])


def ascii_text(array: pa.Array) -> pa.Array:
    """Replace what is not ASCII by ``?``: VOTable ``char`` holds nothing else before version 1.6."""
    if pc.all(pc.string_is_ascii(array)).as_py() in (True, None):
        return array
    return pc.replace_substring_regex(array, r"[^\x00-\x7f]", "?")


def _null_flags(batch: pa.RecordBatch) -> Bytes:
    """Give one bit per cell, set where it is NULL, the first column highest: shape (rows, bytes)."""
    if not any(array.null_count for array in batch.columns):
        return np.zeros((batch.num_rows, -(-len(batch.columns) // 8)), dtype=np.uint8)
    flags = np.zeros((batch.num_rows, len(batch.columns)), dtype=bool)
    for place, array in enumerate(batch.columns):
        if array.null_count:
            flags[:, place] = array.is_null().to_numpy(zero_copy_only=False)
    return np.packbits(flags, axis=1)


def _pieces(array: pa.Array, column: Column) -> list[Bytes | pa.Array]:
    """Give what a column puts into each row: of a fixed width, shape (rows, width), or a byte string."""
    if column.datatype == "char":
        return _text(_without_null(ascii_text(array), "").cast(pa.binary()))
    if column.datatype == "unicodeChar":
        return _text(_utf16(_without_null(array, "")), unit=2)
    if column.is_array:
        return _list(array, column)
    return [_values(array, column).view(np.uint8).reshape(len(array), -1)]


def _without_null(array: pa.Array, value: object) -> pa.Array:
    return pc.fill_null(array, value) if array.null_count else array


def _values(array: pa.Array, column: Column) -> npt.NDArray[Any]:
    """Give the values in the byte order and type of the stream, shape (rows,)."""
    if column.datatype == "boolean":
        known = pc.fill_null(array, False).to_numpy(zero_copy_only=False)
        letters = np.where(known, b"T", b"F")
        return np.where(array.is_null().to_numpy(zero_copy_only=False), b"?", letters).astype("S1")
    filled = _without_null(array, pa.scalar(_NO_VALUE.get(column.datatype, 0), array.type))
    values: npt.NDArray[Any] = filled.to_numpy(zero_copy_only=False)
    return values.astype(_DTYPES[column.datatype])


def _fixed(blocks: Sequence[Bytes]) -> pa.Array:
    """Put blocks of bytes, each of shape (rows, width), side by side: a column of byte strings."""
    block = np.concatenate(blocks, axis=1) if len(blocks) > 1 else np.ascontiguousarray(blocks[0])
    rows, width = block.shape
    offsets = np.arange(rows + 1, dtype=np.int32) * np.int32(width)
    return pa.BinaryArray.from_buffers(pa.binary(), rows, [None, pa.py_buffer(offsets), pa.py_buffer(block)])


def _text(data: pa.Array, *, unit: int = 1) -> list[Bytes | pa.Array]:
    """Give the count of `unit`-byte characters and the characters."""
    counts = pc.binary_length(data).to_numpy(zero_copy_only=False) // unit
    return [counts.astype(">i4").view(np.uint8).reshape(-1, 4), data]


def _utf16(array: pa.Array) -> pa.Array:
    """Encode text as big-endian UTF-16 (for the basic plane, the UCS-2 that VOTable asks for)."""
    units = pc.add(
        pc.utf8_length(array), pc.count_substring_regex(array, "[\U00010000-\U0010ffff]").cast(pa.int32())
    ).to_numpy(zero_copy_only=False)
    offsets = np.concatenate([[0], np.cumsum(units * 2)]).astype(np.int32)
    data = contiguous(array).decode().encode("utf-16-be")
    return pa.BinaryArray.from_buffers(
        pa.binary(), len(array), [None, pa.py_buffer(offsets), pa.py_buffer(data)]
    )


def _list(array: pa.Array, column: Column) -> list[Bytes | pa.Array]:
    """Give arrays of numbers: the count where the length varies, then the elements."""
    size = column.arraysize or "*"
    varies = size.endswith("*")
    if not varies:  # NULL has elements too, as many as any other cell
        missing = pa.scalar([None] * math.prod(map(int, size.split("x"))), array.type)
        array = pc.if_else(array.is_valid(), array, missing)
    lengths = pc.fill_null(pc.list_value_length(array), 0).to_numpy(zero_copy_only=False)
    values = _values(array.flatten(), column).view(np.uint8)
    width = _DTYPES[column.datatype].itemsize
    offsets = np.concatenate([[0], np.cumsum(lengths * width)]).astype(np.int32)
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(values)]
    data = pa.BinaryArray.from_buffers(pa.binary(), len(array), buffers)
    if not varies:
        return [data]
    return [lengths.astype(">i4").view(np.uint8).reshape(-1, 4), data]


_OPENING: Final = b'<DATA>\n<BINARY2>\n<STREAM encoding="base64">\n'
_CLOSING: Final = b"</STREAM>\n</BINARY2>\n</DATA>\n"


def write_votable(
    rows: Iterable[pa.RecordBatch], path: Path, description: Table, *, names: Sequence[str]
) -> None:
    """Write rows as a VOTable (BINARY2), a batch at a time.

    Parameters
    ----------
    rows
        Batches.
    path
        The file.
    description
        Names, types, units, UCDs and texts.
    names
        Columns of every batch, in order, all of them in `description`.
    """
    before, after = _frame(description, names)
    with path.open("wb") as file:
        file.write(before + _OPENING)
        file.writelines(base64_rows(rows, [description[name] for name in names]))
        file.write(_CLOSING + after)


def base64_rows(rows: Iterable[pa.RecordBatch], columns: Sequence[Column]) -> Iterator[bytes]:
    """Give rows as the base64 text of a BINARY2 stream, a batch at a time; see :func:`base64_text`."""
    return base64_text(encode(batch, columns) for batch in rows)


def base64_text(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Give whole rows, already encoded, as base64.

    After an exception of `pieces` what was given is whole, too: all rows that came before it.
    """
    rest = b""
    try:
        for piece in pieces:
            stream = memoryview(rest + piece if rest else piece)
            whole = len(stream) - len(stream) % 3
            rest = bytes(stream[whole:])
            yield binascii.b2a_base64(stream[:whole])
    except Exception:
        yield binascii.b2a_base64(rest)  # the last row must be whole, also before what tells of a failure
        raise
    yield binascii.b2a_base64(rest)


_DOCUMENT: Final = (
    b'<?xml version="1.0" encoding="utf-8"?>\n'
    b'<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3" '
    b'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
    b'xsi:schemaLocation="http://www.ivoa.net/xml/VOTable/v1.3 '
    b'http://www.ivoa.net/xml/VOTable/VOTable-1.4.xsd">\n<RESOURCE type="results">\n'
)
_END: Final = b"</TABLE>\n</RESOURCE>\n</VOTABLE>\n"
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")


def _frame(description: Table, names: Sequence[str]) -> tuple[bytes, bytes]:
    """Give what stands before and after the DATA of a table."""
    table = Element("TABLE", ID=description.name, name=description.name)
    SubElement(table, "DESCRIPTION").text = printable(description.description)
    start = tostring(table, "unicode").removesuffix("</TABLE>").encode()
    return _DOCUMENT + start + b"\n" + fields([description[name] for name in names]), _END


def fields(columns: Sequence[Column]) -> bytes:
    """Give the FIELD elements of columns, UTF-8, for tables of surveys and for answers of the service."""
    made = []
    for column, identifier in zip(columns, field_ids(columns), strict=True):
        said = {
            "ID": identifier,
            "arraysize": "*" if column.is_text else column.arraysize,
            "datatype": column.datatype,
            "name": column.name,
            "ucd": column.ucd,
            "unit": column.unit,
            "utype": column.utype,
            "xtype": column.xtype,
        }
        field = Element("FIELD", {key: printable(value) for key, value in said.items() if value})
        if column.description:
            SubElement(field, "DESCRIPTION").text = printable(column.description)
        indent(field, " ", level=3)
        made.append(f"   {tostring(field, 'unicode').replace(' />', '/>')}\n")
    return "".join(made).encode()


def field_ids(columns: Sequence[Column]) -> list[str]:
    """Give each column an XML ID: its name where legal and unique, else ``col`` and its place."""
    taken = {"QUERY_STATUS"}  # an INFO of the answers of services
    ids = []
    for place, column in enumerate(columns):
        free = bool(_NAME.fullmatch(column.name)) and column.name not in taken
        ids.append(column.name if free else f"col.{place}")
        taken.add(ids[-1])
    return ids


def printable(text: str) -> str:
    """Replace the characters XML 1.0 cannot hold."""
    return re.sub(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\ufffd", text)

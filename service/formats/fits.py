"""Rows as a FITS binary table (FITS 4.0, section 7.3).

The header states the number of rows and the widths of texts, so the rows are
spooled to a temporary file first; memory stays flat.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Sequence
from typing import IO, Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from astropy.io import fits

from service.formats.cells import list_text, number_text
from service.formats.result import Result
from vo_emline.candidates.votable import ascii_text
from vo_emline.tables import KINDS, Column

BLOCK: Final = 2880


LONGEST_NAME: Final = 68
"""Characters of the name of a column at most: those that a card of a header has for a value."""


def write_fits(result: Result) -> Iterator[bytes]:
    """Give `result` as a FITS file: an empty primary HDU and one binary table.

    Arrays of numbers and texts outside ASCII have no faithful place in a
    simple table: arrays become text, other characters ``?``.
    """
    columns = result.columns
    with tempfile.TemporaryFile() as spool:
        widths = _spool(result, spool)
        yield _header(result, widths)
        size = 0
        spool.seek(0)
        for batch in pa.ipc.open_stream(spool) if result.delivered else ():
            block = _records(batch, columns, widths)
            size += len(block)
            yield block
    yield bytes(-size % BLOCK)


def _spool(result: Result, spool: IO[bytes]) -> list[int]:
    """Write the rows to `spool` and give the width of each text column, bytes."""
    widths = [1 if _is_text(column) else 0 for column in result.columns]
    writer = None
    for batch in result.rows():
        flat = _flatten(batch, result.columns)
        writer = writer or pa.ipc.new_stream(spool, flat.schema)
        writer.write_batch(flat)
        for place, array in enumerate(flat.columns):
            if _is_text(result.columns[place]):
                widths[place] = max(widths[place], pc.max(pc.binary_length(array)).as_py() or 0)
    if writer:
        writer.close()
    return widths


def _is_text(column: Column) -> bool:
    return column.is_text or column.is_array


def _flatten(batch: pa.RecordBatch, columns: Sequence[Column]) -> pa.RecordBatch:
    arrays = [
        _text(array, column) if _is_text(column) else array
        for array, column in zip(batch.columns, columns, strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, names=batch.schema.names)


def _text(array: pa.Array, column: Column) -> pa.Array:
    if column.is_text:
        return pc.replace_substring_regex(ascii_text(array), r"[^\x20-\x7e]", "?")
    return list_text(
        array, lambda part: number_text(part, nan="NaN", infinity="Inf", null="NaN"), separator=" ", null=""
    )


_KEYWORDS: Final = {
    "publisher": "ORIGIN",
    "creator": "AUTHOR",
    "citation": "REFERENC",
    "rights": "LICENSE",
    "resource_version": "RELEASE",
    "request_date": "DATE",
    "reference_url": "URL",
}
"""Keywords (FITS 4.0, section 4.4.2, where it has them) of the facts that an answer brings."""


def _header(result: Result, widths: Sequence[int]) -> bytes:
    made = [_column(column, width) for column, width in zip(result.columns, widths, strict=True)]
    table = fits.BinTableHDU.from_columns(made)
    header = table.header
    header["NAXIS2"] = result.delivered
    for place, column in enumerate(result.columns, start=1):
        header[f"TTYPE{place}"] = (_name(column), _printable(column.description)[:40])
        if column.ucd:
            header[f"TUCD{place}"] = _printable(column.ucd)
    for name, keyword in _KEYWORDS.items():
        if text := result.infos.get(name):
            header[keyword] = _printable(text)
    if result.overflow:
        header["COMMENT"] = f"Truncated: only the first {result.limit} rows are given (MAXREC)"
    primary = fits.PrimaryHDU().header.tostring()
    return str(primary + header.tostring()).encode("ascii")


def _column(column: Column, width: int) -> fits.Column:
    if width:
        return fits.Column(name=_name(column), format=f"{width}A")
    return fits.Column(
        name=_name(column),
        format=KINDS[column.datatype].fits,
        unit=_printable(column.unit) if column.unit else None,
        null=_sentinel(column),
    )


def _sentinel(column: Column) -> int | None:
    """Give the value that stands for NULL (``TNULLn``), which integers have only."""
    null = KINDS[column.datatype].null
    return null if isinstance(null, int) and column.datatype != "boolean" else None


def _records(batch: pa.RecordBatch, columns: Sequence[Column], widths: Sequence[int]) -> bytes:
    kinds = [_dtype(column, width) for column, width in zip(columns, widths, strict=True)]
    records = np.zeros(batch.num_rows, dtype=[(f"c{place}", kind) for place, kind in enumerate(kinds)])
    for place, column in enumerate(columns):
        records[f"c{place}"] = _values(batch.column(place), column)
    return records.tobytes()


def _dtype(column: Column, width: int) -> str:
    if width:
        return f"S{width}"
    return "S1" if column.datatype == "boolean" else f">{KINDS[column.datatype].numpy}"


def _values(array: pa.Array, column: Column) -> npt.NDArray[Any]:
    values: npt.NDArray[Any]
    if _is_text(column):
        values = pc.fill_null(array, "").cast(pa.binary()).to_numpy(zero_copy_only=False)
        return values.astype("S")
    if column.datatype == "boolean":
        values = pc.fill_null(pc.if_else(array, "T", "F"), "\0").to_numpy(zero_copy_only=False)
        return values.astype("S1")
    missing = KINDS[column.datatype].null
    values = pc.fill_null(array, pa.scalar(missing, array.type)).to_numpy(zero_copy_only=False)
    return values


def _name(column: Column) -> str:
    """Give a name that one card holds; a quotation mark takes two of its characters."""
    name = _printable(column.name)
    while len(name.replace("'", "''")) > LONGEST_NAME:
        name = name[: LONGEST_NAME if len(name) > LONGEST_NAME else -1]
    return name


def _printable(text: str) -> str:
    """Give what may stand in a header: others are question marks."""
    return re.sub(r"[^\x20-\x7e]", "?", text)

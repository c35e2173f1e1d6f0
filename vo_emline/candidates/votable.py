"""A described table as a VOTable file, written as a stream: the rows may be more than the memory holds."""

from __future__ import annotations

import binascii
import io
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

import pyarrow as pa

from vo_emline.candidates.binary2 import encode
from vo_emline.tables import Column, Table

_TABLE_END: Final = b"</TABLE>"
_OPENING: Final = b'<DATA>\n<BINARY2>\n<STREAM encoding="base64">\n'
_CLOSING: Final = b"</STREAM>\n</BINARY2>\n</DATA>\n"


def write_votable(
    rows: Iterable[pa.RecordBatch], path: Path, description: Table, *, names: Sequence[str]
) -> None:
    """Write rows as a VOTable (BINARY2), a batch at a time; astropy makes what stands around them.

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
        file.writelines(_base64(rows, [description[name] for name in names]))
        file.write(_CLOSING + after)


def _base64(rows: Iterable[pa.RecordBatch], columns: Sequence[Column]) -> Iterator[bytes]:
    rest = b""
    for batch in rows:
        stream = rest + encode(batch, columns)
        whole = len(stream) - len(stream) % 3
        rest = stream[whole:]
        yield binascii.b2a_base64(stream[:whole])
    yield binascii.b2a_base64(rest)


def _frame(description: Table, names: Sequence[str]) -> tuple[bytes, bytes]:
    """Give what stands before and after the DATA of a table."""
    from astropy.io.votable.tree import Field, Resource, TableElement, VOTableFile

    document = VOTableFile(version="1.4")
    resource, table = Resource(), TableElement(document, name=description.name)
    table.description = description.description
    for column in (description[name] for name in names):
        field = Field(
            document,
            ID=column.name,
            name=column.name,
            datatype=column.datatype,
            arraysize=column.arraysize,
            unit=column.unit,
            ucd=column.ucd,
            utype=column.utype,
            xtype=column.xtype,
        )
        field.description = column.description
        table.fields.append(field)
    resource.tables.append(table)
    document.resources.append(resource)
    buffer = io.BytesIO()
    document.to_xml(buffer)
    text = buffer.getvalue()
    end = text.index(_TABLE_END)
    return text[:end].rstrip() + b"\n", text[end:]

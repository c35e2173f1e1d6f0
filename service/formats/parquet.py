"""Rows as Parquet, with the VOTable description inside (VOParquet 1.0 convention)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from service.formats.header import frame
from service.formats.result import Result

VOTABLE_KEY: Final = b"IVOA.VOTable-Parquet.content"
"""Key-value metadata under which readers look for a VOTable without rows (VOParquet 1.0)."""
VERSION_KEY: Final = b"IVOA.VOTable-Parquet.version"


class _Outbox:
    """A file object that hands on what was written to it."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._position = 0
        self.closed = False

    def write(self, data: bytes) -> int:
        self._parts.append(bytes(data))
        self._position += len(data)
        return len(data)

    def tell(self) -> int:
        return self._position

    def flush(self) -> None:
        """Nothing is buffered elsewhere."""

    def close(self) -> None:
        self.closed = True

    def take(self) -> bytes:
        taken, self._parts = b"".join(self._parts), []
        return taken


def write_parquet(result: Result) -> Iterator[bytes]:
    """Give `result` as a Parquet file, row group by row group.

    The VOTable inside is written before the rows: that there were more of them
    says the key ``QUERY_STATUS`` of the file's metadata, which stands at its end.
    """
    outbox = _Outbox()
    schema = pa.schema(_fields(result), metadata=_metadata(result))
    with pq.ParquetWriter(outbox, schema, compression="zstd") as writer:
        yield outbox.take()
        for batch in result.rows():
            writer.write_batch(pa.RecordBatch.from_arrays(batch.columns, schema=schema))
            yield outbox.take()
        if result.overflow:
            writer.add_key_value_metadata({"QUERY_STATUS": "OVERFLOW"})
    yield outbox.take()


def _fields(result: Result) -> list[pa.Field]:
    fields = []
    for column in result.columns:
        facts = {"unit": column.unit, "ucd": column.ucd, "description": column.description}
        metadata = {key: value for key, value in facts.items() if value}
        fields.append(pa.field(column.name, column.arrow_type, metadata=metadata))
    return fields


def _metadata(result: Result) -> dict[bytes, bytes]:
    before, after = frame(result.columns, infos=result.infos)
    return {VOTABLE_KEY: before + b"</TABLE>\n</RESOURCE>" + after, VERSION_KEY: b"1.0"}

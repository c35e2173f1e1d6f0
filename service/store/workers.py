"""The processes in which DuckDB answers queries: each holds the release open and answers one at a time.

What a query takes, its process takes, and where it goes over a limit or its time the process is
ended and all of it is free. The functions here run in those processes, and so does what writes
the rows in the format that is asked for: what comes back are pieces of the answer.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

import duckdb
import pyarrow as pa

from service.nursery import interruptible
from service.scratch import Scratch
from service.store.opening import Opening, connect
from service.store.running import BATCH_ROWS, Write
from vo_emline.errors import UserError

_MISTAKES: Final = ("Conversion Error", "Out of Range Error", "Invalid Input Error", "Mismatch Type Error")
"""How DuckDB's messages begin where the values or the arguments of a query are to blame."""

_open: dict[Opening, tuple[duckdb.DuckDBPyConnection, Scratch]] = {}
"""The release that this process has open, and where it sorts what its memory does not hold."""


def answer(opening: Opening, sql: str, uploads: Mapping[str, bytes], write: Write) -> Iterator[bytes]:
    """Run a query and give what is made of its rows, piece by piece.

    Parameters
    ----------
    opening
        The release.
    sql
        One compiled SELECT.
    uploads
        Tables of this query alone (Arrow streams), by the name `sql` knows them under.
    write
        Makes the pieces: of the format that is asked for, or a stream of Arrow (:func:`stream_rows`).

    Raises
    ------
    UserError
        The query fails by its own values.
    MemoryError
        It needs more memory than it may have.
    """
    try:
        with _database(opening).cursor() as cursor, interruptible(cursor.interrupt):
            for name, rows in uploads.items():
                cursor.register(name, pa.ipc.open_stream(rows).read_all())
            # sql() and not execute(): only a relation streams, the other keeps all rows in memory.
            yield from write(cursor.sql(sql).to_arrow_reader(BATCH_ROWS))
    except (duckdb.Error, pa.ArrowException, OSError, RuntimeError) as error:
        raise explained(error) from error


def open_release(opening: Opening) -> Iterator[bytes]:
    """Open the release before the first query comes."""
    _database(opening)
    yield b""


def _database(opening: Opening) -> duckdb.DuckDBPyConnection:
    if opening not in _open:
        # Of its own, so that what this process leaves behind can be told from what the others use.
        folder = Scratch(Path(opening.spill_directory))
        database = connect(replace(opening, spill_directory=str(folder.path)))
        _open[opening] = database, folder
    return _open[opening][0]


def stream_rows(reader: pa.RecordBatchReader) -> Iterator[bytes]:
    """Give rows as a stream of Arrow (IPC)."""
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, reader.schema) as writer:
        for batch in reader:
            writer.write_batch(batch)
            yield sink.getvalue()
            sink.seek(0)
            sink.truncate()
    yield sink.getvalue()


def explained(error: Exception) -> Exception:
    """Give what to raise for an error of the database; itself, where the fault is ours.

    The kind stands in the text: what breaks off on the way through Arrow has lost its type.
    """
    text = str(error).splitlines()[0] if str(error) else type(error).__name__
    if isinstance(error, duckdb.OutOfMemoryException) or "Out of Memory" in text or "bad_alloc" in text:
        return MemoryError(text)
    if "expression depth" in text:
        return UserError("the query has an expression of too many operators; split it, or upload the values")
    return UserError(f"the query failed: {text}") if text.startswith(_MISTAKES) else error

"""A whole VOTable, streamed: header, rows in either serialisation, and an honest end."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import pyarrow as pa

from service.errors import StoppedError
from service.formats.result import Result
from service.votable import tabledata
from service.votable.header import frame, trailing_info
from vo_emline.candidates.votable import base64_rows
from vo_emline.tables import Column

logger = logging.getLogger(__name__)

Encode = Callable[[pa.RecordBatch, Sequence[Column]], bytes]

INTERRUPTED: Final = "The rows end here because the query failed on the way"


def write_binary2(result: Result) -> Iterator[bytes]:
    """Give `result` as a VOTable in BINARY2, piece by piece."""
    rows = base64_rows(result.rows(), result.columns)
    return _write(result, rows, opening=b"<BINARY2>\n<STREAM encoding=\"base64\">\n",
                  closing=b"</STREAM>\n</BINARY2>")  # fmt: skip


def write_tabledata(result: Result) -> Iterator[bytes]:
    """Give `result` as a VOTable in TABLEDATA, piece by piece."""
    rows = (tabledata.encode(batch, result.columns) for batch in result.rows())
    return _write(result, rows, opening=b"<TABLEDATA>\n", closing=b"</TABLEDATA>")


def _write(result: Result, rows: Iterator[bytes], *, opening: bytes, closing: bytes) -> Iterator[bytes]:
    before, after = frame(result.columns, infos=result.infos, resources=result.resources)
    yield before + b"<DATA>\n" + opening
    status = b""
    try:
        yield from rows
    except StoppedError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it was, the document must be closed
        # The header has left: the only way to tell is inside the document.
        logger.warning("a result broke off after %d rows: %s", result.delivered, error)
        result.failure = f"{INTERRUPTED}: {error}"
        status = trailing_info("ERROR", result.failure)
    if result.overflow and not status:
        status = trailing_info("OVERFLOW", f"only the first {result.limit} rows are given (MAXREC)")
    yield closing + b"\n</DATA>\n</TABLE>\n" + status + b"</RESOURCE>" + after

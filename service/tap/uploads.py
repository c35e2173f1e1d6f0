"""Tables that come with a query: UPLOAD, inline or by URL (TAP 1.1, section 2.7.6)."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

import anyio
import pyarrow as pa
import structlog

from service.config import Settings, bytes_of
from service.deadline import Deadline
from service.errors import INTERNAL, FaultError, StoppedError
from service.nursery import Limits
from service.parameters import Parameters
from service.pool import Pool
from service.processes import KilledError, Worker
from service.tap.fetch import fetch_upload
from service.tap.upload_readers import decode_table, encode_table
from vo_emline.errors import UserError
from vo_emline.tables import Table

logger = structlog.stdlib.get_logger("service")

SCHEMA: Final = "tap_upload"
"""Schema under which queries find uploads."""
MAX_UPLOADS: Final = 10
SMALL_TABLE: Final = 16_000_000
GROWTH: Final = 16
"""A table may have so many bytes in memory: :data:`SMALL_TABLE`, and so many times those of its file."""
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")
_INLINE: Final = "param:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """One uploaded table."""

    table: Table
    """Its description; the schema is ``tap_upload``."""
    rows: pa.Table
    """Its rows, one Arrow column per described column, of the described types."""


@dataclass(frozen=True, slots=True)
class Reference:
    """One pair of an UPLOAD parameter."""

    name: str
    """Name of the table, without the schema."""
    uri: str
    """``param:PART`` or an http(s) address."""


def parse_references(values: Iterable[str]) -> list[Reference]:
    """Read UPLOAD parameters: ``name,uri``, several joined by ``;`` or given one by one.

    Raises
    ------
    UserError
        A pair is malformed, or a name is no table name or occurs twice.
    """
    references = [_reference(pair) for value in values for pair in value.split(";") if pair.strip()]
    names = [reference.name.lower() for reference in references]
    if len(set(names)) < len(names):
        raise UserError("UPLOAD names a table twice; every uploaded table needs a name of its own")
    if len(references) > MAX_UPLOADS:
        raise UserError(f"UPLOAD names {len(references)} tables; {MAX_UPLOADS} is the most")
    return references


async def save_uploads(parameters: Parameters, folder: Path) -> None:
    """Write the inline files of a request into `folder`."""
    for part, content in parameters.files.items():
        await anyio.to_thread.run_sync(_copy, content.file, _inline_path(folder, part))


class UploadReader:
    """Reads uploaded tables in processes of their own.

    Parameters
    ----------
    settings
        Limits on their number, time, memory and size.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._pool = Pool(
            settings.upload_readers,
            limits=Limits(
                memory=bytes_of(settings.upload_memory),
                cpu_seconds=settings.upload_seconds,
                file_bytes=settings.upload_bytes,
            ),
        )

    def load(
        self, values: Sequence[str], folder: Path, *, deadline: Deadline, started: Callable[[Worker], None]
    ) -> list[Upload]:
        """Read the uploaded tables; inline ones were saved to `folder` before.

        Parameters
        ----------
        values
            Values of UPLOAD.
        folder
            Where inline tables are, and fetched ones go.
        deadline
            When the query must have ended.
        started
            Told which process reads, so that it can be stopped.

        Raises
        ------
        UserError
            A table is missing, too large, unreadable, takes too much to read, or its address is not public.
        StoppedError
            The process was stopped.
        """
        return [
            self._load(reference, folder, deadline=deadline, started=started)
            for reference in parse_references(values)
        ]

    def start(self) -> None:
        """Prepare the processes, so that the first upload need not wait for them."""
        self._pool.start()

    def close(self) -> None:
        """End the processes."""
        self._pool.close()

    def _load(
        self, reference: Reference, folder: Path, *, deadline: Deadline, started: Callable[[Worker], None]
    ) -> Upload:
        path = self._locate(reference, folder, deadline=deadline, started=started)
        stream = self._read(path, reference.name, deadline=deadline, started=started)
        try:
            columns, rows = decode_table(stream)
        except (pa.ArrowException, ValueError, KeyError, TypeError) as error:
            raise FaultError(INTERNAL) from error
        table = Table(
            schema=SCHEMA, name=reference.name, description="Uploaded with the query", columns=tuple(columns)
        )
        return Upload(table=table, rows=rows)

    def _locate(
        self, reference: Reference, folder: Path, *, deadline: Deadline, started: Callable[[Worker], None]
    ) -> Path:
        """Give the file of an upload, fetched where it is elsewhere."""
        uri = reference.uri
        if not uri.lower().startswith(_INLINE):
            path = folder / f"fetched-{reference.name}"
            seconds = min(self._settings.upload_seconds, deadline.remaining())
            arguments = (uri, str(path), self._settings.upload_bytes, seconds)
            try:
                list(self._pool.call(fetch_upload, *arguments, seconds=seconds, started=started))
            except KilledError as error:
                if error.reason == "stopped":
                    raise StoppedError("the upload was stopped") from error
                raise UserError("UPLOAD: the table does not arrive in time") from error
            return path
        part = uri[len(_INLINE) :]
        path = _inline_path(folder, part)
        if not path.is_file():
            raise UserError(
                f"UPLOAD: table {reference.name} is to be in the part {part[:80]!r}, which was not sent"
            )
        return path

    def _read(self, path: Path, name: str, *, deadline: Deadline, started: Callable[[Worker], None]) -> bytes:
        """Give the Arrow stream of a file, whole; what comes out may not outgrow what went in."""
        most = SMALL_TABLE + GROWTH * path.stat().st_size
        seconds = min(self._settings.upload_seconds, deadline.remaining())
        limits = (self._settings.upload_bytes, self._settings.upload_rows)
        pieces = self._pool.call(encode_table, str(path), name, *limits, seconds=seconds, started=started)
        stream = bytearray()
        try:
            for piece in pieces:
                stream += piece
                if len(stream) > most:
                    raise UserError(f"UPLOAD: table {name} holds more than a file of its size can")
        except KilledError as error:
            if error.reason == "stopped":
                raise StoppedError("the upload was stopped") from error
            what = f"more than {seconds:.3g} s" if error.reason == "time" else "more memory than is allowed"
            logger.warning("upload_killed", reason=error.reason, bytes=path.stat().st_size)
            raise UserError(f"UPLOAD: table {name} takes {what} to read") from error
        finally:
            pieces.close()
        return bytes(stream)


def _reference(pair: str) -> Reference:
    name, comma, uri = (part.strip() for part in pair.partition(","))
    if not comma or not uri:
        raise UserError(f"UPLOAD={pair[:80]} is malformed; write name,uri")
    if not _NAME.fullmatch(name):
        raise UserError(f"UPLOAD: {name[:80]!r} is no table name; use letters, digits and _ only")
    return Reference(name, uri)


def _inline_path(folder: Path, part: str) -> Path:
    # The name of the part is the client's: only its digest becomes a file name.
    return folder / f"inline-{hashlib.sha256(part.encode()).hexdigest()[:32]}"


def _copy(source: IO[bytes], path: Path) -> None:
    source.seek(0)
    with path.open("wb") as file:
        shutil.copyfileobj(source, file)

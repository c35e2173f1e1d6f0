"""Tables that come with a query: UPLOAD, inline or by URL (TAP 1.1, section 2.7.6)."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

import anyio
import pyarrow as pa

from service.config import Settings
from service.parameters import Parameters
from service.tap.fetch import fetch, is_public
from vo_emline.errors import UserError
from vo_emline.tables import Table

SCHEMA: Final = "tap_upload"
"""Schema under which queries find uploads."""
MAX_UPLOADS: Final = 10
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


def load_uploads(values: Sequence[str], folder: Path, settings: Settings) -> list[Upload]:
    """Read the uploaded tables; inline ones were saved to `folder` before.

    Raises
    ------
    UserError
        A table is missing, too large, unreadable, or its address is not public.
    """
    from service.tap.upload_readers import read_table  # astropy is loaded only where something is uploaded

    uploads = []
    for reference in parse_references(values):
        path = _locate(reference, folder, settings)
        columns, rows = read_table(path, name=reference.name, settings=settings)
        table = Table(
            schema=SCHEMA, name=reference.name, description="Uploaded with the query", columns=tuple(columns)
        )
        uploads.append(Upload(table=table, rows=rows))
    return uploads


def _reference(pair: str) -> Reference:
    name, comma, uri = (part.strip() for part in pair.partition(","))
    if not comma or not uri:
        raise UserError(f"UPLOAD={pair[:80]} is malformed; write name,uri")
    if not _NAME.fullmatch(name):
        raise UserError(f"UPLOAD: {name[:80]!r} is no table name; use letters, digits and _ only")
    return Reference(name, uri)


def _locate(reference: Reference, folder: Path, settings: Settings) -> Path:
    uri = reference.uri
    if not uri.lower().startswith(_INLINE):
        path = folder / f"fetched-{reference.name}"
        fetch(uri, path, max_bytes=settings.upload_bytes, seconds=settings.upload_seconds, allowed=is_public)
        return path
    part = uri[len(_INLINE) :]
    path = _inline_path(folder, part)
    if not path.is_file():
        raise UserError(
            f"UPLOAD: table {reference.name} is to be in the part {part[:80]!r}, which was not sent"
        )
    return path


def _inline_path(folder: Path, part: str) -> Path:
    # The name of the part is the client's: only its digest becomes a file name.
    return folder / f"inline-{hashlib.sha256(part.encode()).hexdigest()[:32]}"


def _copy(source: IO[bytes], path: Path) -> None:
    source.seek(0)
    with path.open("wb") as file:
        shutil.copyfileobj(source, file)

"""Compressed files: gzip, bzip2, xz, and zip archives of one file, by content and never by name.

Packed images (``.fits.fz``) are FITS themselves and need nothing here.
"""

from __future__ import annotations

import bz2
import io
import lzma
import zipfile
import zlib
from collections.abc import Callable
from typing import Any, Final

from vo_emline.errors import DataError
from vo_emline.spectra.limits import GZIP_MAGIC, MAX_BYTES

ZIP_MAGIC: Final = b"PK\x03\x04"
BZIP2_MAGIC: Final = b"BZh"
XZ_MAGIC: Final = b"\xfd7zXZ\x00"

MOST_NESTED: Final = 2
"""A zip of a gzipped file is read; more layers are no file of anybody's."""

SLOW_BYTES: Final = 64 * 1024**2
"""Largest size of what bzip2, xz and zip hold, which decompress slowly."""

_IGNORED: Final = ("__MACOSX/", ".DS_Store", "Thumbs.db")


def unpacked(content: bytes, *, source: str) -> bytes:
    """Give what is in a compressed file; the content itself where it is not compressed.

    Parameters
    ----------
    content
        The bytes of the file.
    source
        The file, as the user named it.

    Raises
    ------
    DataError
        ``broken``, ``truncated``, ``too_large``, or ``several_files`` for an archive of more than one.
    """
    for _ in range(MOST_NESTED):
        unpack = _unpacker(content)
        if unpack is None:
            break
        content = unpack(content, source)
    return content


def _unpacker(content: bytes) -> Callable[[bytes, str], bytes] | None:
    if content.startswith(GZIP_MAGIC):
        return _gunzip
    if content.startswith(ZIP_MAGIC):
        return _unzip
    if content.startswith(BZIP2_MAGIC) and content[4:10] == b"1AY&SY":
        return lambda packed, source: _stream(packed, source, bz2.BZ2Decompressor, "bzip2")
    if content.startswith(XZ_MAGIC):
        return lambda packed, source: _stream(packed, source, _xz, "xz")
    return None


def _gunzip(content: bytes, source: str) -> bytes:
    """Decompress all members, never to more than :data:`MAX_BYTES`."""
    parts: list[bytes] = []
    room = MAX_BYTES
    while content.startswith(GZIP_MAGIC):
        decoder = zlib.decompressobj(wbits=31)
        try:
            parts.append(decoder.decompress(content, room + 1))
        except zlib.error as error:
            raise DataError(source, "broken", f"not readable as gzip: {error}") from error
        room -= len(parts[-1])
        if room < 0:
            raise DataError(source, "too_large", f"more than {MAX_BYTES} bytes once decompressed")
        if not decoder.eof:
            raise DataError(source, "truncated", "the gzip stream ends early")
        content = decoder.unused_data
    return b"".join(parts)


def _xz() -> lzma.LZMADecompressor:
    return lzma.LZMADecompressor(memlimit=SLOW_BYTES)


def _stream(content: bytes, source: str, make: Callable[[], Any], what: str) -> bytes:
    decoder = make()
    try:
        found: bytes = decoder.decompress(content, SLOW_BYTES + 1)
    except (OSError, ValueError, lzma.LZMAError, EOFError) as error:
        raise DataError(source, "broken", f"not readable as {what}: {error}") from error
    if len(found) > SLOW_BYTES:
        raise DataError(source, "too_large", f"more than {SLOW_BYTES} bytes once decompressed")
    if not decoder.eof:
        raise DataError(source, "truncated", f"the {what} stream ends early")
    return found


def _unzip(content: bytes, source: str) -> bytes:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = [
                one for one in archive.infolist() if not one.is_dir() and not _is_ignored(one.filename)
            ]
            if any(one.filename in {"[Content_Types].xml", "mimetype"} for one in members):
                message = "no spectrum but a spreadsheet or document; save the sheet with the spectrum as CSV"
                raise DataError(source, "foreign", message)
            if members and all(one.filename.endswith(".npy") for one in members):
                message = "no spectrum but arrays of numpy; write the spectrum as CSV or FITS"
                raise DataError(source, "foreign", message)
            if len(members) != 1:
                message = f"an archive of {len(members)} files; unpack it and name them or their folder"
                raise DataError(source, "several_files", message)
            if members[0].file_size > SLOW_BYTES:
                raise DataError(source, "too_large", f"more than {SLOW_BYTES} bytes once decompressed")
            with archive.open(members[0]) as file:
                found = file.read(SLOW_BYTES + 1)
    except (
        zipfile.BadZipFile,
        OSError,
        ValueError,
        NotImplementedError,
        RuntimeError,
        EOFError,
        zlib.error,
        lzma.LZMAError,
    ) as error:
        raise DataError(source, "broken", f"not readable as zip: {error}") from error
    if len(found) > SLOW_BYTES:
        raise DataError(source, "too_large", f"more than {SLOW_BYTES} bytes once decompressed")
    return found


def _is_ignored(name: str) -> bool:
    return name.startswith(_IGNORED) or name.rpartition("/")[2].startswith((".", "Thumbs.db"))

"""The one way in: any file of any layout to a :class:`Spectrum`."""

from __future__ import annotations

import stat
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np

from vo_emline.errors import DataError
from vo_emline.rejects import Reject
from vo_emline.spectra.discover import printable
from vo_emline.spectra.fits import read_fits
from vo_emline.spectra.limits import FITS_MAGIC, GZIP_MAGIC, MAX_BYTES
from vo_emline.spectra.spectrum import Medium, Spectrum
from vo_emline.spectra.text import read_text
from vo_emline.spectra.votable import read_votable


def read(path: str | Path, *, extension: str | int | None = None, medium: Medium | None = None) -> Spectrum:
    """Read the spectrum in a file.

    The layout is recognised by content: LAMOST images and tables of low and
    medium resolution, one-dimensional FITS images, FITS tables, VOTables, CSV
    and text, each also gzipped.

    Parameters
    ----------
    path
        The file.
    extension
        Name or number of the FITS extension, for files with more than one
        spectrum (LAMOST medium resolution: ``COADD_B``, ``R-84107311``, …).
    medium
        Medium of the wavelengths, for files that do not state it. By default
        it is air, save where the sampling shows a LAMOST spectrum.

    Returns
    -------
    Spectrum
        On vacuum wavelengths, ascending.

    Raises
    ------
    DataError
        With the file, a code and a reason: ``unreadable``, ``empty``,
        ``too_large``, ``truncated``, ``foreign``, ``broken``, ``hostile``,
        ``not_a_spectrum``, ``no_wavelengths``, ``bad_wavelengths``,
        ``too_short``, ``all_nan``, ``no_data``, ``all_zero``, ``constant``.
    UserError
        Where the file has no such `extension`.
    """
    source = printable(path)
    if source != str(path):
        raise DataError(source, "unreadable", "the name of the file is not valid UTF-8; rename it")
    content = _content(Path(path), source)
    spectrum = read_bytes(content, source=source, extension=extension, medium=medium)
    return replace(spectrum, file_size=len(content))


def _content(path: Path, source: str) -> bytes:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # a pipe would be waited for without end
            raise DataError(source, "unreadable", "it is not a regular file")
        if status.st_size > MAX_BYTES:
            raise DataError(source, "too_large", f"{status.st_size} bytes are too many for a spectrum")
        return path.read_bytes()
    except OSError as error:
        raise DataError(source, "unreadable", error.strerror or str(error)) from error


def read_bytes(
    content: bytes, *, source: str, extension: str | int | None = None, medium: Medium | None = None
) -> Spectrum:
    """Read the spectrum in the content of a file; see :func:`read`.

    Parameters
    ----------
    content
        The bytes of the file, gzipped or not.
    source
        What to call it in messages and in the identity.
    extension, medium
        As for :func:`read`.
    """
    if content.startswith(GZIP_MAGIC):
        content = _gunzip(content, source)
    if not content.strip():
        raise DataError(source, "empty", "the file is empty")
    # damaged numbers overflow on their way; they end up masked or refused
    with np.errstate(all="ignore"):
        if content.startswith(FITS_MAGIC):
            return read_fits(content, source=source, extension=extension, medium=medium)
        if _is_xml(content):
            return read_votable(content, source=source, medium=medium)
        return read_text(content, source=source, medium=medium)


def read_or_reject(path: str | Path, *, medium: Medium | None = None) -> Spectrum | Reject:
    """Read the spectrum in a file, or say why not, for bulk work."""
    try:
        return read(path, medium=medium)
    except DataError as error:
        return Reject.from_error(error)


def _is_xml(content: bytes) -> bool:
    head = content[:256].removeprefix(b"\xef\xbb\xbf").lstrip()
    return head.startswith((b"<", b"\xff\xfe<", b"\xfe\xff\x00<"))


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

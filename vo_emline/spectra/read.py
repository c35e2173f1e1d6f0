"""The one way in: any file of any layout to a :class:`Spectrum`, or a ``DataError`` that says why not."""

from __future__ import annotations

import logging
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from vo_emline.errors import DataError, EmlineError, UserError
from vo_emline.rejects import Reject
from vo_emline.spectra.containers import unpacked
from vo_emline.spectra.fits import iter_fits, read_fits
from vo_emline.spectra.foreign import what_it_is
from vo_emline.spectra.limits import FITS_MAGIC, MAX_BYTES
from vo_emline.spectra.medium import Medium
from vo_emline.spectra.parts import WHOLE, Part, printable, split_source
from vo_emline.spectra.spectrum import Spectrum
from vo_emline.spectra.text import read_text
from vo_emline.spectra.votable import iter_votable, read_votable

logger = logging.getLogger(__name__)


def read(path: str | Path, *, extension: str | int | None = None, medium: Medium | None = None) -> Spectrum:
    """Read the spectrum in a file.

    The layout is recognised by content: LAMOST images and tables of low and
    medium resolution, the files of other surveys (docs/reading.md has the list), one-dimensional FITS
    images, FITS tables, VOTables, CSV and text, each also compressed (gzip, bzip2, xz, zip, fpack).

    Parameters
    ----------
    path
        The file; of a file with several spectra the one meant, as ``file.fits[2]`` (an HDU by number or
        name), ``file.fits#row=3`` (a row, from 1) or both.
    extension
        Name or number of the FITS extension, instead of the brackets (LAMOST medium resolution:
        ``COADD_B``, ``R-84107311``, …).
    medium
        Medium of the wavelengths. By default what the file states counts, or its survey or sampling
        shows, else air is assumed and the spectrum flagged ``medium_assumed``. LAMOST's own layouts are
        not asked: they state it.

    Returns
    -------
    Spectrum
        On vacuum wavelengths, ascending; :attr:`Spectrum.flags` says what had to be assumed.

    Raises
    ------
    DataError
        With the file, a code and a reason: ``unreadable``, ``empty``,
        ``too_large``, ``truncated``, ``foreign``, ``broken``, ``hostile``, ``several_files``,
        ``several_spectra``, ``not_a_spectrum``, ``no_wavelengths``, ``bad_wavelengths``, ``bad_errors``,
        ``too_short``, ``all_nan``, ``no_data``, ``all_zero``, ``constant``.
    UserError
        Where the file has no such part.
    """
    name, part = split_source(path)
    if extension is not None:
        part = Part(extension, part.row)
    if part.row is not None:
        found = _kept(name, medium).get(part.of(name))
        if isinstance(found, Spectrum):
            return found
    content, source = _content(name)
    with _nothing_else(part.of(source)):
        spectrum = _read(content, source=source, part=part, medium=medium)
    return replace(spectrum, file_size=len(content))


def read_bytes(
    content: bytes,
    *,
    source: str,
    extension: str | int | None = None,
    row: int | None = None,
    medium: Medium | None = None,
) -> Spectrum:
    """Read the spectrum in the content of a file; see :func:`read`.

    Parameters
    ----------
    content
        The bytes of the file, compressed or not.
    source
        What to call it in messages and in the identity.
    extension, medium
        As for :func:`read`.
    row
        Which row, from 1, of a file with several spectra in rows.
    """
    part = Part(extension, row)
    with _nothing_else(part.of(source)):
        return _read(content, source=source, part=part, medium=medium)


def read_all(path: str | Path, *, medium: Medium | None = None) -> Iterator[Spectrum]:
    """Give every spectrum in a file, each with an identity of its own (``file.fits#row=3``).

    Those that cannot be read are passed over and logged; :func:`read_each` says why.

    Parameters
    ----------
    path, medium
        As for :func:`read`.

    Raises
    ------
    DataError
        Where the file cannot be read, or none of its spectra can.
    """
    refused: Reject | None = None
    count = 0
    for found in read_each(path, medium=medium):
        if isinstance(found, Reject):
            refused = refused or found
            logger.warning("%s: %s", found.source, found.message)
        else:
            count += 1
            yield found
    if not count and refused is not None:
        raise DataError(refused.source, refused.code, refused.message)


def read_each(path: str | Path, *, medium: Medium | None = None) -> Iterator[Spectrum | Reject]:
    """Give every spectrum in a file, or why it cannot be had; at least one of either."""
    try:
        name, part = split_source(path)
        content, source = _content(name)
        with _nothing_else(part.of(source)):
            if part != WHOLE:
                yield replace(_read(content, source=source, part=part, medium=medium), file_size=len(content))
                return
            for found in _iterate(content, source=source, medium=medium):
                if isinstance(found, DataError):
                    yield Reject.from_error(found)
                else:
                    yield replace(found, file_size=len(content))
    except DataError as error:
        yield Reject.from_error(error)
    except UserError as error:
        yield Reject(str(path), "no_such_part", str(error))


def read_or_reject(path: str | Path, *, medium: Medium | None = None) -> Spectrum | Reject:
    """Read the spectrum in a file, or say why not, for bulk work."""
    try:
        return read(path, medium=medium)
    except DataError as error:
        return Reject.from_error(error)
    except UserError as error:
        return Reject(str(path), "no_such_part", str(error))


def _kept(name: str, medium: Medium | None) -> Mapping[str, Spectrum | Reject]:
    """Give all spectra of a file by their names; those of the last file are kept: rows come in turn."""
    try:
        status = Path(name).stat()
    except (OSError, ValueError):
        return {}
    return _all_of(name, medium, (status.st_mtime_ns, status.st_size))


@lru_cache(maxsize=1)
def _all_of(
    name: str,
    medium: Medium | None,
    _stamp: tuple[int, int],  # when it was changed, and its size: another file by the same name
) -> Mapping[str, Spectrum | Reject]:
    found = read_each(name, medium=medium)
    return {one.source if isinstance(one, Reject) else one.identity.source: one for one in found}


@contextmanager
def _nothing_else(source: str) -> Iterator[None]:
    """Let no other exception than our own leave a reader: what a library makes of damage is not foreseen."""
    try:
        # damaged numbers overflow on their way; they end up masked or refused
        with np.errstate(all="ignore"):
            yield
    except (EmlineError, GeneratorExit):
        raise
    except MemoryError as error:
        raise DataError(source, "too_large", "it would take more memory than there is") from error
    except Exception as error:
        logger.debug("%s: not foreseen", source, exc_info=error)
        raise DataError(source, "broken", f"not readable: {type(error).__name__}: {error}"[:300]) from error


def _read(content: bytes, *, source: str, part: Part, medium: Medium | None) -> Spectrum:
    content = _checked(unpacked(content, source=source), source)
    if content.startswith(FITS_MAGIC):
        return read_fits(content, source=source, part=part, medium=medium)
    if _is_xml(content):
        return read_votable(content, source=source, part=part, medium=medium)
    return read_text(content, source=source, medium=medium)


def _iterate(content: bytes, *, source: str, medium: Medium | None) -> Iterator[Spectrum | DataError]:
    content = _checked(unpacked(content, source=source), source)
    if content.startswith(FITS_MAGIC):
        yield from iter_fits(content, source=source, medium=medium)
    elif _is_xml(content):
        yield from iter_votable(content, source=source, medium=medium)
    else:
        yield read_text(content, source=source, medium=medium)


def _checked(content: bytes, source: str) -> bytes:
    if not content.strip():
        raise DataError(source, "empty", "the file is empty")
    code, known = ("", "") if content.startswith(FITS_MAGIC) else what_it_is(content)
    if known:
        raise DataError(source, code, f"no spectrum but {known}")
    return content


def _content(name: str) -> tuple[bytes, str]:
    """Give the bytes of a file, and its name as it is written into tables."""
    source = printable(name)
    if source != name:
        raise DataError(source, "unreadable", "the name of the file is not valid UTF-8; rename it")
    path = Path(name)
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # a pipe would be waited for without end
            raise DataError(source, "unreadable", "it is not a regular file")
        if status.st_size > MAX_BYTES:
            raise DataError(source, "too_large", f"{status.st_size} bytes are too many for a spectrum")
        return path.read_bytes(), source
    except OSError as error:
        raise DataError(source, "unreadable", error.strerror or str(error)) from error
    except ValueError as error:  # a NUL in the name
        raise DataError(source, "unreadable", str(error)) from error


def _is_xml(content: bytes) -> bool:
    head = content[:256].removeprefix(b"\xef\xbb\xbf").lstrip()
    return head.startswith((b"<", b"\xff\xfe<", b"\xfe\xff\x00<"))

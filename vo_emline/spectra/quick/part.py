"""Reading in bulk: the part of a spectrum around a line, from as few bytes as can be.

For the layouts that come by the million (LAMOST images and tables, Ondřejov
tables) the headers are read by ourselves, and of an image no more than the
pixels of the part. Whatever is not quite plain is left to
:func:`~vo_emline.spectra.read`, so that both give the same to the last bit,
and refuse the same files for the same reasons.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from vo_emline.errors import DataError, UserError
from vo_emline.rejects import Reject
from vo_emline.spectra.cards import Chain
from vo_emline.spectra.fits_table import is_spectrum_table, read_fits_table
from vo_emline.spectra.lamost import is_lamost
from vo_emline.spectra.lamost_image import is_lamost_image
from vo_emline.spectra.lamost_table import covers_halpha, is_lamost_table, read_lamost_table
from vo_emline.spectra.limits import FITS_MAGIC
from vo_emline.spectra.medium import Medium
from vo_emline.spectra.ondrejov import survey_of
from vo_emline.spectra.quick.rows import Wanted, read_image_part, read_row_table_part
from vo_emline.spectra.quick.source import Header, Source, Unexpected, cards_end, data_start, opened
from vo_emline.spectra.quick.table import TableHDU
from vo_emline.spectra.read import read
from vo_emline.spectra.spectrum import Spectrum

_LEFT_TO_READ = (Unexpected, DataError, OSError, TypeError, ValueError, KeyError, IndexError, AttributeError,
                 ArithmeticError)  # fmt: skip
"""What comes of files that are damaged or of another make."""

_BITPIX: Final = frozenset({8, 16, 32, 64, -32, -64})


def read_part(
    path: str | Path,
    *,
    between: tuple[float, float],
    medium: Medium | None = None,
    normalised: bool = True,
) -> Spectrum:
    """Read a spectrum, at least between two wavelengths.

    Parameters
    ----------
    path
        The file, of any layout.
    between
        First and last wavelength needed, vacuum Å; they have to hold Hα.
    medium
        Medium of the wavelengths, as for :func:`~vo_emline.spectra.read`.
    normalised
        Whether :attr:`Spectrum.normalised_flux` is wanted; without, it may be None.

    Returns
    -------
    Spectrum
        The pixels between the two wavelengths and the next ones outside are
        those of :func:`~vo_emline.spectra.read`, bit for bit; there may be
        more. :attr:`Spectrum.coverage` is that of the whole file.

    Raises
    ------
    DataError
        As :func:`~vo_emline.spectra.read`.
    """
    try:
        with np.errstate(all="ignore"), opened(path) as (source, size):
            wanted = Wanted(
                name=str(path), between=between, file_size=size, medium=medium, normalised=normalised
            )
            return _read_plain(source, wanted)
    except _LEFT_TO_READ:
        return read(path, medium=medium)


def read_part_or_reject(
    path: str | Path,
    *,
    between: tuple[float, float],
    medium: Medium | None = None,
    normalised: bool = True,
) -> Spectrum | Reject:
    """Read as :func:`read_part`, or say why not, for bulk work."""
    try:
        return read_part(path, between=between, medium=medium, normalised=normalised)
    except DataError as error:
        return Reject.from_error(error)
    except UserError as error:
        return Reject(str(path), "no_such_part", str(error))


def _read_plain(source: Source, wanted: Wanted) -> Spectrum:
    end = cards_end(source.head)
    if end < 0 or not source.head.startswith(FITS_MAGIC):
        raise Unexpected
    header, start = Header(source.head[:end]), data_start(end)
    if header.get("SIMPLE") is not True or header.get("BITPIX") not in _BITPIX:
        raise Unexpected
    if not isinstance(header.get("EXTEND", True), bool) or _says_more(header):
        raise Unexpected
    lamost = is_lamost(header)
    if lamost and is_lamost_image(header):
        return read_image_part(source, header, start, wanted=wanted)
    if header.get("NAXIS") != 0:
        raise Unexpected
    read_table = _read_lamost_table if lamost else _read_table
    return read_table(source, header, start, wanted)


def _says_more(header: Header) -> bool:
    """Tell whether a primary header has cards that belong elsewhere, or odd ones: damage, to be looked at."""
    if (header.get("PCOUNT", 0), header.get("GCOUNT", 1)) != (0, 1):
        return True
    return any(header.get(key) is not None for key in ("TFIELDS", "ZIMAGE", "GROUPS", "XTENSION"))


def _read_lamost_table(source: Source, header: Header, start: int, wanted: Wanted) -> Spectrum:
    """Read the first coadded spectrum that covers Hα; where there is none, the choice is not ours."""
    while start < source.size:
        hdu = TableHDU(source, start)
        if not is_lamost_table(hdu):
            break
        if hdu.name.startswith("COADD"):
            rows = hdu.rows()
            if rows is not None and "WAVELENGTH" in rows:
                return read_row_table_part(rows, header, wanted=wanted)
            if covers_halpha(hdu):
                spectrum = read_lamost_table(header, hdu, source=wanted.name)
                return replace(spectrum, file_size=wanted.file_size)
        start = hdu.end
    raise Unexpected


def _read_table(source: Source, header: Header, start: int, wanted: Wanted) -> Spectrum:
    """Read a table of Ondřejov's, the only one in its file; those of others may hold anything."""
    hdu = TableHDU(source, start)
    if not survey_of(Chain(hdu.header, header)) or hdu.end < source.size or not is_spectrum_table(hdu):
        raise Unexpected
    if any(form[:-1] not in {"", "1"} for form in hdu.columns.forms) and hdu.header.get("NAXIS2") != 1:
        raise Unexpected
    found = read_fits_table(header, hdu, source=wanted.name, medium=wanted.medium)
    return replace(found, file_size=wanted.file_size)

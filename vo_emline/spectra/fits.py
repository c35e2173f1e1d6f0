"""FITS files: opening them without trust, and finding out which layout it is."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any, Final

from astropy.io import fits
from astropy.io.fits.verify import VerifyError

from vo_emline.errors import DataError, UserError
from vo_emline.spectra.cards import Cards
from vo_emline.spectra.fits_image import is_spectrum_image, read_fits_image
from vo_emline.spectra.fits_table import is_spectrum_table, read_fits_table
from vo_emline.spectra.lamost import is_lamost
from vo_emline.spectra.lamost_image import is_lamost_image, read_lamost_image
from vo_emline.spectra.lamost_table import best_at_halpha, is_lamost_table, read_lamost_table
from vo_emline.spectra.leniency import warnings_collected
from vo_emline.spectra.spectrum import Medium, Spectrum

_BROKEN: Final = (OSError, TypeError, ValueError, KeyError, IndexError, AttributeError, VerifyError)
"""What astropy raises on broken files, as measured by cutting and corrupting real ones."""


def read_fits(
    content: bytes, *, source: str, extension: str | int | None = None, medium: Medium | None = None
) -> Spectrum:
    """Make a spectrum of the bytes of a FITS file.

    Only what is needed is looked at: a file that is damaged behind the
    spectrum is read all the same.

    Parameters
    ----------
    content
        The whole file, not compressed.
    source
        The file, as the user named it.
    extension
        Name or number of the extension to read, for files with more than one
        spectrum. By default the best at Hα.
    medium
        Medium of the wavelengths where the file does not say.

    Raises
    ------
    DataError
        ``truncated``, ``broken``, ``not_a_spectrum``, or a reason of the
        reader of its layout.
    UserError
        Where `extension` is not in the file, or holds no spectrum.
    """
    with warnings_collected(source) as heard:
        try:
            with fits.open(io.BytesIO(content), memmap=False, lazy_load_hdus=True) as hdus:
                file = _File(hdus, content, source)
                return _read_chosen(file, extension, medium) if extension is not None else _read(file, medium)
        except _BROKEN as error:
            if any("truncated" in str(warning.message) for warning in heard):
                raise DataError(source, "truncated", "the file ends before its data do") from error
            raise DataError(source, "broken", f"not readable as FITS: {error}") from error


class _File:
    """The HDUs of a file, opened one by one and checked to be whole; can be gone through again."""

    def __init__(self, hdus: Any, content: bytes, source: str) -> None:
        self._hdus, self._size, self.source = hdus, len(content), source
        self.header: Cards = hdus[0].header

    def __iter__(self) -> Iterator[Any]:
        index = 0
        while True:
            try:
                hdu = self._hdus[index]
            except IndexError:
                return
            self._check_complete(hdu)
            yield hdu
            index += 1

    def _check_complete(self, hdu: Any) -> None:
        """Refuse a file that ends before the data of `hdu` do (the padding may be missing)."""
        needed = hdu.fileinfo()["datLoc"] + hdu.size
        if self._size < needed:
            message = f"the file ends at byte {self._size}, its data at {needed}"
            raise DataError(self.source, "truncated", message)


def _read(file: _File, medium: Medium | None) -> Spectrum:
    first = next((hdu for hdu in file if _holds_spectrum(file, hdu)), None)
    if first is None:
        raise DataError(file.source, "not_a_spectrum", "no image and no table with wavelengths and fluxes")
    if is_lamost(file.header) and is_lamost_table(first):
        first = best_at_halpha(file)
    return _read_hdu(file, first, medium)


def _read_chosen(file: _File, wanted: str | int, medium: Medium | None) -> Spectrum:
    names = []
    for index, hdu in enumerate(file):
        if str(wanted).upper() in {hdu.name, str(index)} and _holds_spectrum(file, hdu):
            return _read_hdu(file, hdu, medium)
        names.append(hdu.name or str(index))
    raise UserError(f"{file.source} has no spectrum in extension {wanted!r}; it has {', '.join(names)}")


def _holds_spectrum(file: _File, hdu: Any) -> bool:
    if is_lamost(file.header) and (is_lamost_image(hdu.header) or is_lamost_table(hdu)):
        return True
    return is_spectrum_image(hdu) or is_spectrum_table(hdu)


def _read_hdu(file: _File, hdu: Any, medium: Medium | None) -> Spectrum:
    if is_lamost(file.header) and is_lamost_image(hdu.header):
        return read_lamost_image(hdu.header, hdu.data, source=file.source)
    if is_lamost(file.header) and is_lamost_table(hdu):
        return read_lamost_table(file.header, hdu, source=file.source)
    if is_spectrum_image(hdu):
        return read_fits_image(hdu.header, hdu.data, source=file.source, medium=medium)
    return read_fits_table(file.header, hdu, source=file.source, medium=medium)

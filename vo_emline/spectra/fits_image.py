"""One-dimensional FITS images: the raw files of the Ondřejov archive, and IRAF spectra in general."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from vo_emline.arrays import FloatArray
from vo_emline.errors import DataError
from vo_emline.spectra.assemble import assemble, looks_normalised
from vo_emline.spectra.cards import Cards, integer, number, text
from vo_emline.spectra.columns import ColumnInfo, to_angstrom
from vo_emline.spectra.ondrejov import RESOLVING_POWER, ondrejov_identity
from vo_emline.spectra.spectrum import Medium, Spectrum

_MEDIA: Final[dict[str, Medium]] = {"AWAV": "air", "WAVE": "vacuum"}
"""Medium by the first four letters of CTYPE1 (FITS Standard 4.0, table 25)."""


def is_spectrum_image(hdu: Any) -> bool:
    """Tell whether an HDU is an image of one row with a dispersion.

    Images of more axes count where every axis but the first has one pixel, or
    where the third holds the bands of one aperture (IRAF: *flux, raw, sky, sigma*).
    """
    if hasattr(hdu, "columns") or not hdu.header.get("NAXIS"):
        return False
    return bool(hdu.header.get("NAXIS2", 1) == 1 and number(hdu.header, "CDELT1", "CD1_1"))


def read_fits_image(header: Cards, image: Any, *, source: str, medium: Medium | None = None) -> Spectrum:
    """Make a spectrum of an image of one row, linear or logarithmic in wavelength.

    Of several bands the first, the flux, is taken.

    Parameters
    ----------
    header
        Header of the image.
    image
        Its data, shape (..., n).
    source
        The file, as the user named it.
    medium
        Medium of the wavelengths; None to go by CTYPE1, else air.

    Raises
    ------
    DataError
        ``no_wavelengths`` where the header has no dispersion, or any reason of
        :func:`~vo_emline.spectra.assemble.assemble`.
    """
    values = np.asarray(image, dtype=np.float64)
    flux = values.reshape(-1, values.shape[-1])[0]
    identity = ondrejov_identity(header, source=source)
    return assemble(
        _dispersion(header, flux.size, source),
        flux,
        identity=identity,
        layout="fits-image",
        medium=medium or _MEDIA.get(text(header, "CTYPE1")[:4].upper(), "air"),
        resolving_power=number(header, "SPEC_RP") or RESOLVING_POWER.get(identity.survey),
        normalised=looks_normalised(flux),
        flux_unit=text(header, "BUNIT"),
    )


def _dispersion(header: Cards, n_pixels: int, source: str) -> FloatArray:
    """Compute wavelengths, Å, from CRVAL1, CDELT1 (or CD1_1), CRPIX1 and DC-FLAG."""
    start, step = number(header, "CRVAL1"), number(header, "CDELT1", "CD1_1")
    if start is None or not step:
        raise DataError(source, "no_wavelengths", "the header has no CRVAL1 and CDELT1")
    reference = number(header, "CRPIX1")
    axis = start + step * (np.arange(n_pixels) + 1 - (1.0 if reference is None else reference))
    kind = text(header, "CTYPE1").upper()
    if integer(header, "DC-FLAG") == 1 or (not kind and 2.9 < start < 4.8):
        return np.asarray(10.0**axis)
    if kind.endswith("-LOG"):  # FITS Standard 4.0, section 8.2: natural logarithm about CRVAL1
        axis = start * np.exp((axis - start) / start)
    elif kind.startswith(("FREQ", "ENER", "WAVN", "VELO", "VRAD")):
        raise DataError(source, "no_wavelengths", f"the axis is {kind}, not wavelength")
    return to_angstrom(axis, ColumnInfo(name="axis", unit=text(header, "CUNIT1")), source=source)

"""LAMOST low resolution, image layout: five rows in the primary HDU (DR1 to DR8 v1).

The rows are flux, inverse variance, *something*, ANDMASK and ORMASK. The
something is the continuum-normalised flux in DR1 and the wavelength from DR2
on. Which, is decided by the values: neither the release nor the card EXTEN0
is dependable.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from vo_emline.arrays import FloatArray
from vo_emline.errors import DataError
from vo_emline.spectra.assemble import assemble
from vo_emline.spectra.cards import Cards, number
from vo_emline.spectra.lamost import LRS, RESOLVING_POWER, bad_pixels, lamost_identity
from vo_emline.spectra.spectrum import Spectrum

N_ROWS: Final = 5


def is_lamost_image(header: Cards) -> bool:
    """Tell whether a primary header announces the five-row image."""
    return bool(header.get("NAXIS") == 2 and header.get("NAXIS2") == N_ROWS)


def read_lamost_image(header: Cards, image: Any, *, source: str) -> Spectrum:
    """Make a spectrum of the five-row image.

    Parameters
    ----------
    header
        The primary header.
    image
        Its data, shape (5, n).
    source
        The file, as the user named it.

    Raises
    ------
    DataError
        Where there are neither wavelengths nor a log-linear dispersion
        (``no_wavelengths``), or for any reason of :func:`~vo_emline.spectra.assemble.assemble`.
    """
    flux, ivar, third, andmask = (np.asarray(row, dtype=np.float64) for row in image[:4])
    has_wavelengths = is_wavelength_row(third)
    return assemble(
        third if has_wavelengths else log_linear(header, flux.size, source=source),
        flux,
        ivar=ivar,
        mask=bad_pixels(flux, ivar, andmask=andmask),
        normalised_flux=None if has_wavelengths else third,
        identity=lamost_identity(header, source=source, survey=LRS),
        layout="lamost-image-wavelength" if has_wavelengths else "lamost-image-continuum",
        medium="air" if header.get("VACUUM") is False else "vacuum",
        resolving_power=RESOLVING_POWER[LRS],
    )


def is_wavelength_row(row: FloatArray) -> bool:
    """Tell wavelengths (Å, ascending, beyond 1000) from a normalised flux."""
    return bool(np.median(row) > 1000 and np.all(np.diff(row) > 0))


def log_linear(header: Cards, n_pixels: int, *, source: str) -> FloatArray:
    """Compute wavelengths, Å, from the dispersion in log10 (``DC-FLAG = 1``).

    CTYPE1 says ``LINEAR`` all the same: a general WCS reader gets 3.57–3.96.

    Raises
    ------
    DataError
        ``no_wavelengths`` where the cards are missing.
    """
    start, step = number(header, "CRVAL1", "COEFF0"), number(header, "CD1_1", "CDELT1", "COEFF1")
    if start is None or step is None or not 2.9 < start < 4.8:
        raise DataError(source, "no_wavelengths", "no row of wavelengths and no log-linear dispersion cards")
    reference = number(header, "CRPIX1")
    pixel = np.arange(n_pixels) + 1 - (1.0 if reference is None else reference)
    return np.asarray(10.0 ** (start + step * pixel))

"""LAMOST table layouts: ``COADD`` (low resolution, DR8 v2 on) and the medium-resolution extensions.

Some releases write one row of vectors, others one row per pixel; wavelengths
are ``WAVELENGTH`` in Å or ``LOGLAM``. All mean the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import numpy as np

from vo_emline.arrays import FloatArray
from vo_emline.spectra.assemble import assemble
from vo_emline.spectra.cards import Cards, number
from vo_emline.spectra.lamost import LRS, MRS, RESOLVING_POWER, bad_pixels, lamost_identity
from vo_emline.spectra.medium import HALPHA_VAC
from vo_emline.spectra.spectrum import Spectrum

LRS_BEGINS: Final = 4500.0
"""Low resolution begins below this wavelength, Å, the arms of medium resolution above."""


def is_lamost_table(hdu: Any) -> bool:
    """Tell whether an extension of a LAMOST file is a spectrum: flux, inverse variance and wavelengths."""
    names = _names(hdu)
    return {"FLUX", "IVAR"} <= names and bool({"WAVELENGTH", "LOGLAM"} & names)


def best_at_halpha(extensions: Iterable[Any]) -> Any:
    """Choose the extension to read.

    The first coadded spectrum that covers Hα (it comes early, so the rest of
    the file is not looked at), else the single exposure of highest S/N that
    does, else the first spectrum there is.

    Parameters
    ----------
    extensions
        The HDUs in order, at least one of them a spectrum.
    """
    seen: list[Any] = []
    for hdu in extensions:
        if not is_lamost_table(hdu):
            continue
        if hdu.name.startswith("COADD") and covers_halpha(hdu):
            return hdu
        seen.append(hdu)
    at_halpha = [hdu for hdu in seen if covers_halpha(hdu)]
    return max(at_halpha, key=lambda hdu: number(hdu.header, "SNR") or 0.0) if at_halpha else seen[0]


def read_lamost_table(header: Cards, hdu: Any, *, source: str) -> Spectrum:
    """Make a spectrum of one extension.

    Parameters
    ----------
    header
        The primary header.
    hdu
        The extension; see :func:`is_lamost_table`.
    source
        The file, as the user named it.

    Raises
    ------
    DataError
        For any reason of :func:`~vo_emline.spectra.assemble.assemble`.
    """
    wave = _wavelengths(hdu)
    is_lrs = bool(np.nanmin(wave) < LRS_BEGINS)
    survey = LRS if is_lrs else MRS
    extra = {name: np.ravel(hdu.data[name]) for name in _names(hdu) & {"ANDMASK", "PIXMASK", "NORMALIZATION"}}
    flux, ivar = np.ravel(hdu.data["FLUX"]), np.ravel(hdu.data["IVAR"])
    # medium resolution has one S/N per arm and exposure, low resolution one per band
    snr = None if is_lrs else number(hdu.header, "SNR")
    return assemble(
        wave,
        flux,
        ivar=ivar,
        mask=bad_pixels(flux, ivar, andmask=extra.get("ANDMASK", extra.get("PIXMASK"))),
        normalised_flux=extra.get("NORMALIZATION"),
        identity=lamost_identity(header, source=source, survey=survey, snr=snr),
        layout="lamost-coadd-table" if is_lrs else "lamost-mrs-table",
        medium="air" if header.get("VACUUM") is False else "vacuum",
        resolving_power=RESOLVING_POWER[survey],
    )


def _names(hdu: Any) -> set[str]:
    return {name.upper() for name in hdu.columns.names} if hasattr(hdu, "columns") else set()


def _wavelengths(hdu: Any) -> FloatArray:
    if "WAVELENGTH" in _names(hdu):
        return np.asarray(hdu.data["WAVELENGTH"], dtype=np.float64).ravel()
    return np.asarray(10.0 ** np.asarray(hdu.data["LOGLAM"], dtype=np.float64).ravel())


def covers_halpha(hdu: Any) -> bool:
    """Tell whether the wavelengths of an extension reach from below to above Hα."""
    wave = _wavelengths(hdu)
    return bool(np.nanmin(wave) < HALPHA_VAC < np.nanmax(wave))

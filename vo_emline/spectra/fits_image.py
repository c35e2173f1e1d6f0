"""One-dimensional FITS images: Ondřejov's raw files, IRAF, amateurs', and what lies beside a flux."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from vo_emline.arrays import BoolArray, FloatArray
from vo_emline.spectra.assemble import assemble, looks_normalised
from vo_emline.spectra.cards import Cards, Chain, comment, number, text
from vo_emline.spectra.dispersion import apertures, dispersion, is_multispec, step_of
from vo_emline.spectra.identity import general_identity, resolving_power
from vo_emline.spectra.medium import Medium, medium_in_words, medium_of_axis
from vo_emline.spectra.ondrejov import RESOLVING_POWER, ondrejov_identity, survey_of
from vo_emline.spectra.spectrum import Identity, Spectrum
from vo_emline.spectra.surveys import Survey
from vo_emline.spectra.table import MediumFound, find_medium

Image = npt.NDArray[Any]

COMPANIONS: Final = re.compile(
    r"(.*[._ -])?(err(or)?s?|sigma|sig|std(dev)?|unc(ert(ainty)?)?|var(iance)?|ivar|noise|stat|mask|dq|"
    r"qual(ity)?|flags?|bpm|sky|background|bkg|cont(inuum)?|norm(ali[sz]ed)?|model|resol(ution)?|snr|telluric|"
    r"wave(length)?s?|lambda|weights?|raw|counts_raw|sensfunc|throughput)([._ -].*)?",
    re.IGNORECASE,
)
"""Names of extensions that belong to a flux beside them and are no spectra themselves."""

_AXIS_CARDS: Final = ("CTYPE1", "CUNIT1", "CRVAL1", "CDELT1", "CD1_1", "CRPIX1")


def is_spectrum_image(hdu: Any) -> bool:
    """Tell whether an HDU is an image of one row with a dispersion, or of apertures that have their own.

    Images of more axes count where every axis but the first has one pixel, or
    where the third holds the bands of one aperture (IRAF: *flux, raw, sky, sigma*).
    """
    if hasattr(hdu, "columns") or not hdu.header.get("NAXIS"):
        return False
    if is_multispec(hdu.header):
        return True
    return bool(hdu.header.get("NAXIS2", 1) == 1 and step_of(hdu.header))


def lines_of(header: Cards) -> int:
    """Count the apertures of an image: 1 save where each line has a dispersion of its own."""
    return int(number(header, "NAXIS2") or 1) if is_multispec(header) else 1


def read_fits_image(
    cards: Chain,
    image: Image,
    *,
    source: str,
    medium: Medium | None = None,
    line: int = 1,
    survey: Survey | None = None,
    error: Image | None = None,
    mask: Image | None = None,
    remarks: Sequence[str] = (),
    normalised_flux: Image | None = None,
) -> Spectrum:
    """Make a spectrum of an image of one row, or of one aperture of several.

    Of several bands the first, the flux, is taken.

    Parameters
    ----------
    cards
        Headers: that of the image, then the primary one.
    image
        Its data, shape (..., n).
    source
        The file, as the user named it.
    medium
        Medium of the wavelengths, stated by the user; None to go by the evidence.
    line
        Which aperture, from 1.
    survey
        The survey, where it was recognised.
    error
        Standard deviations, shape as `image`.
    remarks
        Comments and history of the file.
    normalised_flux
        The flux divided by its continuum, shape as `image`.

    Raises
    ------
    DataError
        ``no_wavelengths`` where the header has no dispersion, or any reason of
        :func:`~vo_emline.spectra.assemble.assemble`.
    """
    header = cards.headers[0]
    values = np.asarray(image, dtype=np.float64)
    flux = _line(values, line)
    wavelength = _wavelengths(header, flux.size, line, source)
    found = MediumFound(medium) if medium else _medium(cards, survey, remarks, wavelength)
    identity = _identity(cards, survey, source)
    ivar = None
    if error is not None and np.size(error) == values.size:
        sigma = _line(np.asarray(error, dtype=np.float64).reshape(values.shape), line)
        good = np.isfinite(sigma) & (sigma > 0)
        ivar = np.where(good, 1 / np.where(good, sigma, 1.0) ** 2, 0.0) if good.any() else None
    bad, understood = _bad(mask, values.shape, line, survey)
    flags = {"medium_assumed": found.assumed, "mask_unknown": not understood}
    return assemble(
        wavelength,
        flux,
        ivar=ivar,
        mask=bad,
        identity=identity.flagged(*(name for name, raised in flags.items() if raised)),
        layout="fits-image",
        medium=found.medium,
        resolving_power=resolving_power(cards, survey) or RESOLVING_POWER.get(identity.survey),
        normalised=looks_normalised(flux),
        flux_unit=text(header, "BUNIT"),
        normalised_flux=normalised_flux,
    )


def _line(values: FloatArray, line: int) -> FloatArray:
    rows = values.reshape(-1, values.shape[-1])
    return np.asarray(rows[min(line, len(rows)) - 1])


def _bad(
    mask: Image | None, shape: tuple[int, ...], line: int, survey: Survey | None
) -> tuple[BoolArray | None, bool]:
    """Give the bad pixels by an image beside the flux, and whether what its numbers mean is known."""
    if mask is None or np.shape(mask) != shape:
        return None, True
    values = _line(np.asarray(mask, dtype=np.float64), line)
    if survey is not None and survey.mask is not None:
        return survey.mask.bad(values), True
    return None, not np.nan_to_num(values).any()


def _wavelengths(header: Cards, n_pixels: int, line: int, source: str) -> FloatArray:
    if not is_multispec(header):
        return dispersion(header, n_pixels, source=source)
    found = apertures(header, n_pixels, source=source)
    return next((one.wavelength for one in found if one.line == line), found[0].wavelength)


def _identity(cards: Chain, survey: Survey | None, source: str) -> Identity:
    if survey_of(cards):
        return ondrejov_identity(cards, source=source)
    return general_identity(cards, source=source, survey=survey)


def _medium(
    cards: Chain, survey: Survey | None, remarks: Sequence[str], wavelength: FloatArray
) -> MediumFound:
    header = cards.headers[0]
    said = [comment(header, key) for key in _AXIS_CARDS]
    stated = medium_of_axis(text(header, "CTYPE1")) or medium_in_words(
        text(header, "CTYPE1"), text(header, "CUNIT1"), text(header, "WAT1_001"), *said
    )
    return find_medium(stated, cards=cards, remarks=remarks, survey=survey, wavelength=wavelength)

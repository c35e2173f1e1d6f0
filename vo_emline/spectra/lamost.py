"""What every LAMOST file has in common: identity, masks, resolving powers."""

from __future__ import annotations

import re
from typing import Final

import numpy as np
import numpy.typing as npt

from vo_emline.arrays import BoolArray
from vo_emline.spectra.cards import Cards, integer, number, text
from vo_emline.spectra.epoch import iso_to_mjd
from vo_emline.spectra.spectrum import Identity
from vo_emline.spectra.surveys import survey_named

LRS: Final = "LAMOST LRS"
MRS: Final = "LAMOST MRS"

RESOLVING_POWER: Final = {name: float(survey_named(name).resolving_power or 0) for name in (LRS, MRS)}
"""λ/FWHM near Hα, from ``surveys`` (LAMOST data release notes, sections *LRS* and *MRS*)."""

BRIGHT_SKY: Final = 1 << 3
"""Bit 4 of the pixel masks: the sky is bright there. The pixel is noisy, not bad."""

LOCAL_TIME_D: Final = 8 / 24
"""Beijing time, in which DATE-BEG and DATE-END are, ahead of UTC, d."""

_AN_HOUR: Final = 1 / 24
_A_MINUTE: Final = 1.1 / 1440

_FILE_NAME: Final = re.compile(
    r"(?:spec|med)-(?P<lmjd>\d{5})-(?P<planid>.+)_sp(?P<spid>\d+)-(?P<fiberid>\d+)"
)


def is_lamost(cards: Cards) -> bool:
    """Tell whether a primary header is one of LAMOST, by its telescope, designation or list of rows.

    The layouts alone do not tell: SDSS writes five-row images and ``COADD``
    tables too, with other rows.
    """
    names = (text(cards, key).upper() for key in ("TELESCOP", "ORIGIN", "DESIG", "DATA_V", "AUTHOR"))
    return any("LAMOST" in name for name in names) or text(cards, "EXTEN0").startswith(
        ("Flux Inverse", "Flux, Inverse")
    )


def lamost_identity(cards: Cards, *, source: str, survey: str, snr: float | None = None) -> Identity:
    """Read who a LAMOST spectrum is from its primary header.

    The epoch is DATE-OBS, never the card ``MJD``, which is two days too high in
    every file of DR1 and DR2. What the header
    does not say (DR1 and DR2 have no OBSID) stays empty; plan, spectrograph
    and fibre come from the file name as a last resort.

    Parameters
    ----------
    cards
        The primary header.
    source
        The file, as the user named it.
    survey
        :data:`LRS` or :data:`MRS`.
    snr
        S/N of the extension that was read, for files without one per band.
    """
    from_name = _FILE_NAME.search(source) or _FILE_NAME.search(text(cards, "FILENAME"))
    named = from_name.groupdict() if from_name else {}
    designation = text(cards, "DESIG").removeprefix("LAMOST").strip()
    subclass = text(cards, "SUBCLASS")
    epoch, epoch_kind = _epoch(cards)
    return Identity(
        source=source,
        survey=survey,
        release=text(cards, "DATA_V", "VERSPIPE"),
        obsid=integer(cards, "OBSID"),
        designation=designation,
        object_name=text(cards, "OBJNAME") or designation,
        ra=number(cards, "RA"),
        dec=number(cards, "DEC"),
        lmjd=_first(integer(cards, "LMJD"), named.get("lmjd")),
        planid=text(cards, "PLANID") or named.get("planid", ""),
        spid=_first(integer(cards, "SPID"), named.get("spid")),
        fiberid=_first(integer(cards, "FIBERID"), named.get("fiberid")),
        fiber_type=text(cards, "FIBERTYP", "FIB_TYPE"),
        epoch_mjd=epoch,
        epoch_kind=epoch_kind,
        exposure_s=number(cards, "EXPTIME", "EXPT_R"),
        spectral_class=text(cards, "CLASS"),
        spectral_subclass="" if subclass in {"Non", "NULL", "null"} else subclass,
        redshift=number(cards, "Z"),
        snr_r=number(cards, "SNRR", "SN_R") if snr is None else snr,
    )


def _epoch(cards: Cards) -> tuple[float | None, str]:
    """Read DATE-OBS, MJD (UTC), and say of what it is.

    It is said to be the median UTC. Until DR9 it is the middle of the observation. In DR10 it is the start,
    and in two files of three local time like DATE-BEG: eight hours ahead, with the star below the horizon.
    Files in the spectrum data model made of LAMOST's say the middle by its name, and in DATE-OBS the start.
    """
    middle = number(cards, "TMID")
    if middle is not None:
        return middle, "middle"
    stated, begin = iso_to_mjd(text(cards, "DATE-OBS")), iso_to_mjd(text(cards, "DATE-BEG"))
    if stated is None:
        return None, ""
    if begin is None:
        return stated, "middle"
    if abs(stated - begin) < _AN_HOUR:
        return stated - LOCAL_TIME_D, "start"
    return stated, "start" if abs(stated + LOCAL_TIME_D - begin) < _A_MINUTE else "middle"


def bad_pixels(flux: npt.ArrayLike, ivar: npt.ArrayLike, *, andmask: npt.ArrayLike | None) -> BoolArray:
    """Mark the pixels of a LAMOST spectrum that hold no data.

    A pixel is bad where it was bad in every exposure (ANDMASK, save for a
    bright sky), and where flux and inverse variance are both zero. An inverse
    variance of zero alone is no reason: pipeline 2.6.4 (DR1) writes it on
    strong Hα emission.

    Parameters
    ----------
    flux, ivar, andmask
        One value per pixel, shape (n,).
    """
    values = np.asarray(flux)
    empty: BoolArray = (values == 0) & ~(np.asarray(ivar) > 0)
    if andmask is None or not np.asarray(andmask).any():
        return empty
    mask = np.asarray(andmask, dtype=np.float64)
    bits = (mask if np.isfinite(mask).all() else np.nan_to_num(mask)).astype(np.int64)
    flagged: BoolArray = (bits & ~BRIGHT_SKY) != 0
    return empty | flagged


def _first(value: int | None, digits: str | None) -> int | None:
    if value is not None or digits is None:
        return value
    return int(digits)

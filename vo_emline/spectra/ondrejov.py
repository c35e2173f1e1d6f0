"""The Ondřejov archive: identity and instrument of its images, tables and VOTables.

Facts that its headers do not make plain (measured on real files):

* ``TMID``, described as the middle of the exposure, is its *start*: for
  tg160037 it equals DATE-OBS + TM_START of the raw file.
* ``EQUINOX`` states the date of the observation, but the positions are J2000
  (17 Sex, V509 Cas); they come from the telescope and are off by up to 24″.
* Wavelengths are in air and in the observatory's frame: ``VHELIO`` holds the
  heliocentric correction, which nobody has applied (``DOPCOR`` is absent).
"""

from __future__ import annotations

import re
from typing import Final

from vo_emline.spectra.cards import Cards, number, text
from vo_emline.spectra.epoch import SECONDS_PER_DAY, iso_to_mjd
from vo_emline.spectra.spectrum import Identity
from vo_emline.spectra.surveys import survey_named

CCD700: Final = "Ondrejov CCD700"
HEROS: Final = "Ondrejov HEROS"

RESOLVING_POWER: Final = {name: float(survey_named(name).resolving_power or 0) for name in (CCD700, HEROS)}
"""λ/FWHM near Hα, from ``surveys``."""

DID_PREFIX: Final = "ivo://asu.cas.cz/stel/ccd700/"
"""Publisher dataset identifiers of the CCD700 archive are this and the name of the raw file."""


def ondrejov_identity(cards: Cards, *, source: str) -> Identity:
    """Read who a spectrum is from a raw header or the cards of the spectrum data model.

    Parameters
    ----------
    cards
        The header that describes the spectrum.
    source
        The file, as the user named it.
    """
    survey = survey_of(cards)
    epoch = _epoch(cards)
    return Identity(
        source=source,
        survey=survey or text(cards, "COLLECT1"),
        publisher_did=_publisher_did(cards, survey),
        object_name=text(cards, "OBJECT"),
        ra=_degrees(cards, "RA", 15.0),
        dec=_degrees(cards, "DEC", 1.0),
        epoch_mjd=epoch,
        epoch_kind="" if epoch is None else ("start" if epoch % 1 else "day"),
        exposure_s=number(cards, "TELAPSE", "EXPTIME"),
        snr_r=number(cards, "DER_SNR", "SNR"),
    )


def survey_of(cards: Cards) -> str:
    """Give :data:`CCD700`, :data:`HEROS` or nothing, by identifier, title or instrument."""
    words = " ".join(text(cards, key) for key in ("DS_IDPUB", "TITLE", "INSTRUME")).lower()
    if "ccd700" in words or ("coude700" in words and "ondrejov" in text(cards, "OBSERVAT").lower()):
        return CCD700
    return HEROS if "heros" in words else ""


def _publisher_did(cards: Cards, survey: str) -> str:
    did = text(cards, "DS_IDPUB")
    name = re.fullmatch(r"(\w+)\.fit", text(cards, "FILENAME"))
    if did or survey != CCD700 or name is None:
        return did
    return DID_PREFIX + name[1]


def _epoch(cards: Cards) -> float | None:
    """Read the start of the exposure: DATE-OBS where it has a time, which says what it is; else TMID."""
    stated = text(cards, "DATE-OBS")
    day = iso_to_mjd(stated)
    if day is not None and "T" in stated:
        return day
    start, seconds = number(cards, "TMID"), number(cards, "TM_START")
    if start is not None or day is None or seconds is None:
        return start if start is not None else day
    return day + seconds / SECONDS_PER_DAY


def _degrees(cards: Cards, key: str, per_unit: float) -> float | None:
    """Read degrees, or sexagesimal text in units of `per_unit` degrees."""
    parts = re.fullmatch(r"([+-]?)(\d+)[: ](\d+)[: ](\d+(?:\.\d*)?)", text(cards, key))
    if parts is None:
        return number(cards, key)
    size = int(parts[2]) + int(parts[3]) / 60 + float(parts[4]) / 3600
    return (-size if parts[1] == "-" else size) * per_unit

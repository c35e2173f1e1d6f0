"""Who a spectrum is, of any file whose archive has no reader of its own."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from vo_emline.spectra.cards import Cards, integer, number, text
from vo_emline.spectra.epoch import Epoch, find_epoch
from vo_emline.spectra.position import find_position
from vo_emline.spectra.spectrum import Identity
from vo_emline.spectra.surveys import Survey

_NAMES: Final = (
    "OBJECT",
    "OBJNAME",
    "TARGNAME",
    "TARGET",
    "TARGETID",
    "OBJ_NAME",
    "OBJID",
    "NAME",
    "STAR",
    "STARNAME",
)
_POWERS: Final = ("SPEC_RP", "SPE_RPOW", "SPEC_RES", "BSS_ITRP", "BSS_ESRP", "RESOLPOW", "SPECRES",
                  "RESOLVPW", "SPECRP", "R_POWER", "RESPOWER", "SPEC_R", "RESOL", "RESOLUTI", "RESOLUTN",
                  "RESOLUTION")  # fmt: skip
"""Cards of a resolving power: spectrum data model, BeSS, ESO, amateurs' programs."""

_POWER_IN_WORDS: Final = re.compile(r"R?\s*[=~≈]?\s*(\d{2,7}(?:\.\d*)?)")
"""``R = 3000``, as people write it."""

POWERS: Final = (50.0, 1e6)
"""Resolving powers that are believed."""


class Row:
    """One row of a table as cards: columns by their names in any case.

    Parameters
    ----------
    row
        The row, as numpy or astropy has it.
    names
        Names of its columns.
    """

    def __init__(self, row: Any, names: Sequence[str]) -> None:
        self._row, self._names = row, {name.upper(): name for name in names}

    def get(self, key: str, default: Any = None, /) -> Any:
        """Give a column's value where it is a number or text; `default` for arrays, nulls and no column."""
        name = self._names.get(key.upper())
        if name is None:
            return default
        value = self._row[name]
        if np.ma.is_masked(value):
            return default
        single = isinstance(value, np.generic) or (isinstance(value, np.ndarray) and value.size == 1)
        plain = value.item() if single else value
        if isinstance(plain, bytes):
            return plain.decode("latin-1")
        return plain if isinstance(plain, (str, int, float, bool)) else default


def general_identity(cards: Cards, *, source: str, survey: Survey | None = None) -> Identity:
    """Read who a spectrum is, from the cards of its survey and then from those that many use.

    Parameters
    ----------
    cards
        The header, or several as a chain, the row of a table of targets first.
    source
        The file, as the user named it, with the part of it.
    survey
        The survey, where it was recognised.
    """
    own: Mapping[str, Sequence[str]] = survey.cards if survey else {}
    pairs = tuple(zip(own.get("ra", ()), own.get("dec", ()), strict=False))
    ra, dec = find_position(cards, first=pairs, only=survey is not None and survey.ra_of_telescope)
    epoch = _epoch(cards, own, sums=survey is not None and survey.exposure_is_sum)
    kind = text(cards, *own.get("fiber_type", ()))
    obsid = integer(cards, *own.get("obsid", ()))
    return Identity(
        source=source,
        survey=survey.name if survey else text(cards, "COLLECT1"),
        release=text(cards, *own.get("release", ())),
        obsid=obsid,
        publisher_did=text(cards, "DS_IDPUB"),
        designation=text(cards, *own.get("designation", ())),
        object_name=text(cards, *own.get("object_name", ()), *_NAMES),
        ra=ra,
        dec=dec,
        planid=text(cards, *own.get("planid", ())),
        fiberid=integer(cards, *own.get("fiberid", ())),
        fiber_type=survey.fiber_types.get(kind, kind) if survey else kind,
        epoch_mjd=epoch.mjd,
        epoch_kind=epoch.kind,
        exposure_s=number(cards, *own.get("exposure_s", ()), "TELAPSE", "EXPTIME", "EXPOSURE"),
        snr_r=number(cards, *own.get("snr_r", ()), "DER_SNR", "SNR"),
    )


def resolving_power(cards: Cards, survey: Survey | None = None) -> float | None:
    """Give λ/FWHM: what the header states, else what is known of the survey."""
    for key in _POWERS:
        stated = number(cards, key)
        if stated is None:
            said = _POWER_IN_WORDS.fullmatch(text(cards, key))
            stated = float(said[1]) if said else None
        if stated is not None and POWERS[0] <= stated <= POWERS[1]:
            return stated
    return survey.resolving_power if survey else None


def _epoch(cards: Cards, own: Mapping[str, Sequence[str]], *, sums: bool) -> Epoch:
    stated = number(cards, *own.get("epoch_mjd", ()))
    if stated is not None and 10_000 < stated < 110_000:
        return Epoch(stated, "middle" if stated % 1 else "day")
    return find_epoch(cards, exposure_is_sum=sums or (integer(cards, "NCOMBINE", "NEXP") or 1) > 1)

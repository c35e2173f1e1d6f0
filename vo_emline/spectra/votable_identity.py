"""Who a spectrum in a VOTable is: the PARAMs of the Spectrum data model."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final

from vo_emline.spectra.cards import Cards, number, text
from vo_emline.spectra.epoch import JD_OF_MJD_ZERO, iso_to_mjd
from vo_emline.spectra.identity import general_identity
from vo_emline.spectra.ondrejov import survey_of
from vo_emline.spectra.spectrum import Identity
from vo_emline.spectra.surveys import Survey

_A_SECOND: Final = 1 / 86_400
"""d."""


def parameters(params: Iterable[Any]) -> dict[str, Any]:
    """Collect the values of PARAMs by name and by utype.

    Parameters
    ----------
    params
        PARAMs as astropy reads them.

    Returns
    -------
    dict
        Values as plain Python objects; the keys are lower case, utypes are
        without prefix and leading ``Spectrum.`` (``target.name``).
    """
    found: dict[str, Any] = {}
    for param in params:
        utype = (param.utype or "").rpartition(":")[2].lower().removeprefix("spectrum.")
        for key in ((param.name or "").lower(), utype):
            if key:
                found.setdefault(key, _plain(param.value))
    return found


def votable_identity(
    values: dict[str, Any], *, source: str, cards: Cards | None = None, survey: Survey | None = None
) -> Identity:
    """Read who a spectrum is (IVOA Spectrum data model 1.2, and the columns of SSA).

    Parameters
    ----------
    values
        What :func:`parameters` collected.
    source
        The file, as the user named it.
    cards
        The same, the row of the table and the INFOs as header cards, for documents that do not follow
        the data model.
    survey
        The survey, where it was recognised.
    """
    general = general_identity(cards or {}, source=source, survey=survey)
    did = text(values, "curation.publisherdid", "ssa_pubdid")
    words = {
        "DS_IDPUB": did,
        "TITLE": text(values, "dataid.title", "dataid.collection"),
        "INSTRUME": text(values, "dataid.instrument"),
    }
    ra, dec = _position(values)
    if ra is None:
        ra, dec = general.ra, general.dec
    epoch, kind = _epoch(values)
    if epoch is None:
        epoch, kind = general.epoch_mjd, general.epoch_kind
    exposure = number(values, "char.timeaxis.coverage.bounds.extent", "ssa_timeext")
    return replace(
        general,
        survey=survey_of(words) or general.survey or text(values, "dataid.collection"),
        publisher_did=did or general.publisher_did,
        object_name=text(values, "target.name", "ssa_targname") or general.object_name,
        ra=ra,
        dec=dec,
        epoch_mjd=epoch,
        epoch_kind=kind,
        exposure_s=general.exposure_s if exposure is None else exposure,
        snr_r=number(values, "derived.snr", "ssa_snr"),
    )


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return value.tolist() if hasattr(value, "tolist") else value


def _epoch(values: dict[str, Any]) -> tuple[float | None, str]:
    """Read the epoch, MJD: the middle of the exposure where it is stated, else the start.

    What an archive calls the middle is the start where it is not later than that (Ondřejov).
    """
    start = _moment(values, "char.timeaxis.coverage.bounds.start")
    middle = _moment(values, "char.timeaxis.coverage.location.value")
    if start is not None and (middle is None or middle - start < _A_SECOND):
        return start, "start"
    if middle is None:
        middle = _moment(values, "ssa_dateobs")
    return middle, "" if middle is None else "middle"


def _moment(values: dict[str, Any], key: str) -> float | None:
    """Read a moment, MJD: some archives write a Julian or an ISO date."""
    stated = number(values, key)
    found = iso_to_mjd(text(values, key)) if stated is None else stated
    return None if found is None else found - JD_OF_MJD_ZERO if found > JD_OF_MJD_ZERO else found


def _position(values: dict[str, Any]) -> tuple[float | None, float | None]:
    """Read the position, ICRS deg.

    Ondřejov leaves ``ssa_targetpos`` empty and fills ``ssa_location``. Of an
    empty PARAM astropy makes (NaN, NaN), and from VOTable 1.3 on (0, 0).
    """
    for key in ("target.pos", "ssa_targetpos", "char.spatialaxis.coverage.location.value", "ssa_location"):
        pair = values.get(key)
        if isinstance(pair, list) and len(pair) == 2 and all(map(_is_finite, pair)) and any(pair):
            return float(pair[0]), float(pair[1])
    return None, None


def _is_finite(value: object) -> bool:
    return isinstance(value, float) and math.isfinite(value)

"""Who a spectrum in a VOTable is: the PARAMs of the Spectrum data model."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, Final

from vo_emline.spectra.cards import iso_to_mjd, number, text
from vo_emline.spectra.ondrejov import survey_of
from vo_emline.spectra.spectrum import Identity

JD_OF_MJD_ZERO: Final = 2_400_000.5


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


def votable_identity(values: dict[str, Any], *, source: str) -> Identity:
    """Read who a spectrum is (IVOA Spectrum data model 1.2, and the columns of SSA).

    Parameters
    ----------
    values
        What :func:`parameters` collected.
    source
        The file, as the user named it.
    """
    did = text(values, "curation.publisherdid", "ssa_pubdid")
    words = {
        "DS_IDPUB": did,
        "TITLE": text(values, "dataid.title", "dataid.collection"),
        "INSTRUME": text(values, "dataid.instrument"),
    }
    ra, dec = _position(values)
    return Identity(
        source=source,
        survey=survey_of(words) or text(values, "dataid.collection"),
        publisher_did=did,
        object_name=text(values, "target.name", "ssa_targname"),
        ra=ra,
        dec=dec,
        epoch_mjd=_epoch(values),
        exposure_s=number(values, "char.timeaxis.coverage.bounds.extent", "ssa_timeext"),
        snr_r=number(values, "derived.snr", "ssa_snr"),
    )


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return value.tolist() if hasattr(value, "tolist") else value


def _epoch(values: dict[str, Any]) -> float | None:
    """Read the epoch, MJD: the start where it is stated. Some archives write a Julian or an ISO date."""
    keys = (
        "char.timeaxis.coverage.bounds.start",
        "char.timeaxis.coverage.location.value",
        "ssa_dateobs",
    )
    stated = number(values, *keys)
    if stated is None:
        return iso_to_mjd(text(values, *keys))
    return stated - JD_OF_MJD_ZERO if stated > JD_OF_MJD_ZERO else stated


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

"""Columns of tables of any make: which is what, and in which unit.

Columns are recognised by what their survey says, then by utype (IVOA Spectrum data model 1.2), then
UCD, then name, so that FITS tables, VOTables and text of many programs are read by one piece of code.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal, get_args

import numpy as np
import numpy.typing as npt

from vo_emline.arrays import FloatArray
from vo_emline.errors import DataError
from vo_emline.spectra.medium import Medium, medium_in_words

Role = Literal["wavelength", "flux", "error", "ivar", "variance", "mask", "normalised_flux"]
ROLES: Final[tuple[Role, ...]] = get_args(Role)

_UTYPES: Final[dict[str, Role]] = {
    "spectralaxis.value": "wavelength",
    "fluxaxis.value": "flux",
    "fluxaxis.accuracy.staterror": "error",
    "fluxaxis.accuracy.qualitystatus": "mask",
}
_UCDS: Final[tuple[tuple[str, Role], ...]] = (
    ("stat.error;phot.flux", "error"),
    ("em.wl", "wavelength"),
    ("phot.flux", "flux"),
    ("spect.continuum", "flux"),
)
_WAVELENGTH: Final = (
    r"(log_?(10)?_?|ln_?)?(lam|lambda|wl|wave|waves|wavelengths?|wvl|spectral|spectral_axis|waveobs|wave_obs|"
    r"wellenl(ä|ae)nge|longueurs?[ _-]?d.?[ _-]?ondes?|longitud[ _-]de[ _-]onda|lunghezza[ _-]d.?[ _-]?onda|"
    r"wavelen|lambda_?obs|λ|(observed|rest|air|vacuum)[ _]wavelength|obs_?wave(length)?|ångström|angstroms?|"
    r"awav|wavelength_?(nm|um|aa|ang|angstroms?))"
    r"(_?(air|vac|vacuum))?(_?(nm|um|aa|ang|angstroms?)|_a)?"
)
_NAMES: Final[dict[Role, str]] = {
    "wavelength": _WAVELENGTH,
    "flux": r"flux|fluxes|flx|flux_?density|counts|spec|relative_flux|flux_?lambda|f_?lam(bda)?|flam|"
    r"intensit(y|ies|ät|aet|é|à)|intensidad|intenzita|fluss|flujo|flusso|"
    r"flux_?cal(ibrated)?|calibrated_?flux|rel_?flux|flux_?rel|flux_?reduced",
    "error": r"err|error|errors|sigma|std|stdev|flux_?err|flux_?error|uncertainty|unc|flux_?unc|e_?flux|"
    r"err_?flux|error_?flux|flux_?sigma|sigma_?flux|noise|flux_?std|err_?reduced",
    "ivar": r"ivar|inverse|invvar|inverse_?variance|flux_?ivar|ivar_?flux|inv_?var",
    "variance": r"var|variance|flux_?var(iance)?|var(iance)?_?flux",
    "mask": r"andmask|and_mask|pixmask|mask|qual|quality|flags?|dq|bpm|pixel_?flags",
    "normalised_flux": r"normali[sz]ation|normali[sz]ed|norm_?flux|flux_?norm|normali[sz]ed_?flux|"
    r"flux_?normali[sz]ed|norm",
}
_PATTERNS: Final = {role: re.compile(pattern) for role, pattern in _NAMES.items()}

_TO_ANGSTROM: Final = {"angstrom": 1.0, "angstroms": 1.0, "a": 1.0, "aa": 1.0, "å": 1.0, "ang": 1.0,
                       "ångström": 1.0, "ångstrom": 1.0, "angström": 1.0, "angstroem": 1.0, "ångströms": 1.0,
                       "nm": 10.0, "um": 1e4, "micron": 1e4, "mm": 1e7, "cm": 1e8, "m": 1e10,
                       "nanometer": 10.0, "nanometre": 10.0, "micrometer": 1e4, "micrometre": 1e4,
                       "meter": 1e10, "metre": 1e10}  # fmt: skip
_FACTOR: Final = re.compile(
    r"10(?:\*\*|\^)\(?(?P<power>[+-]?\d+)\)?[*·]?(?P<of>\D.*)|(?P<number>\d*\.?\d+(?:e[+-]?\d+)?)[*·]?(?P<unit>\D.*)"
)
_MEDIUM_IN_UNIT: Final = re.compile(r"[\s,;(]*\b(?:in\s+)?(?:air|vac|vacuum)\b[\s)]*", re.IGNORECASE)
_LOG: Final = re.compile(r"(?P<base>log10|log_10|log|lg|dex|ln)[(\[]?(?P<unit>[^)\]]*)[)\]]?")
_NO_UNIT: Final = frozenset(
    {
        "",
        "none",
        "-",
        "1",
        "unknown",
        "n/a",
        "na",
        "null",
        "unitless",
        "dimensionless",
        "lambda",
        "wavelength",
        "wave",
    }
)

_OTHER_THAN_FLUX: Final = re.compile(
    r"(?:^|[\W_\d])(?:ab|st|vega)?[ _]?mags?(?:$|[\W_\d])|magnitud|transmi|throughput|respons|efficien|opaci|"
    r"absorban|optical.?depth|extinction|albedo|reflect|polari[sz]|\bs/?nr?\b|\b(?:log|lg|ln|dex)",
    re.IGNORECASE,
)
"""What is not proportional to light (magnitudes, logarithms), or is none of a star's (curves of filters)."""

_BY_VALUE: Final = ((1e-7, 1e-5, 1e10), (0.1, 3.0, 1e4), (100.0, 1200.0, 10.0))
"""(lowest, highest, Å per unit) of optical wavelengths in m, µm and nm."""
_LOG10_ANGSTROM: Final = (3.0, 4.6)
_LN_ANGSTROM: Final = (7.3, 10.5)
"""What the middle of an optical spectrum has in logarithms of Å; as µm it is far from the optical."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnInfo:
    """What a table says about one of its columns."""

    name: str
    unit: str = ""
    ucd: str = ""
    utype: str = ""
    description: str = ""


def roles(columns: Sequence[ColumnInfo], names: Mapping[str, Sequence[str]] | None = None) -> dict[Role, int]:
    """Find the index of the column that plays each role; the first that fits wins.

    Of several columns of wavelength one that says its medium is taken, vacuum before air. A normalised
    flux is the flux where there is no other. Two nameless columns are wavelength and flux.

    Parameters
    ----------
    columns
        The columns.
    names
        What a survey calls them, by role, the best first.
    """
    if not names:
        return dict(_roles(tuple(columns)))
    return _roles_of(columns, names)


@lru_cache(maxsize=256)
def _roles(columns: tuple[ColumnInfo, ...]) -> dict[Role, int]:
    """Remember what the columns of files alike are."""
    return _roles_of(columns, {})


def _roles_of(columns: Sequence[ColumnInfo], names: Mapping[str, Sequence[str]]) -> dict[Role, int]:
    found: dict[Role, int] = {}
    given = [column.name.lower().strip() for column in columns]
    for role in ROLES:
        wanted = [name.lower() for name in names.get(role, ())]
        known = next((given.index(name) for name in wanted if name in given), None)
        if known is not None:
            found[role] = known
    taken = set(found.values())
    played = [None if index in taken else _role(column) for index, column in enumerate(columns)]
    for index, part in enumerate(played):
        if part is not None:
            found.setdefault(part, index)
    wavelengths = [index for index, part in enumerate(played) if part == "wavelength"]
    if len(wavelengths) > 1 and found["wavelength"] in wavelengths:
        found["wavelength"] = min(wavelengths, key=lambda index: _certainty(columns[index]))
    if "flux" not in found and "normalised_flux" in found:
        found["flux"] = found.pop("normalised_flux")
    if not found and len(columns) >= 2 and not any(given):
        return {"wavelength": 0, "flux": 1}
    return found


def holds_spectrum(columns: Sequence[ColumnInfo], names: Mapping[str, Sequence[str]] | None = None) -> bool:
    """Tell whether a table has a wavelength and a flux column."""
    return {"wavelength", "flux"} <= roles(columns, names).keys()


def to_angstrom(values: npt.ArrayLike, column: ColumnInfo, *, source: str) -> FloatArray:
    """Convert a wavelength column to Å, by its unit, or by its values where it states none.

    Logarithms are told by the name (``loglam``), by the unit (``log10(Angstrom)``) or, where neither says
    anything, by values that as lengths would be far from the optical.

    Raises
    ------
    DataError
        ``no_wavelengths`` where the unit is not one of wavelength.
    """
    wave = np.asarray(values, dtype=np.float64).ravel()
    middle = _middle(wave)
    unit, base = _log_unit(_plain_unit(column.unit), column.name, middle)
    if base:
        wave = np.where(np.abs(wave) < 100, base ** np.clip(wave, -100, 100), np.nan)
        middle = base**middle if abs(middle) < 100 else 0.0
    if unit in _NO_UNIT:
        unit = _unit_in_name(column.name)
    if unit:
        factor = _angstroms_per(unit)
        if factor is None:
            message = f"column {column.name!r} has unit {column.unit!r}, which is not one of wavelength"
            raise DataError(source, "no_wavelengths", message)
        return np.asarray(wave * factor)
    return np.asarray(wave * next((f for low, high, f in _BY_VALUE if low <= middle < high), 1.0))


def is_other_than_flux(said: str) -> bool:
    """Tell whether a name or a unit says that a column of numbers is no flux, as magnitudes are none."""
    return bool(_OTHER_THAN_FLUX.search(said))


def is_length(unit: str) -> bool:
    """Tell whether a unit is one of wavelength, or of its logarithm."""
    plain = _plain_unit(unit)
    parts = _LOG.fullmatch(plain)
    return bool(parts) or (plain not in _NO_UNIT and _angstroms_per(plain) is not None)


def _middle(wave: FloatArray) -> float:
    """Give a wavelength from the middle of an axis; 0 where there is none."""
    middle = float(wave[wave.size // 2]) if wave.size else 0.0  # axes rise or fall: no need to sort
    if np.isfinite(middle):
        return middle
    return float(np.nanmedian(wave)) if np.isfinite(wave).any() else 0.0


def stated_medium(column: ColumnInfo) -> Medium | None:
    """Find the medium in what a table says about its wavelength column."""
    if "obs.atmos" in column.ucd.lower():
        return "air"
    return medium_in_words(column.name, column.ucd, column.description, column.unit)


def _plain_unit(unit: str) -> str:
    plain = (
        unicodedata.normalize("NFKC", _MEDIUM_IN_UNIT.sub("", unit[:60]))
        .lower()
        .replace("μ", "u")
        .replace("µ", "u")
    )
    return plain.replace(" ", "").strip("[]'\".")


def _log_unit(unit: str, name: str, middle: float) -> tuple[str, float]:
    """Give the unit without its logarithm, and the base; 0 where the values are no logarithms."""
    parts = _LOG.fullmatch(unit)
    if parts is not None:
        return parts["unit"].strip("*"), math.e if parts["base"] == "ln" else 10.0
    if not abs(middle) < 15:
        return unit, 0.0
    if re.match(r"ln_?[wl]", name.lower()):
        return unit, math.e
    if "log" in name.lower():
        return unit, 10.0
    if unit in _NO_UNIT or unit in {"angstrom", "a"}:
        if _LOG10_ANGSTROM[0] < middle < _LOG10_ANGSTROM[1]:
            return "", 10.0
        if _LN_ANGSTROM[0] < middle < _LN_ANGSTROM[1]:
            return "", math.e
    return unit, 0.0


def _unit_in_name(name: str) -> str:
    """Give the unit that a name ends in (``wavelength_nm``); iSpec's ``waveobs`` is in nm."""
    lower = name.lower().strip()
    if lower == "waveobs":
        return "nm"
    parts = re.fullmatch(r".*(?:_|\b)(nm|um|aa|ang|angstroms?)", lower)
    return parts[1] if parts else ""


def _angstroms_per(unit: str) -> float | None:
    known = _TO_ANGSTROM.get(unit) or _TO_ANGSTROM.get(unit.rstrip("s"))
    if known is not None:
        return known
    parts = _FACTOR.fullmatch(unit)
    if parts is None:
        return None
    of = _TO_ANGSTROM.get(parts["unit"] or parts["of"])
    if of is None:
        return None
    # as a quotient, because 1e-10 × 1e10 should be 1 exactly
    factor = float(parts["number"]) if parts["number"] else 10.0 ** int(parts["power"])
    return round(of * factor, 12)


def _certainty(column: ColumnInfo) -> int:
    return {"vacuum": 0, "air": 1, None: 2}[stated_medium(column)]


def _role(column: ColumnInfo) -> Role | None:
    utype, ucd, name = column.utype.lower(), column.ucd.lower(), column.name.lower().strip()
    for end, role in _UTYPES.items():
        if utype.endswith(end):
            return role
    for start, role in _UCDS:
        if ucd.startswith(start):
            return role
    return next((role for role, pattern in _PATTERNS.items() if pattern.fullmatch(name)), None)

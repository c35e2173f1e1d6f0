"""Spectra in tables of any make: which column is what, in which unit and medium.

Columns are recognised by utype (IVOA Spectrum data model 1.2), then UCD, then
name, so that FITS tables, VOTables and CSV files of many programs are read by
one piece of code.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from vo_emline.arrays import FloatArray
from vo_emline.errors import DataError
from vo_emline.spectra.assemble import assemble, looks_normalised
from vo_emline.spectra.lamost import LRS, RESOLVING_POWER, bad_pixels
from vo_emline.spectra.spectrum import Identity, Medium, Spectrum

Role = Literal["wavelength", "flux", "error", "ivar", "mask", "normalised_flux"]

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
_NAMES: Final[dict[Role, str]] = {
    "wavelength": r"(log_?)?(lam|lambda|wl|wave|wavelengths?|spectral|spectral_axis)(_?(air|vac|vacuum))?",
    "flux": r"flux|fluxes|flx|intensity|flux_?density|counts|spec|relative_flux",
    "error": r"err|error|sigma|std|flux_?err|flux_?error|uncertainty",
    "ivar": r"ivar|inverse|invvar|inverse_?variance",
    "mask": r"andmask|and_mask|pixmask|mask",
    "normalised_flux": r"normali[sz]ation|normali[sz]ed|norm_?flux|flux_?norm|normali[sz]ed_?flux",
}
_TO_ANGSTROM: Final = {"angstrom": 1.0, "angstroms": 1.0, "a": 1.0, "aa": 1.0, "å": 1.0, "0.1nm": 1.0,
                       "nm": 10.0, "um": 1e4, "micron": 1e4, "mm": 1e7, "cm": 1e8, "m": 1e10}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnInfo:
    """What a table says about one of its columns."""

    name: str
    unit: str = ""
    ucd: str = ""
    utype: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpectrumTable:
    """A table that may hold a spectrum."""

    columns: Sequence[ColumnInfo]
    arrays: Sequence[npt.NDArray[Any]]
    """Values of each column, all of one shape."""
    layout: str
    identity: Identity
    resolving_power: float | None = None
    """λ/FWHM where the file states it."""


def roles(columns: Sequence[ColumnInfo]) -> dict[Role, int]:
    """Find the index of the column that plays each role; the first that fits wins.

    Two nameless columns are wavelength and flux.
    """
    found: dict[Role, int] = {}
    for index, column in enumerate(columns):
        role = _role(column)
        if role is not None:
            found.setdefault(role, index)
    if not found and len(columns) >= 2 and not any(column.name for column in columns):
        return {"wavelength": 0, "flux": 1}
    return found


def holds_spectrum(columns: Sequence[ColumnInfo]) -> bool:
    """Tell whether a table has a wavelength and a flux column."""
    return {"wavelength", "flux"} <= roles(columns).keys()


def spectrum_from_table(table: SpectrumTable, *, medium: Medium | None = None) -> Spectrum:
    """Make a spectrum of a table.

    Parameters
    ----------
    table
        The table and who it is.
    medium
        Medium of its wavelengths; None to go by what the column says, then by
        the sampling (LAMOST's 1e-4 dex is vacuum), else air, in which
        ground-based optical spectra are reduced.

    Raises
    ------
    DataError
        ``not_a_spectrum`` where there is no wavelength or flux column, or any
        reason of :func:`~vo_emline.spectra.assemble.assemble`.
    """
    role = roles(table.columns)
    if not holds_spectrum(table.columns):
        names = ", ".join(column.name or "(nameless)" for column in table.columns)
        raise DataError(
            table.identity.source, "not_a_spectrum", f"no wavelength and flux among columns {names}"
        )
    spectral, flux = table.columns[role["wavelength"]], table.arrays[role["flux"]]
    wavelength = to_angstrom(table.arrays[role["wavelength"]], spectral, source=table.identity.source)
    lamost = is_lamost_sampling(wavelength)
    ivar = _ivar(role, table.arrays)
    return assemble(
        wavelength,
        flux,
        ivar=ivar,
        mask=_mask(role, table.arrays, ivar),
        normalised_flux=table.arrays[role["normalised_flux"]] if "normalised_flux" in role else None,
        identity=table.identity,
        layout=table.layout,
        medium=medium or stated_medium(spectral) or ("vacuum" if lamost else "air"),
        resolving_power=table.resolving_power or (RESOLVING_POWER[LRS] if lamost else None),
        normalised=looks_normalised(flux),
        flux_unit=table.columns[role["flux"]].unit,
    )


def to_angstrom(values: npt.ArrayLike, column: ColumnInfo, *, source: str) -> FloatArray:
    """Convert a wavelength column to Å, by its unit, or by its values where it states none.

    Raises
    ------
    DataError
        ``no_wavelengths`` where the unit is not one of wavelength.
    """
    wave = np.asarray(values, dtype=np.float64).ravel()
    if "log" in column.name.lower():
        wave = 10.0**wave
    unit = column.unit.lower().replace(" ", "")
    if unit:
        if unit not in _TO_ANGSTROM:
            message = f"column {column.name!r} has unit {column.unit!r}, which is not one of wavelength"
            raise DataError(source, "no_wavelengths", message)
        return np.asarray(wave * _TO_ANGSTROM[unit])
    middle = float(np.nanmedian(wave)) if np.isfinite(wave).any() else 0.0
    factor = next((f for low, high, f in _BY_VALUE if low <= middle < high), 1.0)
    return np.asarray(wave * factor)


_BY_VALUE: Final = ((1e-7, 1e-5, 1e10), (0.1, 10.0, 1e4), (100.0, 1000.0, 10.0))
"""(lowest, highest, Å per unit) of optical wavelengths in m, µm and nm."""


def stated_medium(column: ColumnInfo) -> Medium | None:
    """Find the word *air* or *vacuum* in what a table says about its wavelength column."""
    words = set(re.split(r"[\W_]+", f"{column.name} {column.ucd} {column.description}".lower()))
    if "air" in words:
        return "air"
    return "vacuum" if words & {"vac", "vacuum"} else None


def is_lamost_sampling(wavelength: FloatArray) -> bool:
    """Tell LAMOST low-resolution sampling (1e-4 dex over more than 3000 Å) from any other."""
    if wavelength.size < 2000 or not np.all(wavelength > 0):
        return False
    steps = np.diff(np.log10(wavelength))
    return bool(np.ptp(wavelength) > 3000 and np.allclose(np.abs(steps), 1e-4, atol=5e-6))


def _role(column: ColumnInfo) -> Role | None:
    utype, ucd, name = column.utype.lower(), column.ucd.lower(), column.name.lower().strip()
    for end, role in _UTYPES.items():
        if utype.endswith(end):
            return role
    for start, role in _UCDS:
        if ucd.startswith(start):
            return role
    return next((role for role, pattern in _NAMES.items() if re.fullmatch(pattern, name)), None)


def _ivar(role: Mapping[Role, int], arrays: Sequence[npt.NDArray[Any]]) -> FloatArray | None:
    if "ivar" in role:
        return np.asarray(arrays[role["ivar"]], dtype=np.float64).ravel()
    if "error" not in role:
        return None
    error = np.asarray(arrays[role["error"]], dtype=np.float64).ravel()
    good = np.isfinite(error) & (error > 0)
    return np.where(good, 1.0 / np.where(good, error, 1.0) ** 2, 0.0)


def _mask(
    role: Mapping[Role, int], arrays: Sequence[npt.NDArray[Any]], ivar: FloatArray | None
) -> npt.NDArray[np.bool_] | None:
    if "mask" not in role:
        return None
    mask = np.ravel(arrays[role["mask"]])
    if ivar is not None and mask.dtype.kind in "iuf":
        return bad_pixels(np.ravel(arrays[role["flux"]]), ivar, andmask=mask)
    return np.nan_to_num(np.asarray(mask, dtype=np.float64)).astype(bool)

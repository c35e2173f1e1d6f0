"""From a table to a spectrum: the same for FITS tables, VOTables and text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from vo_emline.arrays import BoolArray, FloatArray
from vo_emline.errors import DataError
from vo_emline.spectra.assemble import assemble, looks_normalised
from vo_emline.spectra.cards import Cards, to_number
from vo_emline.spectra.columns import ColumnInfo, Role, holds_spectrum, roles, stated_medium, to_angstrom
from vo_emline.spectra.lamost import LRS, RESOLVING_POWER
from vo_emline.spectra.medium import Medium, medium_in_remarks, medium_of_cards
from vo_emline.spectra.spectrum import Identity, Spectrum
from vo_emline.spectra.surveys import Mask, Survey

Array = npt.NDArray[Any]

_GOOD_IS_ZERO: Final = Mask(good_value=0)
"""Quality in the spectrum data model (utype ``…QualityStatus``): 0 is good."""


FEWEST_SAMPLED: Final = 120
"""Pixels by which a logarithmic axis is told from a linear one: it is 0.4 pixels off over so many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpectrumTable:
    """A table that may hold a spectrum."""

    columns: Sequence[ColumnInfo]
    arrays: Sequence[Array]
    """Values of each column, one per pixel; columns that are not needed may have any shape."""
    layout: str
    identity: Identity
    resolving_power: float | None = None
    """λ/FWHM where the file states it."""
    cards: Cards | None = None
    """The header of the table and of its file."""
    remarks: Sequence[str] = ()
    """Comments and history of the file, line by line."""
    survey: Survey | None = None
    """The survey it was recognised as one of."""


@dataclass(frozen=True, slots=True)
class MediumFound:
    """The medium of wavelengths, and whether anything states it."""

    medium: Medium
    assumed: bool = False


def spectrum_from_table(table: SpectrumTable, *, medium: Medium | None = None) -> Spectrum:
    """Make a spectrum of a table.

    Parameters
    ----------
    table
        The table and who it is.
    medium
        Medium of its wavelengths, stated by the user; None to go by the evidence
        (:mod:`~vo_emline.spectra.medium` has the order).

    Raises
    ------
    DataError
        ``not_a_spectrum`` where there is no wavelength or flux column, ``bad_errors`` where there are
        not as many errors as fluxes, or any reason of
        :func:`~vo_emline.spectra.assemble.assemble`.
    """
    names, source = table.survey.columns if table.survey else None, table.identity.source
    role = roles(table.columns, names)
    if not holds_spectrum(table.columns, names):
        found = ", ".join(column.name or "(nameless)" for column in table.columns)[:300]
        raise DataError(source, "not_a_spectrum", f"no wavelength and flux among columns {found}")
    arrays = {part: table.arrays[index] for part, index in role.items()}
    spectral = table.columns[role["wavelength"]]
    wavelength = to_angstrom(numbers(arrays["wavelength"]), spectral, source=source)
    flux = numbers(arrays["flux"])
    ivar = _ivar(arrays, flux.size, source)
    found_medium = medium_of_table(table, spectral, wavelength) if medium is None else MediumFound(medium)
    mask, understood = _mask(table, role, flux.size)
    if ivar is not None and table.survey is not None and table.survey.unknown_ivar_is_bad and ivar.any():
        mask = ~(ivar > 0) if mask is None else mask | ~(ivar > 0)
    flags = {"medium_assumed": found_medium.assumed, "mask_unknown": not understood}
    stated = table.resolving_power or (table.survey.resolving_power if table.survey else None)
    if stated is None and is_lamost_sampling(wavelength):
        stated = RESOLVING_POWER[LRS]
    return assemble(
        wavelength,
        flux,
        ivar=ivar,
        mask=_with_empty(mask, flux, ivar, is_lamost=table.survey is not None and table.survey.name == LRS),
        normalised_flux=arrays.get("normalised_flux"),
        identity=table.identity.flagged(*(name for name, raised in flags.items() if raised)),
        layout=table.layout,
        medium=found_medium.medium,
        resolving_power=stated,
        normalised=looks_normalised(flux),
        flux_unit=table.columns[role["flux"]].unit,
    )


def numbers(values: npt.ArrayLike) -> FloatArray:
    """Give values as floats, one-dimensional; what is no number (text, nulls) is NaN."""
    array = (
        np.ma.getdata(values)
        if not np.ma.is_masked(values)
        else np.ma.filled(np.ma.asarray(values).astype(object), np.nan)
    )
    if array.dtype.kind in "biuf":
        return np.asarray(array, dtype=np.float64).ravel()
    if array.dtype.kind == "O" and array.size == 1 and np.ndim(array.ravel()[0]):
        return numbers(array.ravel()[0])
    return np.array([_one(value) for value in array.ravel()], dtype=np.float64)


def _one(value: object) -> float:
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    if isinstance(value, np.number):
        return float(value.real)
    return to_number(value) if isinstance(value, (str, int, float)) else float("nan")


def medium_of_table(table: SpectrumTable, column: ColumnInfo, wavelength: FloatArray) -> MediumFound:
    """Find the medium of a table's wavelengths, in the order of evidence, the user's word aside."""
    stated = stated_medium(column)
    if stated is None and _is_data_model(table, column):
        stated = "vacuum"
    return find_medium(
        stated, cards=table.cards, remarks=table.remarks, survey=table.survey, wavelength=wavelength
    )


def find_medium(
    stated: Medium | None,
    *,
    cards: Cards | None,
    remarks: Sequence[str],
    survey: Survey | None,
    wavelength: FloatArray,
) -> MediumFound:
    """Find the medium of wavelengths, from what the axis itself states down to the assumption.

    Parameters
    ----------
    stated
        What the column or the axis says.
    cards
        The header, or several as a chain.
    remarks
        Lines of comment and history.
    survey
        The survey, where it was recognised.
    wavelength
        The wavelengths, Å, shape (n,).
    """
    found = stated or (medium_of_cards(cards) if cards is not None else None) or medium_in_remarks(remarks)
    if found is None and survey is not None:
        found = survey.medium
    if found is None and is_lamost_sampling(wavelength):
        found = "vacuum"
    return MediumFound("air", assumed=True) if found is None else MediumFound(found)


def is_lamost_sampling(wavelength: FloatArray) -> bool:
    """Tell the sampling of LAMOST and SDSS, 1e-4 in log10, from any other, also cut, rounded or with gaps.

    Parameters
    ----------
    wavelength
        Å, shape (n,); at least :data:`FEWEST_SAMPLED` of them, rounded to no more than 0.1 Å.
    """
    wave = wavelength[np.isfinite(wavelength) & (wavelength > 0)]
    if wave.size < FEWEST_SAMPLED:
        return False
    pixel = np.log10(wave / wave[0]) / 1e-4
    # the first wavelength may itself be rounded
    offset = float(np.median(pixel - np.round(pixel)))
    steps = np.abs(np.diff(np.round(pixel - offset)))
    return bool(np.abs(pixel - offset - np.round(pixel - offset)).max() < 0.15 and np.median(steps) == 1)


def _is_data_model(table: SpectrumTable, column: ColumnInfo) -> bool:
    """Tell where plain ``em.wl`` means vacuum: ESO and others say ``em.wl;obs.atmos`` for air."""
    voclass = "" if table.cards is None else str(table.cards.get("VOCLASS") or "")
    return column.ucd.lower() == "em.wl" and voclass.upper().startswith("SPECTRUM")


def _ivar(arrays: dict[Role, Array], n_pixels: int, source: str) -> FloatArray | None:
    given = next((part for part in ("ivar", "error", "variance") if part in arrays), None)
    if given is None:
        return None
    values = numbers(arrays[given])
    if values.size != n_pixels:
        what = {"ivar": "inverse variances", "error": "errors", "variance": "variances"}[given]
        raise DataError(source, "bad_errors", f"{n_pixels} fluxes but {values.size} {what}")
    if given == "ivar":
        return values
    good = np.isfinite(values) & (values > 0)
    if not good.any():
        return None
    spread = np.where(good, values, 1.0)
    return np.where(good, 1.0 / (spread if given == "variance" else spread**2), 0.0)


def _mask(table: SpectrumTable, role: dict[Role, int], n_pixels: int) -> tuple[BoolArray | None, bool]:
    """Give the bad pixels by the mask, and whether its meaning is known; one of zeros needs none."""
    if "mask" not in role:
        return None, True
    values = np.ravel(
        np.ma.filled(table.arrays[role["mask"]], 0)
        if table.arrays[role["mask"]].dtype.kind in "biuf"
        else table.arrays[role["mask"]]
    )
    if values.size != n_pixels or values.dtype.kind not in "biuf":
        return None, False
    meaning = table.survey.mask if table.survey else None
    if meaning is None and table.columns[role["mask"]].utype.lower().endswith("qualitystatus"):
        meaning = _GOOD_IS_ZERO
    if meaning is not None:
        return meaning.bad(values), True
    return None, not np.nan_to_num(values.astype(np.float64)).any()


def _with_empty(
    mask: BoolArray | None, flux: FloatArray, ivar: FloatArray | None, *, is_lamost: bool
) -> BoolArray | None:
    """Add the pixels of LAMOST without data: flux and inverse variance both zero."""
    if mask is None or ivar is None or not is_lamost:
        return mask
    return np.asarray(mask | ((flux == 0) & ~(ivar > 0)))

"""Orders of an échelle: rows of one file that are pieces of one spectrum, of which one holds Hα whole."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from vo_emline.arrays import FloatArray
from vo_emline.errors import DataError
from vo_emline.spectra.columns import roles, to_angstrom
from vo_emline.spectra.dispersion import apertures, is_multispec
from vo_emline.spectra.fits_table import describe, filled_rows, read_fits_table
from vo_emline.spectra.identity import Row, general_identity
from vo_emline.spectra.medium import HALPHA_VAC
from vo_emline.spectra.spectrum import Spectrum
from vo_emline.spectra.surveys import Survey

WHOLE_A: Final = (6524.0, 6605.0)
"""What an order has to hold, Å: Hα, its wings and the continuum on both sides."""

MOST_SHARED: Final = 0.5
"""Orders share no more than this of the shorter; spectra of several stars by one instrument share all."""


MOST_ORDERS: Final = 300
"""No échelle has more; what does is a table of stars and is not looked through."""

_SAID: Final = ", order in row "


def said_in_layout(layout: str, row: int | None, count: int) -> str:
    """Give the name of a layout with which of the orders was taken."""
    return f"{layout}{_SAID}{row} of {count}"


def is_order(spectrum: Spectrum) -> bool:
    """Tell whether a spectrum is one of the orders of its file."""
    return _SAID in spectrum.layout


def order_at_halpha(hdu: Any, rows: Sequence[int], survey: Survey | None) -> int | None:
    """Find the row of an image or table of orders that holds Hα whole, furthest from its ends.

    Parameters
    ----------
    hdu
        A multispec image, or a table of one vector per row.
    rows
        Its rows with a spectrum, from 1.
    survey
        The survey, where it was recognised.

    Returns
    -------
    int or None
        The row, from 1; None where the rows are no orders, or none of them holds Hα with both continua.
    """
    if len(rows) > MOST_ORDERS:
        return None
    try:
        ends = _ends_of_image(hdu) if is_multispec(hdu.header) else _ends_of_table(hdu, rows, survey)
    except (DataError, KeyError, IndexError):
        return None  # reading a row says what is wrong with it
    if len(ends) != len(rows) or not _are_orders(sorted(ends.values())):
        return None
    room = {row: min(WHOLE_A[0] - low, high - WHOLE_A[1]) for row, (low, high) in ends.items()}
    best = max(room, key=lambda row: min(HALPHA_VAC - ends[row][0], ends[row][1] - HALPHA_VAC))
    return best if room[best] >= 0 else None


def covers_halpha(hdu: Any, survey: Survey | None) -> bool:
    """Tell whether the spectrum in a table covers Hα."""
    try:
        wave = read_fits_table({}, hdu, source="", row=1 if filled_rows(hdu, survey) else None, survey=survey)
    except DataError:
        return False
    return bool(wave.wavelength_vac[0] < HALPHA_VAC < wave.wavelength_vac[-1])


def _ends_of_image(hdu: Any) -> dict[int, tuple[float, float]]:
    n_pixels = int(hdu.header["NAXIS1"])
    return {one.line: _ends(one.wavelength) for one in apertures(hdu.header, n_pixels, source="")}


def _ends_of_table(hdu: Any, rows: Sequence[int], survey: Survey | None) -> dict[int, tuple[float, float]]:
    columns = describe(hdu)
    wave = columns[roles(columns, survey.columns if survey else None)["wavelength"]]
    cells, names = hdu.data[wave.name], hdu.columns.names
    said = (general_identity(Row(hdu.data[row - 1], names), source="", survey=survey) for row in rows)
    if len({(one.object_name, one.ra, one.dec) for one in said}) > 1:
        return {}  # each row is of a star of its own
    return {row: _ends(to_angstrom(cells[row - 1], wave, source="")) for row in rows}


def _ends(wavelength: FloatArray) -> tuple[float, float]:
    good = wavelength[np.isfinite(wavelength) & (wavelength > 0)]
    if not good.size:
        raise DataError("", "no_wavelengths", "a row without wavelengths")
    return float(good.min()), float(good.max())


def _are_orders(ends: Sequence[tuple[float, float]]) -> bool:
    """Tell whether pieces, in order of their beginnings, lie behind one another."""
    return len(ends) > 1 and all(
        after[1] > before[1]
        and before[1] - after[0] <= MOST_SHARED * min(before[1] - before[0], after[1] - after[0])
        for before, after in itertools.pairwise(ends)
    )

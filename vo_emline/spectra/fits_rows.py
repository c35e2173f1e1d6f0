"""Spectra kept as rows of images, one per target: DESI, WEAVE."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from vo_emline.arrays import FloatArray
from vo_emline.errors import DataError
from vo_emline.spectra.cards import Cards, Chain, text
from vo_emline.spectra.columns import ColumnInfo
from vo_emline.spectra.dispersion import dispersion, step_of
from vo_emline.spectra.identity import Row, general_identity, resolving_power
from vo_emline.spectra.medium import HALPHA_VAC, Medium, medium_of_axis
from vo_emline.spectra.spectrum import Spectrum
from vo_emline.spectra.surveys import Lines, Rows, Survey
from vo_emline.spectra.table import SpectrumTable, spectrum_from_table


class _Named(Protocol):
    source: str

    def sound(self) -> Any: ...

    def named(self, name: int | str) -> Any: ...


@dataclass(frozen=True, slots=True)
class RowImages:
    """The images of one arm and the table of targets."""

    flux: Any
    ivar: Any
    mask: Any
    wavelength: FloatArray
    """Å, shape (n,)."""
    table: Any
    """Table of targets; None where there is none."""

    def filled(self) -> list[int]:
        """Give the rows with a flux that is not zero all over, from 1."""
        values = self.flux.data
        good = np.isfinite(values) & (values != 0)
        return [int(row) for row in np.flatnonzero(good.any(axis=1)) + 1]

    def target(self, row: int) -> Cards | None:
        """Give what the table says of a row: the line that names it (``Nspec``), else of that number."""
        if self.table is None:
            return None
        names, data = self.table.columns.names, self.table.data
        numbered = next((name for name in names if name.upper() == "NSPEC"), None)
        if numbered is not None:
            lines = np.flatnonzero(np.asarray(data[numbered]) == row)
            return Row(data[lines[0]], names) if lines.size else None
        return Row(data[row - 1], names) if len(data) == len(self.flux.data) else None


def find_rows(file: _Named, described: Rows) -> RowImages | None:
    """Find the arm that covers Hα, else the first; None where the file has no such images.

    Parameters
    ----------
    file
        The open file.
    described
        How a survey keeps its rows.
    """
    arms = [found for _, hdu in file.sound() if (found := _arm(file, hdu, described)) is not None]
    covering = [arm for arm in arms if arm.wavelength.min() < HALPHA_VAC < arm.wavelength.max()]
    return next(iter(covering or arms), None)


def read_row(
    primary: Cards, images: RowImages, row: int, survey: Survey, *, source: str, medium: Medium | None = None
) -> Spectrum:
    """Make a spectrum of a row of images.

    Parameters
    ----------
    primary
        The primary header.
    images
        The images.
    row
        Which row, from 1.
    survey
        The survey.
    source
        The file and the row, as the user would name them.
    medium
        Medium of the wavelengths, stated by the user.

    Raises
    ------
    DataError
        For the reasons of :func:`~vo_emline.spectra.table.spectrum_from_table`.
    """
    header = images.flux.header
    target = images.target(row)
    cards = Chain(*([] if target is None else [target]), header, primary)
    planes = {"flux": images.flux, "ivar": images.ivar, "mask": images.mask}
    kept = {name: hdu.data[row - 1] for name, hdu in planes.items() if hdu is not None}
    axis = medium_of_axis(text(header, "CTYPE1"))
    table = SpectrumTable(
        columns=[ColumnInfo(name="wavelength", unit="Angstrom", description=axis or ""),
                 *(ColumnInfo(name=name) for name in kept)],
        arrays=[images.wavelength, *kept.values()],
        layout="fits-rows",
        identity=general_identity(cards, source=source, survey=survey),
        resolving_power=resolving_power(cards, survey),
        cards=cards,
        survey=survey,
    )  # fmt: skip
    return spectrum_from_table(table, medium=medium)


def read_lines(
    hdu: Any, survey: Survey, lines: Lines, *, source: str, medium: Medium | None = None
) -> Spectrum:
    """Make a spectrum of an image that has flux, errors and mask of one star in its rows.

    Parameters
    ----------
    hdu
        The image.
    survey
        The survey.
    lines
        Which row is what.
    source, medium
        As for :func:`read_row`.

    Raises
    ------
    DataError
        As :func:`read_row`; ``no_wavelengths`` where the header has no dispersion.
    """
    wanted = {"flux": lines.flux, "error": lines.error, "mask": lines.mask}
    kept = {
        name: hdu.data[row - 1] for name, row in wanted.items() if row is not None and row <= len(hdu.data)
    }
    if "mask" in kept:
        kept["mask"] = np.asarray(kept["mask"], dtype=np.int64)
    wavelength = dispersion(hdu.header, hdu.data.shape[1], source=source)
    names = ("wavelength", *kept)
    table = SpectrumTable(
        columns=[ColumnInfo(name=name, unit="Angstrom" if name == "wavelength" else "") for name in names],
        arrays=[wavelength, *kept.values()],
        layout="fits-lines",
        identity=general_identity(hdu.header, source=source, survey=survey),
        resolving_power=resolving_power(hdu.header, survey),
        cards=hdu.header,
        survey=survey,
    )
    return spectrum_from_table(table, medium=medium)


def _arm(file: _Named, hdu: Any, described: Rows) -> RowImages | None:
    found = re.search(described.flux, hdu.name or "", re.IGNORECASE)
    if found is None or hasattr(hdu, "columns") or np.ndim(hdu.data) != 2:
        return None
    names = found.groupdict()

    def beside(name: str) -> Any:
        other = file.named(name.format(**names)) if name else None
        return other if other is not None and np.shape(other.data) == np.shape(hdu.data) else None

    wavelength = _wavelength(file, hdu, described.wavelength.format(**names))
    return RowImages(
        flux=hdu,
        ivar=beside(described.ivar),
        mask=beside(described.mask),
        wavelength=wavelength,
        table=file.named(described.table) if described.table else None,
    )


def _wavelength(file: _Named, hdu: Any, name: str) -> npt.NDArray[np.float64]:
    n_pixels = np.shape(hdu.data)[1]
    stated = file.named(name) if name else None
    if stated is not None and np.size(stated.data) == n_pixels:
        return np.asarray(stated.data, dtype=np.float64).ravel()
    if step_of(hdu.header):
        return dispersion(hdu.header, n_pixels, source=file.source)
    raise DataError(file.source, "no_wavelengths", f"no wavelengths for the rows of {hdu.name}")

"""FITS tables: one row per pixel, or one row of vectors per spectrum."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from vo_emline.spectra.cards import Cards, Chain, comment, number, text
from vo_emline.spectra.columns import ColumnInfo, holds_spectrum, roles
from vo_emline.spectra.identity import Row, general_identity, resolving_power
from vo_emline.spectra.medium import Medium
from vo_emline.spectra.ondrejov import RESOLVING_POWER, ondrejov_identity, survey_of
from vo_emline.spectra.spectrum import Spectrum
from vo_emline.spectra.surveys import Survey, survey_named
from vo_emline.spectra.table import SpectrumTable, spectrum_from_table


def is_spectrum_table(hdu: Any, survey: Survey | None = None) -> bool:
    """Tell whether an extension is a table with a wavelength and a flux column."""
    return hasattr(hdu, "columns") and holds_spectrum(describe(hdu), survey.columns if survey else None)


def filled_rows(hdu: Any, survey: Survey | None = None) -> list[int] | None:
    """Give the rows of a table that each hold a spectrum, from 1; None where each row is a pixel.

    Rows whose vectors are empty or without a single finite value hold none.
    """
    columns = describe(hdu)
    role = roles(columns, survey.columns if survey else None)
    flux = hdu.data[hdu.columns.names[role["flux"]]]
    if flux.ndim == 1 and flux.dtype != object:
        return None
    wave = hdu.data[hdu.columns.names[role["wavelength"]]]
    if wave.ndim == 1 and wave.dtype != object:
        return None
    return [number for number, row in enumerate(flux, start=1) if np.size(row) and np.isfinite(row).any()]


def read_fits_table(
    primary: Cards,
    hdu: Any,
    *,
    source: str,
    medium: Medium | None = None,
    row: int | None = None,
    survey: Survey | None = None,
    remarks: Sequence[str] = (),
) -> Spectrum:
    """Make a spectrum of a table extension.

    Parameters
    ----------
    primary
        The primary header, asked where the extension says nothing.
    hdu
        The extension.
    source
        The file, as the user named it.
    medium
        Medium of the wavelengths, stated by the user; None to go by the evidence.
    row
        Which row of vectors, from 1; None where each row is a pixel, or there is one row.
    survey
        The survey, where it was recognised.
    remarks
        Comments and history of the file.

    Raises
    ------
    DataError
        For the reasons of :func:`~vo_emline.spectra.table.spectrum_from_table`.
    """
    columns = describe(hdu)
    needed = set(roles(columns, survey.columns if survey else None).values())
    names = hdu.columns.names
    data = hdu.data
    if row is None:
        cards = Chain(hdu.header, primary)
    else:
        data = data[row - 1 : row]
        cards = Chain(Row(data[0], names), hdu.header, primary)
    ondrejov = survey_of(cards)
    if ondrejov:
        identity = ondrejov_identity(cards, source=source)
        survey = survey_named(ondrejov)
        power = number(cards, "SPEC_RP") or RESOLVING_POWER[ondrejov]
    else:
        identity = general_identity(cards, source=source, survey=survey)
        power = resolving_power(cards, survey) or 0.0
    table = SpectrumTable(
        columns=columns,
        arrays=[_values(data[name]) if i in needed else np.empty(0) for i, name in enumerate(names)],
        layout="fits-table",
        identity=identity,
        resolving_power=power or None,
        cards=cards,
        remarks=remarks,
        survey=survey,
    )
    return spectrum_from_table(table, medium=medium)


def _values(column: Any) -> npt.NDArray[Any]:
    """Give a column as one array, also where its one row is a vector, fixed or of variable length."""
    values = np.asarray(column)
    if values.dtype == object:
        return np.concatenate([np.atleast_1d(np.asarray(row)) for row in values])
    return values.ravel()


def describe(hdu: Any) -> list[ColumnInfo]:
    """Describe the columns of a table extension."""
    header = hdu.header
    return [
        ColumnInfo(
            name=column.name,
            unit=column.unit or "",
            ucd=text(header, f"TUCD{number}"),
            utype=text(header, f"TUTYP{number}"),
            # Ondřejov tells the medium in the comment: / Air wavelength
            description=" ".join(
                [comment(header, f"TTYPE{number}"), text(header, f"TDESC{number}", f"TCOMM{number}")]
            ),
        )
        for number, column in enumerate(hdu.columns, start=1)
    ]

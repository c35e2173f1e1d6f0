"""FITS tables of one row per pixel: Ondřejov DataLink, the spectrum data model, specutils."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from vo_emline.spectra.cards import Cards, number, text
from vo_emline.spectra.columns import ColumnInfo, SpectrumTable, holds_spectrum, spectrum_from_table
from vo_emline.spectra.ondrejov import RESOLVING_POWER, ondrejov_identity
from vo_emline.spectra.spectrum import Medium, Spectrum


def is_spectrum_table(hdu: Any) -> bool:
    """Tell whether an extension is a table with a wavelength and a flux column."""
    return hasattr(hdu, "columns") and holds_spectrum(_describe(hdu))


def read_fits_table(primary: Cards, hdu: Any, *, source: str, medium: Medium | None = None) -> Spectrum:
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
        Medium of the wavelengths; None to go by the comment of their column.

    Raises
    ------
    DataError
        For the reasons of :func:`~vo_emline.spectra.columns.spectrum_from_table`.
    """
    cards = _Chain(hdu.header, primary)
    identity = ondrejov_identity(cards, source=source)
    table = SpectrumTable(
        columns=_describe(hdu),
        arrays=[_values(hdu.data[name]) for name in hdu.columns.names],
        layout="fits-table",
        identity=identity,
        resolving_power=number(cards, "SPEC_RP") or RESOLVING_POWER.get(identity.survey),
    )
    return spectrum_from_table(table, medium=medium)


class _Chain:
    """Two headers as one; the first that has a card answers."""

    def __init__(self, *headers: Cards) -> None:
        self._headers = headers

    def get(self, key: str, default: Any = None, /) -> Any:
        """Give the first value of `key`."""
        return next((value for h in self._headers if (value := h.get(key)) is not None), default)


def _values(column: Any) -> npt.NDArray[Any]:
    """Give a column as one array, also where its one row is a vector, fixed or of variable length."""
    values = np.asarray(column)
    if values.dtype == object:
        return np.concatenate([np.asarray(row) for row in values])
    return values.ravel()


def _describe(hdu: Any) -> list[ColumnInfo]:
    header = hdu.header
    return [
        ColumnInfo(
            name=column.name,
            unit=column.unit or "",
            ucd=text(header, f"TUCD{number}"),
            utype=text(header, f"TUTYP{number}"),
            # Ondřejov tells the medium in the comment: / Air wavelength
            description=header.comments[f"TTYPE{number}"],
        )
        for number, column in enumerate(hdu.columns, start=1)
    ]

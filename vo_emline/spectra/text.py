"""Spectra in text: CSV, columns separated by blanks, with or without a header line."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import numpy as np

from vo_emline.arrays import FloatArray
from vo_emline.errors import DataError
from vo_emline.spectra.columns import ColumnInfo, SpectrumTable, spectrum_from_table
from vo_emline.spectra.lamost import LRS, lamost_identity
from vo_emline.spectra.ondrejov import ondrejov_identity
from vo_emline.spectra.spectrum import Identity, Medium, Spectrum

_COMMENT: Final = re.compile(r"^\s*[#%!;]")
_CARD: Final = re.compile(r"^\s*[#%!;]\s*([\w-]+)\s*[=:]\s*(.*?)\s*(?:/.*)?$")


def read_text(content: bytes, *, source: str, medium: Medium | None = None) -> Spectrum:
    """Make a spectrum of the text of a file.

    Comment lines of the form ``# KEY = value`` are taken as header cards.

    Parameters
    ----------
    content
        The file.
    source
        The file, as the user named it.
    medium
        Medium of the wavelengths; None to go by the column's name, then by the
        sampling, else air.

    Raises
    ------
    DataError
        ``foreign`` where it is not text, ``not_a_spectrum`` where it has no
        columns of numbers, or any reason of
        :func:`~vo_emline.spectra.columns.spectrum_from_table`.
    """
    lines = _decode(content, source).splitlines()
    rows = [line for line in lines if line.strip() and not _COMMENT.match(line)]
    if not rows:
        raise DataError(source, "empty", "the file holds no line of data")
    separator = next((mark for mark in (",", ";", "\t") if mark in rows[0]), None)
    names = _header(rows[0], separator)
    values = _numbers(rows[1:] if names else rows, separator, source)
    cards = {card[1].upper(): card[2] for line in lines if (card := _CARD.match(line))}
    return spectrum_from_table(
        SpectrumTable(
            columns=[_describe(name) for name in names or [""] * values.shape[1]],
            arrays=list(values.T),
            layout="text",
            identity=_identity(cards, source),
        ),
        medium=medium,
    )


def _decode(content: bytes, source: str) -> str:
    try:
        decoded = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        decoded = content.decode("latin-1")
    if re.search(r"[\x00-\x08\x0e-\x1f]", decoded[:4096]):
        raise DataError(source, "foreign", "neither FITS, VOTable nor text")
    return decoded


def _fields(line: str, separator: str | None) -> list[str]:
    return [field.strip().strip('"') for field in line.strip().split(separator)]


def _header(line: str, separator: str | None) -> list[str]:
    """Give the column names where the line is not all numbers, else nothing."""
    fields = _fields(line, separator)
    return [] if all(_is_number(field) for field in fields) else fields


def _describe(title: str) -> ColumnInfo:
    """Split ``wavelength [nm]`` or ``wavelength (nm)`` into name and unit."""
    parts = re.fullmatch(r"(.*?)\s*[\[(](.*)[\])]", title)
    return ColumnInfo(name=parts[1], unit=parts[2]) if parts else ColumnInfo(name=title)


def _is_number(field: str) -> bool:
    try:
        float(field or "nan")
    except ValueError:
        return False
    return True


def _numbers(rows: Sequence[str], separator: str | None, source: str) -> FloatArray:
    try:
        values = np.array([[float(field or "nan") for field in _fields(row, separator)] for row in rows])
    except ValueError as error:
        raise DataError(source, "not_a_spectrum", f"not a table of numbers: {error}") from error
    if values.ndim != 2 or values.shape[1] < 2:
        raise DataError(source, "not_a_spectrum", "fewer than two columns of numbers")
    return values


def _identity(cards: dict[str, str], source: str) -> Identity:
    if "DESIG" in cards or "PLANID" in cards:
        return lamost_identity(cards, source=source, survey=LRS)
    return ondrejov_identity(cards, source=source)

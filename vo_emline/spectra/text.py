"""Spectra in text: CSV, ECSV, columns separated by blanks or bars, with or without a header line.

What people's programs write differs in everything: the marks of comments (``#``, ``%``, ``!``, ``;``,
``//``), separators, decimal commas, a line of units below the names, words for *no value*, Fortran's
exponents, the encoding. A file is read by rules that are tried on its first lines and must then hold to
the end: a line that does not fit makes it no table of numbers.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final

import numpy as np

from vo_emline.arrays import FloatArray
from vo_emline.errors import DataError
from vo_emline.spectra.cards import TextCards, to_number
from vo_emline.spectra.columns import ColumnInfo, is_length, is_other_than_flux, roles
from vo_emline.spectra.identity import general_identity, resolving_power
from vo_emline.spectra.lamost import LRS, lamost_identity
from vo_emline.spectra.medium import Medium
from vo_emline.spectra.ondrejov import RESOLVING_POWER, ondrejov_identity, survey_of
from vo_emline.spectra.spectrum import Identity, Spectrum
from vo_emline.spectra.surveys import Survey, recognise
from vo_emline.spectra.table import SpectrumTable, spectrum_from_table
from vo_emline.spectra.text_lines import LIKE_WAVELENGTH, ecsv_cards, sort_lines

MAX_TEXT: Final = 48 * 1024**2
"""Bytes of text that are gone through; a spectrum of a million pixels has fewer."""

_NO_VALUE: Final = frozenset(
    {"", "na", "n/a", "nan", "null", "none", "nil", "undef", "indef", "masked", "inf", "-inf"}
    | {"-", "--", "---", "...", "*"}
)
"""Words that stand for no value, and nothing at all."""
_FORTRAN_WITHOUT_LETTER: Final = re.compile(r"([+-]?\d*\.\d+)([+-]\d{2,3})")
_DECIMAL_COMMA: Final = re.compile(r"[+-]?\d+,\d+(?:[eEdD][+-]?\d+)?")
_QUOTED_COMMAS: Final = re.compile(r'\s*"[+-]?\d+,\d+"(?:\s*,\s*"[^"]*")+\s*')
"""Fields in quotes with decimal commas, separated by commas."""
_NOT_WAVELENGTH: Final = re.compile(r"wave_?num|freq|velo", re.IGNORECASE)
_FEWEST_BY_PLACE: Final = 50
"""Lines by which a first column can be told to be of wavelengths."""
_ECSV_COLUMN: Final = re.compile(r"#\s*- \{(.*)\}\s*")
_ECSV_PART: Final = re.compile(r"(\w+): (?:'([^']*)'|\"([^\"]*)\"|([^,}]*))")
_MOST_HEADER_LINES: Final = 3
"""Lines of names and units before the numbers."""


def read_text(content: bytes, *, source: str, medium: Medium | None = None) -> Spectrum:
    """Make a spectrum of the text of a file.

    Comment lines of the form ``# KEY = value`` are taken as header cards, quoted or not.

    Parameters
    ----------
    content
        The file.
    source
        The file, as the user named it.
    medium
        Medium of the wavelengths, stated by the user; None to go by the evidence.

    Raises
    ------
    DataError
        ``foreign`` where it is not text, ``too_large``, ``not_a_spectrum`` where it has no
        columns of numbers, or any reason of
        :func:`~vo_emline.spectra.table.spectrum_from_table`.
    """
    if len(content) > MAX_TEXT:
        raise DataError(source, "too_large", f"{len(content)} bytes of text are too many for a spectrum")
    lines = sort_lines(_decode(content, source).splitlines())
    if not lines.rows:
        raise DataError(source, "empty", "the file holds no line of data")
    form = _Form.of(lines.rows)
    names, units, values = _table(lines.rows, form, source)
    described = _by_place(_columns(names, units, lines.comments, values.shape[1]), values)
    cards = TextCards([*lines.comments, *ecsv_cards(lines.comments)])
    survey = recognise(cards, [column.name for column in described])
    return spectrum_from_table(
        SpectrumTable(
            columns=described,
            arrays=list(values.T),
            layout="text",
            identity=_identity(cards, source, survey),
            resolving_power=resolving_power(cards) or RESOLVING_POWER.get(survey_of(cards)),
            cards=cards,
            remarks=lines.comments[:2000],
            survey=survey,
        ),
        medium=medium,
    )


def _decode(content: bytes, source: str) -> str:
    for mark, encoding in ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"\xef\xbb\xbf", "utf-8-sig")):
        if content.startswith(mark):
            return content.decode(encoding, errors="replace")
    zeros = [content[start:2000:2].count(0) for start in (0, 1)]
    if min(len(content), 2000) and max(zeros) > 0.3 * min(len(content), 2000) and min(zeros) < 10:
        return content.decode("utf-16-le" if zeros[1] > zeros[0] else "utf-16-be", errors="replace")
    try:
        decoded = content.decode("utf-8")
    except UnicodeDecodeError:
        decoded = content.decode("latin-1")
    if re.search(r"[\x00-\x08\x0e-\x1f]", decoded[:4096]):
        raise DataError(source, "foreign", "neither FITS, VOTable nor text")
    return decoded


@dataclass(frozen=True, slots=True)
class _Form:
    """How the lines of a file are cut into numbers."""

    separator: str | None
    """None for blanks."""
    decimal_comma: bool = False

    @classmethod
    def of(cls, rows: Sequence[str]) -> _Form:
        """Find the separator and the decimal mark on the first lines."""
        head = rows[: _MOST_HEADER_LINES + 20]
        last = head[-1]
        if _QUOTED_COMMAS.fullmatch(last):
            return cls('","', decimal_comma=True)
        for mark in (";", "|", "\t"):
            if mark in last:
                comma = any(_DECIMAL_COMMA.fullmatch(f.strip().strip('"')) for f in last.split(mark))
                return cls(mark, comma)
        fields = last.split()
        if len(fields) > 1 and all(_DECIMAL_COMMA.fullmatch(one) for one in fields):
            return cls(None, decimal_comma=True)
        return cls("," if "," in last else None)

    def fields(self, line: str) -> list[str]:
        """Cut a line."""
        stripped = line.strip()
        if self.separator == "|":
            stripped = stripped.strip("|")
        if self.separator == "\t":  # some put a comma before it
            return [one.strip().strip("\"'").rstrip(",").strip() for one in stripped.split("\t")]
        return [one.strip().strip("\"'").strip() for one in stripped.split(self.separator)]

    def number(self, one: str) -> float:
        """Give the value of a field; NaN for words that say that there is none.

        Raises
        ------
        ValueError
            The field is no number.
        """
        try:
            return float(one)
        except ValueError:
            pass
        if self.decimal_comma and _DECIMAL_COMMA.fullmatch(one):
            return to_number(one.replace(",", "."))
        if one.lower() in _NO_VALUE:
            return float("nan")
        value = to_number(one)
        if value != value:
            odd = _FORTRAN_WITHOUT_LETTER.fullmatch(one)
            if odd is None:
                raise ValueError(f"could not convert string to float: {one!r}"[:120])
            value = float(f"{odd[1]}e{odd[2]}")
        return value

    def is_number(self, one: str) -> bool:
        """Tell whether a field is a number, or says that there is none."""
        try:
            self.number(one)
        except ValueError:
            return False
        return True


def _table(rows: Sequence[str], form: _Form, source: str) -> tuple[list[str], list[str], FloatArray]:
    """Give the names, the units and the numbers."""
    titles: list[list[str]] = []
    rows = _without_size(rows, form)
    for line in islice(rows, _MOST_HEADER_LINES):
        fields = form.fields(line)
        if any(form.is_number(one) and one for one in fields) and not any(
            one and not form.is_number(one) for one in fields
        ):
            break
        if titles and sum(form.is_number(one) and one.lower() not in _NO_VALUE for one in fields) >= 2:
            break
        titles.append(fields)
    values = _numbers(rows[len(titles) :], form, source)
    width = values.shape[1]
    names = _names(titles[0], rows[0], width) if titles else [""] * width
    units = titles[1] if len(titles) > 1 else []
    return names, units if len(units) == width else [], values


def _without_size(rows: Sequence[str], form: _Form) -> Sequence[str]:
    """Leave out a first line that says how many lines and columns follow (ESPaDOnS, Narval)."""
    size, following = form.fields(rows[0]), rows[1 : _MOST_HEADER_LINES + 20]
    says = all(one.isdecimal() for one in size) and int(size[0]) >= len(following)
    return rows[1:] if says and following and len(size) < min(3, len(form.fields(following[-1]))) else rows


def _names(fields: list[str], line: str, width: int) -> list[str]:
    """Give one name per column, also where names are separated otherwise than numbers are."""
    if len(fields) == width:
        return fields
    for separator in (None, ",", ";", "\t", "|"):
        other = [one.strip().strip('"') for one in line.strip().strip("|").split(separator)]
        if len(other) == width:
            return other
    return [""] * width


def _numbers(rows: Sequence[str], form: _Form, source: str) -> FloatArray:
    try:
        cut = [form.fields(row) for row in rows]
        width = len(cut[0]) if cut else 0
        if any(len(row) != width for row in cut):
            cut = _of_one_width(cut)
        values = np.array([[form.number(one) for one in row] for row in cut], dtype=np.float64)
    except ValueError as error:
        raise DataError(source, "not_a_spectrum", f"not a table of numbers: {error}") from error
    if values.ndim != 2 or values.shape[1] < 2:
        raise DataError(source, "not_a_spectrum", "fewer than two columns of numbers")
    return values


def _of_one_width(rows: list[list[str]]) -> list[list[str]]:
    """Take off an empty field that separators at the ends of some lines make.

    Raises
    ------
    ValueError
        The lines differ in more.
    """
    width = min(len(row) for row in rows)
    if any(one for row in rows for one in row[width:]):
        raise ValueError("the lines have different numbers of fields")
    return [row[:width] for row in rows]


def _columns(
    names: Sequence[str], units: Sequence[str], comments: Sequence[str], width: int
) -> list[ColumnInfo]:
    """Describe the columns: by the header line, the units below it, or ECSV's header."""
    declared = {one.name: one for one in _ecsv(comments)}
    if not any(names):
        names = _named_in_comments(comments, width)
    found = []
    for index, title in enumerate(names):
        column = declared.get(title) or _describe(title)
        unit = column.unit or (units[index].strip("[]() ") if index < len(units) else "")
        found.append(ColumnInfo(name=column.name, unit=unit, description=column.description))
    return found


def _by_place(columns: list[ColumnInfo], values: FloatArray) -> list[ColumnInfo]:
    """Take two columns of unknown names (*x, y*, any language) for wavelength and flux, if they can be."""
    if len(columns) != 2 or not any(one.name for one in columns) or len(values) < _FEWEST_BY_PLACE:
        return columns
    if {"wavelength", "flux"} <= roles(columns).keys() or roles(columns).get("wavelength") == 1:
        return columns
    first = columns[0]
    may_be = LIKE_WAVELENGTH.search(first.name) or is_length(first.unit) or is_length(first.name)
    if not may_be or _NOT_WAVELENGTH.search(first.name) or is_other_than_flux(columns[1].name):
        return columns
    steps = np.diff(values[:, 0])
    middle = abs(float(values[len(values) // 2, 0]))
    is_axis = (np.all(steps > 0) or np.all(steps < 0)) and any(low < middle < high for low, high in _OPTICAL)
    if not is_axis:
        return columns
    said = f"{first.name} {first.description}"
    return [replace(first, name="wavelength", description=said), replace(columns[1], name="flux")]


_OPTICAL: Final = ((3000.0, 11_000.0), (300.0, 1100.0), (0.3, 1.1), (3e-7, 1.1e-6))
"""Å, nm, µm and m."""


def _ecsv(comments: Sequence[str]) -> list[ColumnInfo]:
    """Read the columns that the header of an ECSV file declares (Astropy APE 6)."""
    found = []
    for line in comments[:2000]:
        match = _ECSV_COLUMN.fullmatch(line)
        if match is None:
            continue
        parts = {key: a or b or c.strip() for key, a, b, c in _ECSV_PART.findall(match[1][:1000])}
        if "name" in parts:
            said = parts.get("description", "")
            found.append(ColumnInfo(name=parts["name"], unit=parts.get("unit", ""), description=said))
    return found


def _named_in_comments(comments: Sequence[str], width: int) -> Sequence[str]:
    """Give names that stand in a comment (``# columns: wavelength flux``); nothing where none does."""
    for line in reversed(comments[:2000]):
        said = re.sub(r"^(?:columns?|fields?|names?|format)\s*[:=]\s*", "", line, flags=re.IGNORECASE)
        for separator in (None, ",", ";", "|", "\t"):
            names = [one.strip() for one in said.split(separator)]
            if len(names) == width and {"wavelength", "flux"} <= roles([_describe(n) for n in names]).keys():
                return names
    return [""] * width


def _describe(title: str) -> ColumnInfo:
    """Split ``wavelength [nm]``, ``wavelength (nm)`` or ``wavelength / nm`` into name and unit."""
    parts = re.fullmatch(r"(.*?)\s*[\[(](.*)[\])]", title[:200])
    if parts is None:
        parts = re.fullmatch(r"(\w+)\s+/\s*(\S+)", title[:200])
    if parts is None:
        return ColumnInfo(name=title)
    said = parts[2] if re.search(r"\b(?:air|vac|vacuum)\b", parts[2], re.IGNORECASE) else ""
    unit = re.sub(r"[,;]?\s*(?:in\s+)?\b(?:air|vac|vacuum)\b\s*[,;]?\s*", "", parts[2], flags=re.IGNORECASE)
    return ColumnInfo(name=parts[1], unit=unit.strip(), description=said)


def _identity(cards: TextCards, source: str, survey: Survey | None) -> Identity:
    if "DESIG" in cards or "PLANID" in cards:
        return lamost_identity(cards, source=source, survey=LRS)
    if survey_of(cards):
        return ondrejov_identity(cards, source=source)
    return general_identity(cards, source=source, survey=survey)

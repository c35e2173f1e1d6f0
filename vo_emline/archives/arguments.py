"""Positions, angles, wavelengths, times and lists as people give them on a command line."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from astropy import units as u
from astropy.coordinates import Angle, SkyCoord
from astropy.time import Time
from astropy.units import Quantity

from vo_emline.errors import UserError

ID_COLUMNS: Final = ("id", "publisher_did", "obs_publisher_did", "ssa_pubdid", "obsid")
"""Names of the column that holds the identifiers, in order of preference."""

_EDGE = r"\s*([\d.]+(?:[eE][+-]?\d+)?)\s*([a-zA-Z]*)\s*"
_BAND = re.compile(f"^{_EDGE},{_EDGE}$")


def parse_position(text: str) -> SkyCoord:
    """Read ``RA,DEC`` in degrees, or sexagesimal with the right ascension in hours (ICRS).

    Raises
    ------
    UserError
        If it is no position.
    """
    parts = [part.strip() for part in text.split(",")] if "," in text else text.split()
    if len(parts) != 2:
        raise UserError(f"{text!r} is no position: write RA,DEC as in 14.177,60.717 or 00:56:42,+60:43:00")
    sexagesimal = any(mark in parts[0] for mark in ": hm")
    try:
        return SkyCoord(*parts, unit=(u.hourangle if sexagesimal else u.deg, u.deg), frame="icrs")
    except (ValueError, u.UnitsError) as error:
        raise UserError(f"{text!r} is no position: {error}") from error


def parse_angle(text: str) -> Angle:
    """Read an angle, in deg unless it names a unit.

    Raises
    ------
    UserError
        If it is no angle, or not above zero.
    """
    angle = _parse(text, u.deg, "an angle such as 0.1 or 30arcmin")
    if not angle > 0:
        raise UserError(f"{text!r} is no angle above zero")
    return Angle(angle)


def parse_band(text: str) -> Quantity:
    """Read ``MIN,MAX``, two wavelengths in Å unless a unit is named, and give them in Å, ascending.

    Raises
    ------
    UserError
        If they are not two wavelengths, the first below the second.
    """
    found = _BAND.match(text)
    if found is None:
        raise UserError(f"{text!r} is not two wavelengths such as 6519,6732 or 651.9,673.2nm")
    low, low_unit, high, high_unit = found.groups()
    unit = high_unit or "Angstrom"
    said = "two wavelengths with units of length"
    edges = Quantity([_parse(low + (low_unit or unit), u.AA, said), _parse(high + unit, u.AA, said)])
    if not edges[0] < edges[1]:
        raise UserError(f"{text!r}: the first wavelength must be below the second")
    return edges


def parse_times(text: str) -> tuple[str, str]:
    """Read ``FROM,TO``, two ISO 8601 dates.

    Raises
    ------
    UserError
        If they are not.
    """
    parts = tuple(part.strip() for part in text.split(","))
    try:
        first, last = parts
        Time([first, last])
    except ValueError as error:
        raise UserError(f"{text!r} is not two dates such as 2010-01-01,2012-12-31") from error
    return first, last


def parse_duration(text: str) -> float:
    """Read a duration, in s unless it names a unit (``30min``, ``2h``); give it in s.

    Raises
    ------
    UserError
        If it is none, or not above zero.
    """
    seconds = float(_parse(text, u.s, "a time such as 90, 30min or 2h").value)
    if not seconds > 0:
        raise UserError(f"{text!r} is no time above zero")
    return seconds


def _parse(text: str, unit: u.UnitBase, said: str) -> Quantity:
    try:
        quantity = Quantity(text.strip())
        return quantity * unit if quantity.unit == u.dimensionless_unscaled else quantity.to(unit)
    except (TypeError, ValueError, u.UnitsError) as error:
        raise UserError(f"{text!r} is not {said}") from error


def read_identifiers(path: Path) -> Sequence[str]:
    """Read a list of identifiers, each once, in the order of the file.

    Parameters
    ----------
    path
        A CSV table with a column called as in :data:`ID_COLUMNS`, or a text
        file with one identifier per line; lines that begin with ``#`` are
        passed over.

    Raises
    ------
    UserError
        If the file cannot be read or holds no identifier.
    """
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"cannot read the list {path}: {error}") from error
    rows = [row for row in csv.reader(line for line in lines if not line.startswith("#")) if row]
    if not rows:
        raise UserError(f"{path} holds no identifier")
    header = [name.strip().lower() for name in rows[0]]
    column = next((header.index(name) for name in ID_COLUMNS if name in header), None)
    if column is None and len(header) > 1 and not _is_identifier(rows[0][0]):
        names = ", ".join(ID_COLUMNS)
        raise UserError(f"{path} has no column with identifiers: call it one of {names}")
    start, index = (0, 0) if column is None else (1, column)
    values = (row[index].strip() for row in rows[start:] if len(row) > index)
    return list(dict.fromkeys(value for value in values if value))


def _is_identifier(text: str) -> bool:
    return text.startswith("ivo://") or text.strip().isdigit()

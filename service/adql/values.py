"""What is known of a value before the query runs: its type, unit and meaning.

Units are those of VOUnits 1.1, computed by astropy.units, which is loaded when a unit is met.
"""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass, replace
from enum import Enum
from functools import lru_cache
from typing import Any, Final

from vo_emline.tables import Column, Datatype


class Kind(Enum):
    """The types that the language tells apart."""

    INTEGER = "whole number"
    REAL = "number"
    TEXT = "string"
    TIMESTAMP = "timestamp"
    BOOLEAN = "boolean"
    POINT = "point"
    CIRCLE = "circle"
    POLYGON = "polygon"
    REGION = "region"
    MOC = "moc"
    NULL = "NULL"
    UNKNOWN = "value"
    """The value of a column that was not looked up."""


NUMBERS: Final = frozenset({Kind.INTEGER, Kind.REAL})
REGIONS: Final = frozenset({Kind.CIRCLE, Kind.POLYGON, Kind.REGION, Kind.MOC})
GEOMETRIES: Final = REGIONS | {Kind.POINT}
OPEN: Final = frozenset({Kind.NULL, Kind.UNKNOWN})
"""Kinds that fit every place."""

_INTEGERS: Final = frozenset({"short", "int", "long"})
_XTYPES: Final = {
    "point": Kind.POINT, "circle": Kind.CIRCLE, "polygon": Kind.POLYGON, "adql:region": Kind.REGION,
    "adql:point": Kind.POINT,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Value:
    """One value of a query."""

    kind: Kind
    column: Column
    """Type, unit, UCD and the rest, as a result column would carry them."""
    native: bool = False
    """Whether the database holds it in its own timestamp type rather than as text."""

    @property
    def unit(self) -> str | None:
        """The unit, in VOUnit form; ``None`` where there is none."""
        return self.column.unit

    def fits(self, kinds: frozenset[Kind]) -> bool:
        """Tell whether the value may stand where one of `kinds` is asked for."""
        return self.kind in kinds or self.kind in OPEN

    def with_unit(self, unit: str | None) -> Value:
        """Give the same value in another unit."""
        return replace(self, column=replace(self.column, unit=unit))


def of_column(column: Column) -> Value:
    """Give the value that a column of a table holds."""
    xtype = (column.xtype or "").lower()
    if xtype in _XTYPES:
        return Value(_XTYPES[xtype], column)
    if column.moc:
        return Value(Kind.MOC, column)
    if xtype == "timestamp":
        return Value(Kind.TIMESTAMP, column)
    if column.datatype in {"char", "unicodeChar"}:
        return Value(Kind.TEXT, column)
    if column.arraysize not in {None, "", "1"}:
        return Value(Kind.UNKNOWN, column)
    if column.datatype == "boolean":
        return Value(Kind.BOOLEAN, column)
    return Value(Kind.INTEGER if column.datatype in _INTEGERS else Kind.REAL, column)


def number(datatype: Datatype, *, unit: str | None = None, ucd: str | None = None, text: str = "") -> Value:
    """Give a number of this VOTable type."""
    kind = Kind.INTEGER if datatype in _INTEGERS else Kind.REAL
    return Value(kind, Column(name="", datatype=datatype, unit=unit, ucd=ucd, description=text))


def text(*, unicode: bool = False, arraysize: str = "*", description: str = "") -> Value:
    """Give a string."""
    datatype: Datatype = "unicodeChar" if unicode else "char"
    return Value(Kind.TEXT, Column(name="", datatype=datatype, arraysize=arraysize, description=description))


def timestamp() -> Value:
    """Give an instant of time, of the database's own type."""
    column = Column(name="", datatype="char", arraysize="*", xtype="timestamp", description="")
    return Value(Kind.TIMESTAMP, column, native=True)


def geometry(kind: Kind) -> Value:
    """Give a point, circle, polygon or MOC in its DALI form (DALI 1.1, section 3.3; a MOC is text)."""
    if kind is Kind.MOC:
        return Value(kind, Column(name="", datatype="char", arraysize="*", moc=True, description=""))
    size = {Kind.POINT: "2", Kind.CIRCLE: "3"}.get(kind, "*")
    xtype = kind.value
    return Value(
        kind, Column(name="", datatype="double", arraysize=size, unit="deg", xtype=xtype, description="")
    )


NULL: Final = Value(Kind.NULL, Column(name="", datatype="char", arraysize="*", description=""))
UNKNOWN: Final = Value(Kind.UNKNOWN, Column(name="", datatype="char", arraysize="*", description=""))


class UnitProblemError(ValueError):
    """A unit is not valid, or cannot be converted into the other."""


LONGEST_UNIT: Final = 100
"""Characters of a unit at most: reading one takes time that grows with it."""
_ENDLESS: Final = re.compile(r"[*^+-]\s*\(?\s*[+-]?\s*\d{4}")
"""A power so high that it would be worked out for seconds, or for ever."""


@lru_cache(maxsize=256)
def parse_unit(unit: str) -> Any:
    """Read a unit in VOUnit form.

    Raises
    ------
    UnitProblemError
        If it is none.
    """
    from astropy import units as u

    if len(unit) > LONGEST_UNIT or _ENDLESS.search(unit):
        raise UnitProblemError(f"{unit[:LONGEST_UNIT]!r} is too long for a unit, or has too high a power")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", u.UnitsWarning)  # deprecated units are units
            return u.Unit(unit, format="vounit", parse_strict="raise")
    except (ValueError, TypeError, ArithmeticError) as error:
        raise UnitProblemError(f"{unit!r} is not a unit in VOUnit form") from error


@lru_cache(maxsize=256)
def conversion(source: str, target: str) -> float:
    """Give the factor from one unit to another.

    Raises
    ------
    UnitProblemError
        If one of them is no unit, or one cannot be converted into the other.
    """
    from astropy import units as u

    try:
        return float(parse_unit(source).to(parse_unit(target)))
    except u.UnitConversionError as error:
        raise UnitProblemError(f"{source} cannot be converted to {target}") from error


@lru_cache(maxsize=256)
def combined(left: str | None, right: str | None, power: float) -> str | None:
    """Give the unit of ``left * right**power``; ``None`` where a unit cannot be read or written."""
    if left is None and right is None:
        return None
    try:
        product = _unit(left) * _unit(right) ** power
        text = str(product.to_string("vounit")) if product.bases else ""
    except (UnitProblemError, ValueError, TypeError, ArithmeticError):
        return None
    return text or None


def _unit(unit: str | None) -> Any:
    from astropy import units as u

    return u.dimensionless_unscaled if unit is None else parse_unit(unit)

"""Arithmetic with units, through astropy.units (VOUnits 1.1); astropy is loaded when a unit is met."""

from __future__ import annotations

import warnings
from functools import lru_cache
from typing import Any


class UnitProblemError(ValueError):
    """A unit is not valid, or cannot be converted into the other."""


@lru_cache(maxsize=256)
def parse_unit(unit: str) -> Any:
    """Read a unit in VOUnit form.

    Raises
    ------
    UnitProblemError
        If it is none.
    """
    from astropy import units as u

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", u.UnitsWarning)  # deprecated units are units
            return u.Unit(unit, format="vounit", parse_strict="raise")
    except (ValueError, TypeError) as error:
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
    except (UnitProblemError, ValueError, TypeError):
        return None
    return text or None


def _unit(unit: str | None) -> Any:
    from astropy import units as u

    return u.dimensionless_unscaled if unit is None else parse_unit(unit)

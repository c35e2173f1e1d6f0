"""The measured line of a candidate as people read it: value and error, rounded together."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from vo_emline.measure.quantities import ANGSTROM, KMS, QUANTITIES

UNITS: Final = {ANGSTROM: "Å", KMS: "km/s"}
"""How people write units whose standard form they would not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LineFact:
    """One measured quantity."""

    name: str
    """Name of its column."""
    text: str
    """Value, error and unit."""
    description: str


def line_facts(row: Mapping[str, Any]) -> Sequence[LineFact]:
    """Give the quantities that were measured of a row of the scores; none for what is no candidate."""
    facts = []
    for quantity in QUANTITIES:
        value, error = row[quantity.name], row[quantity.error_name]
        if value is not None:
            text = f"{with_error(value, error)} {written(quantity.unit)}".strip()
            facts.append(LineFact(name=quantity.name, text=text, description=quantity.description))
    return facts


def written(unit: str | None) -> str:
    """Give a unit as people write it.

    >>> written("0.1nm"), written("km.s**-1"), written("deg"), written(None)
    ('Å', 'km/s', 'deg', '')
    """
    return UNITS.get(unit or "", unit or "")


def with_error(value: float, error: float | None) -> str:
    """Write a value with as many digits as its error gives reason to, which is two of that.

    >>> with_error(-4.1317, 0.4487), with_error(476.69, 21.5), with_error(1234.6, 250.0)
    ('−4.13 ± 0.45', '477 ± 22', '1235 ± 250')
    """
    if error is None or not math.isfinite(error) or error <= 0:
        return f"{value:.4g}".replace("-", "−")
    digits = max(0, 1 - math.floor(math.log10(error)))
    return f"{value:.{digits}f} ± {error:.{digits}f}".replace("-", "−")

"""Numbers as people write them."""

from __future__ import annotations

import math
from typing import Final

from vo_emline.measure.quantities import ANGSTROM, KMS

UNITS: Final = {ANGSTROM: "Å", KMS: "km/s"}
"""How people write units whose standard form they would not."""


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


def probability(value: float) -> str:
    """Write a probability; none is written as a certainty.

    >>> probability(0.4567), probability(0.99996), probability(0.0001)
    ('0.457', '> 0.999', '< 0.001')
    """
    if value > 0.9995:
        return "> 0.999"
    return "< 0.001" if value < 0.0005 else f"{value:.3f}"

"""Values of header cards and table parameters, with the archives' ways of saying *unknown* removed."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

SENTINEL: Final = -9999.0
"""What LAMOST writes where a number is not known."""

_MJD_ZERO: Final = datetime(1858, 11, 17)  # noqa: DTZ001 - MJD counts naive UTC days


class Cards(Protocol):
    """Anything that answers ``get`` like a mapping: a FITS header, a dictionary of parameters."""

    def get(self, key: str, default: Any = None, /) -> Any:
        """Give the value of `key`, or `default`."""


def text(cards: Cards, *keys: str) -> str:
    """Give the first of `keys` that holds some text, stripped; empty where none does."""
    for key in keys:
        value = cards.get(key)
        if isinstance(value, (int, float)):  # the plan identifier of some files is a number
            value = str(value)
        found = value.strip() if isinstance(value, str) else ""
        if found:
            return found
    return ""


def number(cards: Cards, *keys: str) -> float | None:
    """Give the first of `keys` that holds a finite number other than -9999, also one written as text."""
    for key in keys:
        value = cards.get(key)
        if not isinstance(value, (str, int, float)) or isinstance(value, bool):
            continue
        try:
            found = float(value)
        except ValueError:
            continue
        if math.isfinite(found) and found != SENTINEL:
            return found
    return None


def integer(cards: Cards, *keys: str) -> int | None:
    """Give the first of `keys` that holds a number, as an integer (DR2 writes ``FIBERID = '1'``)."""
    found = number(cards, *keys)
    return None if found is None else int(found)


def iso_to_mjd(value: str) -> float | None:
    """Convert an ISO date, with or without a time, to MJD (UTC); None where it is not one."""
    try:
        moment = datetime.fromisoformat(value.strip().removesuffix("Z"))
    except ValueError:
        return None
    return (moment.replace(tzinfo=None) - _MJD_ZERO) / timedelta(days=1)

"""Values of header cards and table parameters, with the archives' ways of saying *unknown* removed."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Any, Final, Protocol

SENTINEL: Final = -9999.0
"""What LAMOST writes where a number is not known."""

_FORTRAN: Final = re.compile(r"(?<=[\d.])[dD](?=[+-]?\d)")
"""The exponent letter of double precision in Fortran."""

_CARD: Final = re.compile(
    r"(?P<key>[A-Za-z_][\w .-]{0,60}?)\s*[=:]\s*(?:'(?P<text>(?:[^']|'')*)'|(?P<bare>.*?))\s*"
    r"(?:(?<!:)/(?!/)\s*(?P<comment>.*))?"
)
"""A header card as people write it into text: FITS, or *key: value*."""


class Cards(Protocol):
    """Anything that answers ``get`` like a mapping: a FITS header, a dictionary of parameters."""

    def get(self, key: str, default: Any = None, /) -> Any:
        """Give the value of `key`, or `default`."""


class Chain:
    """Several headers as one; the first that has a card answers.

    Parameters
    ----------
    headers
        From the nearest to the spectrum (its extension) to the furthest.
    """

    def __init__(self, *headers: Cards) -> None:
        self.headers = headers

    def get(self, key: str, default: Any = None, /) -> Any:
        """Give the first value of `key`."""
        for header in self.headers:  # asked dozens of times for every file
            value = header.get(key)
            if value is not None:
                return value
        return default

    def comment(self, key: str) -> str:
        """Give the comment of the card that :meth:`get` answers with."""
        return next((comment(h, key) for h in self.headers if h.get(key) is not None), "")


class TextCards(dict[str, Any]):
    """Cards found in lines of text; values are text, keys upper case.

    Parameters
    ----------
    lines
        Lines of a header or comment, without their comment marks.
    """

    def __init__(self, lines: Iterable[str] = ()) -> None:
        super().__init__()
        self.remarks: dict[str, str] = {}
        for line in lines:
            card = _CARD.fullmatch(line.strip()[:500])
            if card is None:
                continue
            key = card["key"].strip().upper()
            quoted = card["text"]
            self.setdefault(key, card["bare"].strip().strip("\"'") if quoted is None else quoted.strip())
            self.remarks.setdefault(key, (card["comment"] or "").strip())

    def comment(self, key: str) -> str:
        """Give what stands behind the value of `key`."""
        return self.remarks.get(key, "")


def comment(cards: Cards, key: str) -> str:
    """Give the comment of a card where the header has comments, else nothing."""
    own = getattr(cards, "comment", None)
    if own is not None:
        return str(own(key)) if cards.get(key) is not None else ""
    comments = getattr(cards, "comments", None)
    if comments is None or cards.get(key) is None:
        return ""
    return str(comments[key])


def text(cards: Cards, *keys: str) -> str:
    """Give the first of `keys` that holds some text, stripped; empty where none does."""
    for key in keys:
        value = cards.get(key)
        if value is None:
            continue
        if isinstance(value, (int, float)):  # the plan identifier of some files is a number
            value = str(value)
        if isinstance(value, str) and (found := value.strip()):
            return found
    return ""


def number(cards: Cards, *keys: str) -> float | None:
    """Give the first of `keys` that holds a finite number other than -9999, also one written as text."""
    for key in keys:
        value = cards.get(key)
        if not isinstance(value, (str, int, float)) or isinstance(value, bool):
            continue
        found = to_number(value)
        if math.isfinite(found) and found != SENTINEL:
            return found
    return None


def to_number(value: str | float) -> float:
    """Convert a value to a number, also one of Fortran's (``1.5D+02``); NaN where it is none."""
    try:
        return float(value)
    except ValueError:
        pass
    except OverflowError:  # an integer of hundreds of digits
        return math.inf
    try:
        return float(_FORTRAN.sub("e", str(value)))
    except ValueError:
        return math.nan


def integer(cards: Cards, *keys: str) -> int | None:
    """Give the first of `keys` that holds a number, as an integer (DR2 writes ``FIBERID = '1'``).

    Integers are not passed through a float, which would round identifiers of 64 bits.
    """
    for key in keys:
        value = cards.get(key)
        if isinstance(value, int) and not isinstance(value, bool) and value != SENTINEL:
            return value
        if isinstance(value, str) and re.fullmatch(r"[+-]?\d{1,40}", value.strip()):
            whole = int(value)
            if whole != SENTINEL:
                return whole
            continue
        found = number(cards, key)
        if found is not None:
            return int(found)
    return None


def logical(cards: Cards, key: str) -> bool | None:
    """Give a card that says yes or no, as a logical, as 0 or 1, or as a word; None where it says neither."""
    value = cards.get(key)
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word in {"t", "true", "1", "1.0", "yes", "y"}:
        return True
    return False if word in {"f", "false", "0", "0.0", "no", "n"} else None

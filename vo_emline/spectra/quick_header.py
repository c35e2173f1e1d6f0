"""FITS headers for bulk reading: only the cards that are asked for, without astropy.

Files of one release share their list of keywords, so that list is gone
through once and remembered; of every further file only the values that
somebody asks for are looked at. Anything that is not plain FITS (Standard 4.0,
section 4) is left to astropy by raising :class:`Unexpected`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

import numpy as np

BLOCK: Final = 2880
CARD: Final = 80

_KEYWORD_SIZE: Final = 10
"""Bytes of a card that hold the keyword and the value indicator."""

_KEYWORD: Final = re.compile(rb"([A-Z0-9_-]+) *")
_COMMENTARY: Final = frozenset({b"COMMENT ", b"HISTORY ", b"        "})
_TO_ASTROPY: Final = frozenset({b"CONTINUE", b"HIERARCH"})
"""Cards that span several, or have long names."""

_VALUE: Final = re.compile(
    rb" *(?:'(?P<text>(?:[^']|'')*)'|(?P<logical>[TF])|(?P<integer>[+-]?\d+)"
    rb"|(?P<real>[+-]?(?:\d+\.?\d*|\.\d+)(?:[ED][+-]?\d+)?)|) *(?:/(?P<comment>.*))?"
)


class Unexpected(Exception):  # noqa: N818  it is no error: the thorough reader takes over
    """The file is not as plain as bulk reading wants it."""


class Header:
    """The cards of one HDU, each read when it is asked for.

    Parameters
    ----------
    content
        The cards, without END.

    Raises
    ------
    Unexpected
        The keywords are not plain, or there is more than printable ASCII.
    """

    __slots__ = ("_content", "_where")

    def __init__(self, content: bytes) -> None:
        cards = np.frombuffer(content, dtype=np.uint8).reshape(-1, CARD)
        if ((cards - 32) > 94).any():  # below a blank (by overflow) or beyond a tilde
            raise Unexpected
        self._content = content
        self._where = _keywords(cards[:, :_KEYWORD_SIZE].tobytes())

    def get(self, key: str, default: Any = None, /) -> Any:
        """Give the value of the first card `key`: text, number or logical; `default` where there is none.

        Raises
        ------
        Unexpected
            The value is not plain.
        """
        index = self._where.get(key)
        if index is None:
            return default
        start = CARD * index + _KEYWORD_SIZE
        return _value(self._content[start : start + CARD - _KEYWORD_SIZE])

    def comment(self, key: str) -> str:
        """Give the comment of the card `key`, which must be there."""
        start = CARD * self._where[key] + _KEYWORD_SIZE
        found = _parse(self._content[start : start + CARD - _KEYWORD_SIZE])["comment"]
        return (found or b"").decode("ascii").strip()


@lru_cache(maxsize=8192)
def _value(card: bytes) -> str | int | float | bool | None:
    """Read the value in a card; most cards of a file are the same in many others."""
    value = _parse(card)
    if value["text"] is not None:
        return value["text"].replace(b"''", b"'").decode("ascii").rstrip()
    if value["integer"] is not None:
        return int(value["integer"])
    if value["real"] is not None:
        return float(value["real"].replace(b"D", b"E"))
    return None if value["logical"] is None else value["logical"] == b"T"


def _parse(card: bytes) -> re.Match[bytes]:
    value = _VALUE.fullmatch(card)
    if value is None:
        raise Unexpected
    return value


def cards_end(content: bytes, start: int = 0) -> int:
    """Find where the END card of the header at `start` begins; -1 where it is not in `content`."""
    end = content.find(b"END" + b" " * 77, start)
    while end >= 0 and (end - start) % CARD:
        end = content.find(b"END" + b" " * 77, end + 1)
    return end


def data_start(end: int) -> int:
    """Give where the data begin after an END card at `end`: at the next block."""
    return -(-(end + CARD) // BLOCK) * BLOCK


@lru_cache(maxsize=1024)
def _keywords(column: bytes) -> Mapping[str, int]:
    """Find the number of the first card of each keyword."""
    where: dict[str, int] = {}
    for index, start in enumerate(range(0, len(column), _KEYWORD_SIZE)):
        keyword, indicator = column[start : start + 8], column[start + 8 : start + _KEYWORD_SIZE]
        if keyword in _COMMENTARY:
            continue
        name = _KEYWORD.fullmatch(keyword)
        if name is None or indicator != b"= " or keyword in _TO_ASTROPY:
            raise Unexpected
        where.setdefault(name[1].decode("ascii"), index)
    return where

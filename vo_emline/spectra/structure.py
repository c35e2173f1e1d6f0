"""The skeleton of a FITS file, walked by ourselves: numbers are looked at before a library acts on them.

A header may announce 10²⁰ columns, 10⁹ axes or an image of 10²⁰ pixels; libraries make room for them.
Here the mandatory cards of each HDU are read (FITS Standard 4.0, section 4.4.1) and believed only within
what the file can hold, so that a library is given the sound beginning of a file and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from vo_emline.errors import DataError

BLOCK: Final = 2880
CARD: Final = 80
MOST_HDUS: Final = 2_000
MOST_AXES: Final = 8
MOST_FIELDS: Final = 999
"""Columns of a table (FITS Standard 4.0, section 7.3.1)."""
LONGEST_HEADER: Final = 200 * BLOCK
LARGEST_PACKED: Final = 256 * 1024**2
"""Bytes of a compressed image once unpacked."""

_BITPIX: Final = frozenset({8, 16, 32, 64, -32, -64})
_INTEGER: Final = re.compile(rb"\s*([+-]?\d{1,18})\s*(?:/.*)?")
_FORM: Final = re.compile(rb"\s*'\s*(\d{0,12})\s*([LXBIJKAEDCMPQ])")
_WIDTHS: Final = {b"L": 1, b"B": 1, b"I": 2, b"J": 4, b"K": 8, b"A": 1, b"E": 4, b"D": 8, b"C": 8, b"M": 16,
                  b"P": 8, b"Q": 16}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Span:
    """Where an HDU lies in a file, bytes."""

    start: int
    data: int
    """Where its data begin."""
    size: int
    """Bytes of its data, without padding."""

    @property
    def end(self) -> int:
        """Where the next HDU begins."""
        return self.data + -(-self.size // BLOCK) * BLOCK


def spans(content: bytes, *, source: str) -> Iterator[Span]:
    """Give the HDUs of a file as long as they make sense.

    Parameters
    ----------
    content
        The whole file.
    source
        The file, as the user named it.

    Raises
    ------
    DataError
        ``broken`` at a header that makes no sense, ``truncated`` where the file ends before the data
        of an HDU do.
    """
    start = 0
    while start < len(content) and start // BLOCK < len(content) // BLOCK + 1:
        if start and not content.startswith(b"XTENSION", start):
            return  # padding, or something that is no FITS any more
        span = _span(content, start, source)
        yield span
        start = span.end


def _span(content: bytes, start: int, source: str) -> Span:
    span = measure(content, start, source=source)
    if span.data + span.size > len(content):
        message = f"the file ends at byte {len(content)}, its data at {span.data + span.size}"
        raise DataError(source, "truncated", message)
    return span


def measure(content: bytes, start: int, *, source: str) -> Span:
    """Give the place of the HDU whose header begins at `start`; its data need not be in `content`.

    Raises
    ------
    DataError
        ``broken`` or ``truncated`` where the header makes no sense or does not end.
    """
    end = _end_card(content, start)
    if end < 0:
        room = len(content) - start
        what = "truncated" if room < LONGEST_HEADER else "broken"
        raise DataError(source, what, f"the header at byte {start} does not end")
    cards = _mandatory(content, start, end)
    data = start + -(-(end + CARD - start) // BLOCK) * BLOCK
    try:
        size = _size(cards)
    except (KeyError, ValueError) as error:
        raise DataError(source, "broken", f"the header at byte {start} makes no sense: {error}") from error
    return Span(start, data, size)


def _end_card(content: bytes, start: int) -> int:
    limit = min(len(content), start + LONGEST_HEADER)
    end = content.find(b"END" + b" " * 5, start, limit)
    while end >= 0 and (end - start) % CARD:
        end = content.find(b"END" + b" " * 5, end + 1, limit)
    return end


def _mandatory(content: bytes, start: int, end: int) -> dict[bytes, bytes]:
    """Collect what follows the value indicator of the cards that say how the data lie."""
    found: dict[bytes, bytes] = {}
    for at in range(start, end, CARD):
        key = content[at : at + 8].rstrip()
        if content[at + 8 : at + 9] == b"=" and _MANDATORY.fullmatch(key):
            found.setdefault(key, content[at + 9 : at + CARD])
    return found


_MANDATORY: Final = re.compile(
    rb"SIMPLE|XTENSION|BITPIX|NAXIS\d*|PCOUNT|GCOUNT|TFIELDS|THEAP|TFORM\d+|GROUPS|ZIMAGE|ZBITPIX|ZNAXIS\d*|ZTILE\d+"
)


def _size(cards: dict[bytes, bytes]) -> int:
    """Compute the bytes of the data.

    Raises
    ------
    ValueError
        A number is absurd.
    """
    bits, axes = _integer(cards, b"BITPIX"), _integer(cards, b"NAXIS")
    if bits not in _BITPIX:
        raise ValueError(f"BITPIX = {bits}")
    if not 0 <= axes <= MOST_AXES:
        raise ValueError(f"NAXIS = {axes}")
    lengths = [_integer(cards, b"NAXIS%d" % axis) for axis in range(1, axes + 1)]
    if any(not 0 <= length < 2**40 for length in lengths):
        raise ValueError(f"axes of {lengths} pixels")
    parameters, groups = _integer(cards, b"PCOUNT", 0), _integer(cards, b"GCOUNT", 1)
    if not 0 <= parameters < 2**40 or groups != 1 or b"GROUPS" in cards:
        raise ValueError("groups, or a heap of absurd size")
    if b"TFIELDS" in cards:
        _check_table(cards, lengths)
    if b"ZIMAGE" in cards:
        _check_packed(cards)
    size = abs(bits) // 8
    for length in lengths:
        size *= length
    return (size if axes else 0) + parameters * (abs(bits) // 8)


def _check_table(cards: dict[bytes, bytes], lengths: list[int]) -> None:
    fields = _integer(cards, b"TFIELDS")
    if not 0 <= fields <= MOST_FIELDS:
        raise ValueError(f"TFIELDS = {fields}")
    if b"BINTABLE" not in cards.get(b"XTENSION", b""):
        return
    width = 0
    for column in range(1, fields + 1):
        form = _FORM.match(cards.get(b"TFORM%d" % column, b""))
        if form is None:
            raise ValueError(f"TFORM{column} is missing or no format")
        repeat = int(form[1]) if form[1] else 1
        width += -(-repeat // 8) if form[2] == b"X" else repeat * _WIDTHS[form[2]]
    if not lengths or width > lengths[0]:
        raise ValueError(f"columns of {width} bytes in rows of {lengths[:1]}")


def _check_packed(cards: dict[bytes, bytes]) -> None:
    axes = _integer(cards, b"ZNAXIS")
    if not 0 < axes <= MOST_AXES:
        raise ValueError(f"ZNAXIS = {axes}")
    size = abs(_integer(cards, b"ZBITPIX")) // 8
    for axis in range(1, axes + 1):
        length = _integer(cards, b"ZNAXIS%d" % axis)
        if not length > 0 or not 0 < _integer(cards, b"ZTILE%d" % axis, length) <= length:
            raise ValueError(f"ZNAXIS{axis} = {length}")
        size *= length
    if not 0 < size <= LARGEST_PACKED:
        raise ValueError(f"an image of {size} bytes")


def _integer(cards: dict[bytes, bytes], key: bytes, default: int | None = None) -> int:
    if key not in cards and default is not None:
        return default
    found = _INTEGER.fullmatch(cards.get(key, b""))
    if found is None:
        raise ValueError(f"{key.decode()} is missing or no integer")
    return int(found[1])

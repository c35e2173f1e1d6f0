"""Bytes and header cards for bulk reading: only those that are asked for, without astropy.

Files of one release share their list of keywords, so that list is gone
through once and remembered; of every further file only the values that
somebody asks for are looked at. Anything that is not plain FITS (Standard 4.0,
section 4) is left to the thorough reader by raising :class:`Unexpected`. Of a gzipped file all is
decompressed, of a plain one only what is asked for is read.
"""

from __future__ import annotations

import os
import re
import stat
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np

from vo_emline.spectra.limits import GZIP_MAGIC, MAX_BYTES
from vo_emline.spectra.parts import printable

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
        where = self._where.get(key)
        return default if where is None else _value(self._content[where])

    def comment(self, key: str) -> str:
        """Give the comment of the card `key`, which must be there."""
        found = _parse(self._content[self._where[key]])["comment"]
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
def _keywords(column: bytes) -> Mapping[str, slice]:
    """Find the bytes of the value and comment of the first card of each keyword."""
    where: dict[str, slice] = {}
    for index, start in enumerate(range(0, len(column), _KEYWORD_SIZE)):
        keyword, indicator = column[start : start + 8], column[start + 8 : start + _KEYWORD_SIZE]
        if keyword in _COMMENTARY:
            continue
        name = _KEYWORD.fullmatch(keyword)
        if name is None or indicator != b"= " or keyword in _TO_ASTROPY:
            raise Unexpected
        key = name[1].decode("ascii")
        if key in where and key.startswith("NAXIS"):
            raise Unexpected  # readers differ in which of two they believe
        where.setdefault(key, slice(CARD * index + _KEYWORD_SIZE, CARD * (index + 1)))
    return where


FIRST: Final = 5 * BLOCK
"""Bytes read at first: the primary header of every LAMOST release fits."""


class Source(Protocol):
    """The content of a file, decompressed."""

    head: bytes
    """Its first bytes, at least :data:`FIRST` where it has as many."""
    size: int
    """Bytes of the content."""

    def read(self, start: int, size: int) -> bytes:
        """Give `size` bytes from `start` on.

        Raises
        ------
        Unexpected
            The content ends before.
        """
        ...


class _Plain:
    __slots__ = ("_file", "head", "size")

    def __init__(self, file: int, head: bytes, size: int) -> None:
        self._file, self.head, self.size = file, head, size

    def read(self, start: int, size: int) -> bytes:
        found = os.pread(self._file, size, start)
        if len(found) != size:
            raise Unexpected
        return found


class _Decompressed:
    __slots__ = ("head", "size")

    def __init__(self, content: bytes) -> None:
        self.head, self.size = content, len(content)

    def read(self, start: int, size: int) -> bytes:
        if start + size > self.size:
            raise Unexpected
        return self.head[start : start + size]


@contextmanager
def opened(path: str | Path) -> Iterator[tuple[Source, int]]:
    """Open a file for reading parts of it.

    A gzip stream is decompressed to its end and its checksum verified, so
    that a damaged file is never taken for a good one.

    Parameters
    ----------
    path
        The file.

    Yields
    ------
    tuple
        Its content, and the size of the file on disk, bytes.

    Raises
    ------
    Unexpected
        It is no regular file of a name in UTF-8, too large, empty, gzipped in more than one member, or
        damaged.
    OSError
        It cannot be read.
    """
    if printable(path) != str(path):
        raise Unexpected
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # a pipe is not waited for
    try:
        status = os.fstat(file)
        size = status.st_size
        if not (stat.S_ISREG(status.st_mode) and 0 < size <= MAX_BYTES):
            raise Unexpected
        head = os.pread(file, FIRST, 0)
        if head.startswith(GZIP_MAGIC):
            yield _Decompressed(_gunzip(head + os.pread(file, size - len(head), len(head)))), size
        else:
            yield _Plain(file, head, size), size
    finally:
        os.close(file)


def _gunzip(content: bytes) -> bytes:
    # the last four bytes say how long the content is, if there is one member
    announced = int.from_bytes(content[-4:], "little")
    if announced > MAX_BYTES:
        raise Unexpected
    try:
        found = _decompress(content, announced)
    except (zlib.error, _GZIP.error) as error:
        raise Unexpected from error
    if len(found) != announced:
        raise Unexpected
    return found


def _gzip_library() -> Any:
    """Give Intel's decompressor where it is installed: it takes half the time of zlib."""
    try:
        from isal import isal_zlib
    except ImportError:
        return zlib
    return isal_zlib


_GZIP: Final = _gzip_library()


def _one_member(decompressor: Callable[..., Any]) -> Callable[[bytes, int], bytes]:
    def decompress(content: bytes, announced: int) -> bytes:
        decoder = decompressor(wbits=31)
        found: bytes = decoder.decompress(content, announced + 1)
        if not decoder.eof or decoder.unused_data:
            raise Unexpected
        return found

    return decompress


_decompress: Final = _one_member(_GZIP.decompressobj)

"""The bytes of a file for bulk reading: only those that are asked for, or all of them where it is gzipped."""

from __future__ import annotations

import os
import stat
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Protocol

from vo_emline.spectra.discover import printable
from vo_emline.spectra.limits import GZIP_MAGIC, MAX_BYTES
from vo_emline.spectra.quick_header import BLOCK, Unexpected

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

"""What a delivered file is, and whether all of it is there."""

from __future__ import annotations

import base64
import gzip
import hashlib
import re
import zlib
from collections.abc import Mapping
from typing import Final

BLOCK: Final = 2880
"""Length of a FITS block, bytes (FITS standard 4.0, section 3.1)."""

_CARD = 80
_GZIP_MAGIC = b"\x1f\x8b"
_FITS_MAGIC = b"SIMPLE  ="
_MESSAGE = re.compile(rb"QUERY_STATUS[^>]*>\s*([^<]+)<")
_HEAD = re.compile(rb"<head.*?</head>", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(rb"<[^>]*>")


class ContentError(Exception):
    """What was delivered is not the file that was asked for.

    Parameters
    ----------
    code
        Machine-readable reason.
    message
        The reason in one sentence.
    retry
        Whether asking again may help (half a file, a wrong checksum).
    """

    def __init__(self, code: str, message: str, *, retry: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.retry = retry


def check_fits(content: bytes) -> None:
    """Check that `content` is one whole FITS file, gzipped or not.

    Raises
    ------
    ContentError
        If it is empty, something else (an error message, a web page), or not
        all there.
    """
    if not content:
        raise ContentError("empty", "the service delivered an empty file")
    plain = _gunzip(content) if content.startswith(_GZIP_MAGIC) else content
    if not plain.startswith(_FITS_MAGIC):
        raise ContentError("not_fits", f"the service delivered no FITS file but: {excerpt(plain)}")
    if len(plain) < fits_length(plain):
        raise ContentError("truncated", "the FITS file is not all there", retry=True)


def fits_suffix(content: bytes) -> str:
    """Give the suffix that a FITS file should have: ``.fits`` or ``.fits.gz``."""
    return ".fits.gz" if content.startswith(_GZIP_MAGIC) else ".fits"


def fits_length(content: bytes) -> int:
    """Compute the length a FITS file must have at least, bytes, from its headers.

    Padding after the last data unit is not counted: some services leave it out.

    Raises
    ------
    ContentError
        If a header has no end, or no header announces any data: then the file
        was cut after an empty primary unit.
    """
    start, needed, announced = 0, 0, 0
    while start < len(content) and content[start : start + 8] in {b"SIMPLE  ", b"XTENSION"}:
        data_start, size = _read_header(content, start)
        needed, announced = data_start + size, announced + size
        start = data_start + -(-size // BLOCK) * BLOCK
    if not announced:
        raise ContentError("truncated", "the FITS file holds no data", retry=True)
    return needed


def check_digests(content: bytes, headers: Mapping[str, str]) -> None:
    """Compare `content` with the checksums that the HTTP headers state, if any.

    ``Content-MD5`` (RFC 1864), ``Digest`` (RFC 3230) and ``Repr-Digest`` and
    ``Content-Digest`` (RFC 9530) are understood; they describe the bytes as
    sent, so that a transport coding makes them unusable here.

    Raises
    ------
    ContentError
        If one differs.
    """
    if headers.get("content-encoding", "identity") != "identity":
        return
    stated = [("md5", headers["content-md5"])] if "content-md5" in headers else []
    for name in ("digest", "repr-digest", "content-digest"):
        for part in headers.get(name, "").split(","):
            algorithm, _, value = part.strip().partition("=")
            stated.append((algorithm.lower().replace("sha-", "sha"), value.strip(":")))
    for algorithm, value in stated:
        if algorithm in {"md5", "sha256", "sha512"} and value != _digest(algorithm, content):
            raise ContentError("checksum", f"the {algorithm} checksum of the answer is wrong", retry=True)


def excerpt(content: bytes) -> str:
    """Give the words of an error message, without markup, at most 160 characters."""
    found = _MESSAGE.search(content[:4000])
    words = found.group(1) if found else _TAG.sub(b" ", _HEAD.sub(b" ", content[:4000]))
    return " ".join(words.decode("utf-8", "replace").split())[:160]


def _digest(algorithm: str, content: bytes) -> str:
    return base64.b64encode(hashlib.new(algorithm, content, usedforsecurity=False).digest()).decode()


def _gunzip(content: bytes) -> bytes:
    try:
        return gzip.decompress(content)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ContentError("truncated", f"the gzip file is not all there: {error}", retry=True) from error


def _read_header(content: bytes, start: int) -> tuple[int, int]:
    """Give where the data of the unit at `start` begin, and their size (FITS 4.0, section 4.4.1)."""
    cards: dict[str, int] = {}
    for offset in range(start, len(content) - _CARD + 1, _CARD):
        card = content[offset : offset + _CARD]
        key = card[:8].decode("ascii", "replace").rstrip()
        if key == "END":
            end = start + -(-(offset + _CARD - start) // BLOCK) * BLOCK
            return end, _data_size(cards)
        if card[8:10] == b"= ":
            value = card[10:30].strip()
            if value.lstrip(b"-").isdigit():
                cards[key] = int(value)
    raise ContentError("truncated", "a FITS header has no end", retry=True)


def _data_size(cards: Mapping[str, int]) -> int:
    axes = [cards.get(f"NAXIS{i + 1}", 0) for i in range(cards.get("NAXIS", 0))]
    if not axes:
        return 0
    pixels = 1
    for length in axes:
        pixels *= length
    return abs(cards.get("BITPIX", 8)) // 8 * cards.get("GCOUNT", 1) * (cards.get("PCOUNT", 0) + pixels)

"""What a file is that is no spectrum, and what to do with it: told by its first bytes."""

from __future__ import annotations

import re
from typing import Final

_TABLE: Final = "write the spectrum as CSV or FITS (two columns, wavelength and flux)"

_MAGIC: Final[tuple[tuple[bytes, str], ...]] = (
    (b"\x1f\x9d", "compressed by compress (.Z); uncompress it, or gzip it instead"),
    (b"7z\xbc\xaf'\x1c", "a 7z archive; unpack it and name the files or their folder"),
    (b"Rar!", "a RAR archive; unpack it and name the files or their folder"),
    (b"\x28\xb5\x2f\xfd", "compressed by zstd; unpack it (zstd -d), or gzip it instead"),
    (b"\x89HDF", f"an HDF5 file; {_TABLE}"),
    (b"\x93NUMPY", f"an array of numpy; {_TABLE}"),
    (b"PAR1", f"a Parquet table; {_TABLE}"),
    (b"%PDF", "a PDF document"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"GIF8", "a picture"),
)
_WEB_PAGE: Final = re.compile(rb"<!doctype\s+html|<html[\s>]", re.IGNORECASE)
_JSON: Final = re.compile(rb"[\[{]\s*[\[{\"\d]")
_TAR: Final = slice(257, 262)
"""Where a tar archive says *ustar* (POSIX 1003.1)."""


def what_it_is(content: bytes) -> tuple[str, str]:
    """Say what the content of a file is and how to make a spectrum of it.

    Parameters
    ----------
    content
        The file, or its beginning.

    Returns
    -------
    tuple
        A code (``foreign``, ``not_a_spectrum`` for text) and the sentence; both empty where it is not known.
    """
    if content[_TAR] == b"ustar":
        return "foreign", "a tar archive; unpack it and name the files or their folder"
    found = next((said for magic, said in _MAGIC if content.startswith(magic)), "")
    if found:
        return "foreign", found
    head = content[:1024].lstrip()
    if content.startswith(b"version https://git-lfs"):
        return "not_a_spectrum", "a pointer of Git LFS, not the file; fetch it (git lfs pull)"
    if _WEB_PAGE.search(head):
        return "foreign", "a web page, not data: the download failed or asked for a login; fetch it again"
    if _JSON.match(head):
        return "not_a_spectrum", f"JSON; {_TABLE}"
    return "", ""

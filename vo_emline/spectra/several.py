"""Which files hold several spectra, and what each is called.

A survey is cut from names, so a file of many targets becomes a name for each before anything is read.
Only few bytes of a file are looked at, and none of those that LAMOST has named; what could hold several
is opened.
"""

from __future__ import annotations

import os
import re
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from vo_emline.errors import EmlineError
from vo_emline.rejects import Reject
from vo_emline.spectra.containers import BZIP2_MAGIC, XZ_MAGIC, ZIP_MAGIC, unpacked
from vo_emline.spectra.limits import FITS_MAGIC, GZIP_MAGIC
from vo_emline.spectra.orders import is_order
from vo_emline.spectra.parts import WHOLE, split_source
from vo_emline.spectra.read import read_each
from vo_emline.spectra.spectrum import Spectrum
from vo_emline.spectra.structure import BLOCK, measure
from vo_emline.spectra.surveys import all_surveys

HEAD: Final = 5 * 2880
"""Bytes that are looked at; more only of files that may hold several."""

_OF_ONE_STAR: Final = re.compile(r"(?:spec|med)-\d{5}-.+_sp\d+-\d+")
"""Names of LAMOST: one star each, and millions of them."""

_ARRAYS_IN_CELLS: Final = re.compile(rb"<FIELD[^>]*datatype=.(?:double|float).[^>]*arraysize=|"
                                     rb"<FIELD[^>]*arraysize=[^>]*datatype=.(?:double|float)")  # fmt: skip
_TABLE: Final = re.compile(rb"<(?:\w+:)?TABLE[\s>]")
_VECTOR: Final = re.compile(rb"TFORM\d+\s*= '\s*(?:[1-9]\d+|[2-9]|[01]?[PQ])[EDPQIJK]?")
_TELLING: Final = frozenset(survey.name for survey in all_surveys())


def spectra_in(path: str | Path, *, each: bool = False) -> Iterator[str]:
    """Name the spectra of a file: the file itself, or each of several (``file.fits#row=3``).

    Several spectra of which the file says neither where they are nor of which survey may as well be
    the orders or exposures of one star: such a file keeps one name, and reading it says what to do.

    Parameters
    ----------
    path
        The file, or a part of one.
    each
        Name every spectrum of a file, also where it does not say whose they are.
    """
    name = str(path)
    if _OF_ONE_STAR.search(name) or split_source(name)[1] != WHOLE or not _may_hold_several(name):
        yield name
        return
    try:
        found = list(read_each(name))
    except EmlineError:
        yield name
        return
    yield from names_of(name, found, each=each)


def names_of(name: str, found: Sequence[Spectrum | Reject], *, each: bool = False) -> list[str]:
    """Give the names under which the spectra of a file are known."""
    if len(found) < 2:
        return [name]
    if not each and any(not isinstance(one, Reject) and is_order(one) for one in found):
        return [name]  # reading it takes the order with Hα
    identities = [one.identity for one in found if not isinstance(one, Reject)]
    if not each and not any(one.ra is not None or one.survey in _TELLING for one in identities):
        return [name]
    return [one.source if isinstance(one, Reject) else one.identity.source for one in found]


def _may_hold_several(name: str) -> bool:
    head, size = _head(name)
    if head.startswith(FITS_MAGIC):
        return _fits_may(head, size)
    if head.startswith((ZIP_MAGIC, BZIP2_MAGIC, XZ_MAGIC)):
        return True
    return head.lstrip()[:1] == b"<" and (bool(_ARRAYS_IN_CELLS.search(head)) or _has_tables(name))


def _has_tables(name: str) -> bool:
    """Tell whether a document has more than one table."""
    try:
        content = unpacked(Path(name).read_bytes(), source=name)
    except (OSError, EmlineError):
        return False
    return len(_TABLE.findall(content)) > 1


def _head(name: str) -> tuple[bytes, int]:
    """Give the first bytes of a file and its size, both decompressed; nothing where it cannot be read."""
    try:
        file = os.open(name, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (OSError, ValueError):
        return b"", 0
    try:
        head, size = os.pread(file, HEAD, 0), os.fstat(file).st_size
        if head.startswith(GZIP_MAGIC):
            # the last four bytes say how long the content is
            whole = int.from_bytes(os.pread(file, 4, max(size - 4, 0)), "little")
            return zlib.decompressobj(wbits=31).decompress(head, HEAD), whole
    except (OSError, zlib.error):
        return b"", 0
    finally:
        os.close(file)
    return head, size


def _fits_may(head: bytes, size: int) -> bool:
    """Tell whether a FITS file may hold several spectra: not one image, nor one table of pixels, alone."""
    if b"LAMOST" in head:
        return False
    if _VECTOR.search(head) or b"MULTISPE" in head:
        return True
    start = filled = 0
    try:
        while start < len(head) and (start == 0 or head.startswith(b"XTENSION", start)):
            span = measure(head, start, source="")
            filled += span.size > 0
            start = span.end
    except EmlineError:
        return True
    return filled > 1 or start + BLOCK <= size

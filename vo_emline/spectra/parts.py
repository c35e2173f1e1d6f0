"""Which spectrum of a file: names of the parts of files that hold several.

``file.fits[2]`` is the HDU of that number (0 is the primary one) or name, ``file.fits#row=3`` a row of
its first table (or of its images, or an aperture of a multispec image), counted from 1 as FITS does;
``file.fits[2]#row=3`` both. A file that has such a name itself is that file.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_SELECTED: Final = re.compile(
    r"(?P<file>.+?)(?:\[(?P<extension>[\w./ -]{1,80})\])?(?:#row=(?P<row>\d{1,9}))?", re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Part:
    """A spectrum of a file."""

    extension: str | int | None = None
    """Number or name of its HDU; None for the only one."""
    row: int | None = None
    """Its row, from 1; None where rows are pixels, or there is one row."""

    def of(self, source: str) -> str:
        """Name this part of the file `source`."""
        where = "" if self.extension is None else f"[{self.extension}]"
        return source + where + ("" if self.row is None else f"#row={self.row}")


WHOLE: Final = Part()
"""A file that holds one spectrum."""


def split_source(source: str | Path) -> tuple[str, Part]:
    """Give the file and the part that a name means; the part is :data:`WHOLE` where it names a file.

    Parameters
    ----------
    source
        As :class:`~vo_emline.spectra.Identity` has it, or as a user writes it.
    """
    name = str(source)
    if not name.endswith("]") and "#row=" not in name:
        return name, WHOLE
    found = _SELECTED.fullmatch(name)
    if found is None or Path(name).exists():
        return name, WHOLE
    extension = found["extension"]
    number = int(extension) if extension is not None and extension.isdigit() else extension
    return found["file"], Part(number, None if found["row"] is None else int(found["row"]))


def file_of(source: str | Path) -> str:
    """Give the file that a spectrum is in, without the part of it."""
    return split_source(source)[0]


def printable(path: str | Path) -> str:
    """Name a file so that it can be stored: bytes that are no UTF-8 are written as ``\\xe9``."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")

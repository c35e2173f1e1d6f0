"""The formats in which a spectrum is delivered: names, media types, suffixes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from vo_emline.errors import UserError


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """One format of spectra."""

    name: str
    """Short name (``votable``)."""
    media_type: str
    """Content type of the answer and value of FORMAT."""
    suffix: str
    """Suffix of the file name suggested to browsers, with its dot."""
    title: str
    """What it is, for people."""
    aliases: tuple[str, ...] = ()
    """Further values of FORMAT that mean the same, lower case."""


VOTABLE: Final = Format(
    name="votable", media_type="application/x-votable+xml", suffix=".vot",
    title="VOTable, binary encoding, IVOA spectrum data model",
    aliases=("compliant", "text/xml", "text/xml;x-votable", "spectrum/votable", "votable/b2", "xml"),
)  # fmt: skip

TABLEDATA: Final = Format(
    name="tabledata", media_type="application/x-votable+xml;serialization=tabledata", suffix=".vot",
    title="VOTable, tabledata encoding, IVOA spectrum data model",
    aliases=("votable/td", "votabletd", "application/x-votable+xml;encoding=tabledata"),
)  # fmt: skip

FITS: Final = Format(
    name="fits", media_type="application/fits", suffix=".fits", title="FITS binary table",
    aliases=("spectrum/fits", "fits-table"),
)  # fmt: skip

CSV: Final = Format(
    name="csv", media_type="text/csv", suffix=".csv", title="Comma separated values", aliases=()
)  # fmt: skip

TSV: Final = Format(
    name="tsv", media_type="text/plain", suffix=".txt", title="Tab separated values",
    aliases=("text/tab-separated-values", "txt"),
)  # fmt: skip

ECSV: Final = Format(
    name="ecsv", media_type="text/x-ecsv", suffix=".ecsv",
    title="Enhanced character separated values with units and metadata", aliases=("text/ecsv",),
)  # fmt: skip

NATIVE: Final = Format(
    name="native", media_type="application/octet-stream", suffix="", title="Original file",
    aliases=("image/fits", "original"),
)  # fmt: skip

FORMATS: Final = (VOTABLE, TABLEDATA, FITS, CSV, TSV, ECSV, NATIVE)
"""All formats; the first is the default."""


def find_format(text: str) -> Format:
    """Give the format that a value of FORMAT names; empty for the default.

    Raises
    ------
    UserError
        There is no such format.
    """
    wanted = text.lower().replace(" ", "")
    if not wanted:
        return FORMATS[0]
    for item in FORMATS:
        if wanted in (item.name, item.media_type, *item.aliases):
            return item
    choices = ", ".join(item.media_type for item in FORMATS[:-1])
    raise UserError(f"UsageFault: FORMAT={text[:80]} is not offered; there are {choices}, native")

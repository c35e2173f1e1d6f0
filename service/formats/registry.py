"""The output formats: their names, media types, and which one a request asks for (TAP 1.1, section 2.7.3)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from service.formats.fits import write_fits
from service.formats.parquet import write_parquet
from service.formats.result import Encode, Result
from service.formats.text import (
    csv_rows,
    html_rows,
    json_rows,
    tsv_rows,
    write_csv,
    write_html,
    write_json,
    write_tsv,
)
from service.formats.votable import tabledata_rows, write_binary2, write_tabledata
from vo_emline.candidates.votable import encode
from vo_emline.errors import UserError

_IVO: Final = "ivo://ivoa.net/std/TAPRegExt#output-votable-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """One output format."""

    media_type: str
    """Content type of the answer."""
    name: str
    """Short name, a value of RESPONSEFORMAT."""
    extension: str
    write: Callable[[Result], Iterator[bytes]]
    encode: Encode | None = None
    """Writes the rows of a document one batch after the other, where the format allows that."""
    synonyms: tuple[str, ...] = ()
    """Other media types a request may ask for; the answer then bears the one asked for."""
    ivo_id: str | None = None
    """Identifier in TAPRegExt, where it defines one."""

    @property
    def is_votable(self) -> bool:
        """Whether an answer carries INFO elements and service descriptors."""
        return self.extension == "vot"


_BASE: Final = "application/x-votable+xml"
VOTABLE: Final = Format(
    media_type=_BASE, name="votable", synonyms=("text/xml", "application/xml"), extension="vot",
    write=write_binary2, encode=encode, ivo_id=f"{_IVO}binary2",
)  # fmt: skip
"""The default."""

FORMATS: Final = (
    VOTABLE,
    Format(media_type=f"{_BASE};serialization=BINARY2", name="votable/b2", extension="vot",
           write=write_binary2, encode=encode, ivo_id=f"{_IVO}binary2"),
    Format(media_type=f"{_BASE};serialization=TABLEDATA", name="votable/td", extension="vot",
           write=write_tabledata, encode=tabledata_rows, ivo_id=f"{_IVO}td"),
    Format(media_type="text/csv;header=present", name="csv", synonyms=("text/csv",), extension="csv",
           write=write_csv, encode=csv_rows),
    Format(media_type="text/tab-separated-values", name="tsv", extension="tsv", write=write_tsv,
           encode=tsv_rows),
    Format(media_type="application/fits", name="fits", extension="fits", write=write_fits),
    Format(media_type="application/vnd.apache.parquet", name="parquet", synonyms=("application/x-parquet",),
           extension="parquet", write=write_parquet),
    Format(media_type="application/json", name="json", extension="json", write=write_json, encode=json_rows),
    Format(media_type="text/html", name="html", extension="html", write=write_html, encode=html_rows),
)  # fmt: skip
"""All output formats, the default first."""


def find_format(wanted: str | None) -> Format:
    """Give the format a request asks for by short name or media type (any case, spaces ignored).

    Raises
    ------
    UserError
        There is no such format.
    """
    if wanted is None:
        return VOTABLE
    key = _key(wanted)
    for candidate in FORMATS:
        if key in (_key(candidate.media_type), candidate.name):
            return candidate
        if key in candidate.synonyms:
            return replace(candidate, media_type=key)
    names = ", ".join(item.name for item in FORMATS)
    raise UserError(f"RESPONSEFORMAT={wanted[:80]} is not offered; use one of {names}")


def _key(name: str) -> str:
    return name.replace(" ", "").replace('"', "").lower()

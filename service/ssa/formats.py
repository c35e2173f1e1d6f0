"""Which formats an SSA query asks for, and where their spectra are (SSA 1.1, section 4.1.1.5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from service.products import formats
from service.products.formats import Format
from service.urls import Urls

METADATA: Final = "metadata"
"""Value of FORMAT that asks for a description of the service."""

NATIVE_TYPE: Final = "native"
"""Stands for the media type of an original file until the row tells which it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessFormat:
    """One format in which rows are given."""

    media_type: str
    prefix: str
    """Address before the identifier."""
    suffix: str = ""
    """Address after it."""
    pixel_bytes: int | None = None
    """Estimated bytes per pixel; None where the size is that of the original file."""
    fixed_bytes: int | None = None


def access_formats(text: str, urls: Urls) -> list[AccessFormat]:
    """Give the formats that a value of FORMAT asks for.

    Without FORMAT every spectrum is one row, a VOTable that conforms to the
    spectrum data model: nobody wants to see each spectrum twice. ``all`` gives
    the FITS tables too. Formats that are not offered match nothing, which SSA
    asks for instead of an error.

    Parameters
    ----------
    text
        Value of FORMAT, media types and names separated by commas.
    urls
        Addresses of the service.
    """
    known = {
        formats.VOTABLE: AccessFormat(
            media_type=formats.VOTABLE.media_type, prefix=urls.spectrum(""), pixel_bytes=33, fixed_bytes=9000
        ),
        formats.FITS: _fits(urls),
        formats.NATIVE: AccessFormat(media_type=NATIVE_TYPE, prefix=urls.product("")),
        _PICTURE: AccessFormat(
            media_type=_PICTURE.media_type, prefix=urls.preview(""), pixel_bytes=0, fixed_bytes=40_000
        ),
    }
    wanted = [item.strip().lower() for item in text.split(",") if item.strip()]
    chosen = [found for item in wanted or ["compliant"] for found in _ALIASES.get(item, ())]
    return [known[item] for item in dict.fromkeys(chosen)]


def _fits(urls: Urls) -> AccessFormat:
    head, mark, tail = urls.spectrum("", FORMAT=formats.FITS.media_type).partition("ID=")
    return AccessFormat(
        media_type=formats.FITS.media_type, prefix=head + mark, suffix=tail, pixel_bytes=25, fixed_bytes=9000
    )


_PICTURE: Final = Format(name="graphic", media_type="image/png", suffix=".png", title="Preview")

_ALIASES: Final[dict[str, tuple[Format, ...]]] = {
    "all": (formats.VOTABLE, formats.FITS),
    "graphic": (_PICTURE,),
    "image/png": (_PICTURE,),
    **{
        alias: (item,)
        for item in (formats.VOTABLE, formats.FITS, formats.NATIVE)
        for alias in (item.name, item.media_type, *item.aliases)
    },
}

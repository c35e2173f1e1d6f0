"""From parameters to a query and the formats it asks for (SSA 1.1, section 4.1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from service.config import Settings
from service.parameters import Parameters, read_number
from service.products.request import FITS, NATIVE, VOTABLE, Format
from service.ssa.conditions import Condition, circle
from service.ssa.parameters import PARAMETERS
from service.ssa.values import read_position
from service.urls import Urls
from vo_emline.errors import UserError

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
        VOTABLE: AccessFormat(
            media_type=VOTABLE.media_type, prefix=urls.spectrum(""), pixel_bytes=33, fixed_bytes=9000
        ),
        FITS: _fits(urls),
        NATIVE: AccessFormat(media_type=NATIVE_TYPE, prefix=urls.product("")),
        _PICTURE: AccessFormat(
            media_type=_PICTURE.media_type, prefix=urls.preview(""), pixel_bytes=0, fixed_bytes=40_000
        ),
    }
    wanted = [item.strip().lower() for item in text.split(",") if item.strip()]
    chosen = [found for item in wanted or ["compliant"] for found in _ALIASES.get(item, ())]
    return [known[item] for item in dict.fromkeys(chosen)]


def _fits(urls: Urls) -> AccessFormat:
    head, mark, tail = urls.spectrum("", FORMAT=FITS.media_type).partition("ID=")
    return AccessFormat(
        media_type=FITS.media_type, prefix=head + mark, suffix=tail, pixel_bytes=25, fixed_bytes=9000
    )


_PICTURE: Final = Format(name="graphic", media_type="image/png", suffix=".png", title="Preview")

_ALIASES: Final[dict[str, tuple[Format, ...]]] = {
    "all": (VOTABLE, FITS),
    "graphic": (_PICTURE,),
    "image/png": (_PICTURE,),
    **{
        alias: (item,)
        for item in (VOTABLE, FITS, NATIVE)
        for alias in (item.name, item.media_type, *item.aliases)
    },
}


DEFAULT_SIZE_DEG: Final = 2 / 60
"""Diameter where POS comes without SIZE, deg: telescope positions of bright stars are off by up to 24″."""

DEFAULT_ROWS: Final = 10_000
"""Rows where MAXREC is not given, unless the settings say less."""

MAX_ROWS: Final = 100_000
"""Rows at most, about 1.5 kB each, unless the settings say less."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SsaRequest:
    """A checked query."""

    conditions: tuple[Condition, ...]
    formats: tuple[AccessFormat, ...]
    positional: bool
    """Whether the conditions include a circle."""
    maxrec: int
    top: int | None
    metadata: bool
    """Whether the description of the service is asked for, and no rows."""


def parse_request(parameters: Parameters, *, urls: Urls, settings: Settings) -> SsaRequest:
    """Check the parameters of a query.

    REQUEST may be missing: a query that says what it wants is answered. Unknown
    parameters are ignored.

    Raises
    ------
    UserError
        A parameter is repeated or has an impossible value.
    """
    _check_protocol(parameters)
    text = (parameters.one("FORMAT") or "").strip()
    region = _region(parameters)
    conditions = [
        item.condition(value)
        for item in PARAMETERS
        if item.condition is not None and (value := parameters.one(item.name)) is not None
    ]
    return SsaRequest(
        conditions=(*([region] if region else []), *conditions),
        formats=tuple(access_formats(text, urls)),
        positional=region is not None,
        maxrec=min(
            _count(parameters, "MAXREC", min(DEFAULT_ROWS, settings.rows_default)),
            MAX_ROWS,
            settings.rows_hard,
        ),
        top=_count(parameters, "TOP", MAX_ROWS) if "TOP" in parameters else None,
        metadata=text.lower() == METADATA,
    )


def _check_protocol(parameters: Parameters) -> None:
    request = parameters.one("REQUEST") or "queryData"
    if request.lower() != "querydata":
        raise UserError(f"REQUEST={request[:80]} is not offered; use queryData")
    version = parameters.one("VERSION") or "1.1"
    if not version.startswith("1."):
        raise UserError(f"VERSION={version[:80]} is not offered; this is SSA 1.1")


def _region(parameters: Parameters) -> Condition | None:
    position = parameters.one("POS")
    size = parameters.one("SIZE")
    diameter = DEFAULT_SIZE_DEG if size is None else read_number("SIZE", size)
    if not 0 <= diameter <= 360:
        raise UserError(f"SIZE={diameter:g} is not a diameter from 0 to 360 degrees")
    if position is None:
        return None
    ra, dec = read_position(position)
    return circle(ra, dec, diameter / 2)


def _count(parameters: Parameters, name: str, default: int) -> int:
    text = (parameters.one(name) or "").strip()
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise UserError(f"{name}={text[:80]} is no row count; use a whole number from 0")
    return int(text)

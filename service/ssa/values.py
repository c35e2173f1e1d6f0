"""The values of SSA parameters: positions, wavelengths, times, numbers, and lists of ranges of them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from astropy.coordinates import SkyCoord
from astropy.coordinates.errors import ConvertError

from service.parameters import read_number
from vo_emline.errors import UserError

Interval = tuple[float, float]
MAX_VALUES: Final = 200
"""Values and ranges of one parameter."""
OpenInterval = tuple[float | None, float | None]


def parse_ranges(name: str, text: str, *, read: Callable[[str], Interval]) -> list[OpenInterval]:
    """Read a list of values and ranges, such as ``a,b/c,/d,e/``.

    Parameters
    ----------
    name
        Name of the parameter, for messages.
    text
        The list, without a qualifier.
    read
        Reads one value as the interval it stands for (a date is a whole day).

    Returns
    -------
    list of tuple
        First and last value of each range; None for an open end.

    Raises
    ------
    UserError
        A range has more than two ends, none at all, or is upside down.
    """
    return [_range(name, item, read) for item in split_values(name, text)]


def split_values(name: str, text: str) -> list[str]:
    """Split a list at its commas.

    Raises
    ------
    UserError
        It has more than :data:`MAX_VALUES` values.
    """
    values = text.split(",")
    if len(values) > MAX_VALUES:
        raise UserError(f"{name} has {len(values)} values; {MAX_VALUES} is the most")
    return [value.strip() for value in values]


def split_qualifier(name: str, text: str, *, allowed: tuple[str, ...]) -> tuple[str, str]:
    """Split ``list;qualifier``; the qualifier is given back in lower case, empty where there is none.

    Raises
    ------
    UserError
        The qualifier is not one of `allowed`.
    """
    values, _, qualifier = text.partition(";")
    qualifier = qualifier.strip().lower()
    if qualifier and qualifier not in allowed:
        raise UserError(f"{name}={text[:80]}: the qualifier is not one of {', '.join(allowed)}")
    return values.strip(), qualifier


def _range(name: str, item: str, read: Callable[[str], Interval]) -> OpenInterval:
    ends = [end.strip() for end in item.split("/")]
    if len(ends) > 2 or not any(ends):
        given = item[:80] or "an empty item"
        raise UserError(f"{name}: {given} is neither a value nor a range such as a/b, a/ or /b")
    if len(ends) == 1:
        return read(ends[0])
    low = read(ends[0])[0] if ends[0] else None
    high = read(ends[1])[1] if ends[1] else None
    if low is not None and high is not None and low > high:
        raise UserError(f"{name}: {item[:80]} ends before it begins")
    return low, high


FRAMES: Final = ("icrs", "fk5", "fk4", "galactic")
"""Frames of POS; FK5 and FK4 at their standard equinoxes."""

BANDS: Final = {
    "gamma-ray": (0.0, 1.0e-11), "x-ray": (1.0e-11, 1.0e-8), "euv": (1.0e-8, 1.0e-7),
    "uv": (1.0e-7, 3.0e-7), "ultraviolet": (1.0e-7, 3.0e-7), "optical": (3.0e-7, 1.0e-6),
    "infrared": (1.0e-6, 1.0e-4), "millimeter": (1.0e-4, 1.0e-2), "radio": (1.0e-2, math.inf),
    "u": (3.335e-7, 3.985e-7), "b": (3.915e-7, 4.805e-7), "v": (5.03e-7, 5.87e-7),
    "r": (5.62e-7, 7.2e-7), "i": (7.21e-7, 8.75e-7),
    "h-alpha": (6.56461e-7, 6.56461e-7), "halpha": (6.56461e-7, 6.56461e-7),
}  # fmt: skip
"""Names of bands, vacuum m: wavebands of VODataService 1.2 (section 3.3.1), UBVRI as mean wavelength and
full width of Bessell (2005, ARA&A 43, 293, table 1), and Hα."""

_MJD_ZERO: Final = datetime(1858, 11, 17, tzinfo=UTC)
_TIME = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:[T ](\d\d)(?::(\d\d)(?::(\d\d(?:\.\d*)?))?)?)?)?)?Z?")


def read_position(text: str) -> tuple[float, float]:
    """Read POS: ``ra,dec`` in degrees, with ``;frame`` after it where it is not ICRS.

    Returns
    -------
    tuple of float
        Right ascension and declination, ICRS, deg.

    Raises
    ------
    UserError
        It is no position on the sky, or the frame is unknown.
    """
    values, _, frame = text.partition(";")
    parts = values.split(",")
    if len(parts) != 2:
        raise UserError(f"POS={text[:80]} is not a position such as 120.18,-2.88")
    longitude, latitude = (read_number("POS", part) for part in parts)
    frame = frame.strip().lower() or "icrs"
    if frame not in FRAMES:
        raise UserError(f"POS={text[:80]}: the frame is not one of {', '.join(FRAMES).upper()}")
    if not (-360 <= longitude <= 360 and -90 <= latitude <= 90):
        raise UserError(f"POS={text[:80]} is not on the sky")
    if frame == "icrs":
        return longitude % 360, latitude
    try:
        icrs = SkyCoord(longitude, latitude, unit="deg", frame=frame).icrs
    except ConvertError as error:
        raise UserError(f"POS={text[:80]} cannot be brought to ICRS: {error}") from error
    return float(icrs.ra.deg), float(icrs.dec.deg)


def read_band(text: str) -> tuple[float, float]:
    """Read a wavelength in m, or the name of a band, as an interval, m.

    Raises
    ------
    UserError
        It is neither.
    """
    if (named := BANDS.get(text.lower())) is not None:
        return named
    try:
        value = read_number("BAND", text)
    except UserError:
        raise UserError(
            f"BAND: {text[:80]} is neither a wavelength in m nor one of {', '.join(BANDS)}"
        ) from None
    if value <= 0:
        raise UserError(f"BAND: {text[:80]} m is no wavelength")
    return value, value


def read_time(text: str) -> tuple[float, float]:
    """Read an ISO 8601 date or time (UTC) as the interval it stands for: a year, a day, an instant.

    Returns
    -------
    tuple of float
        First and last MJD.

    Raises
    ------
    UserError
        It is none.
    """
    match = _TIME.fullmatch(text.strip())
    if match is None:
        raise UserError(f"{text[:80]} is not a date such as 2012, 2012-05-31 or 2012-05-31T20:15:00 (UTC)")
    *date, second = match.groups()
    given = [int(part) for part in date if part is not None]
    year, month, day, hour, minute = (*given, *(1, 1, 0, 0)[len(given) - 1 :])
    try:
        start = datetime(year, month, day, hour, minute, tzinfo=UTC)
        length = 0.0 if second is not None else _length(start, parts=len(given))
    except ValueError as error:
        raise UserError(f"{text[:80]} is not a date: {error}") from error
    begins = (start - _MJD_ZERO) / timedelta(days=1) + float(second or 0) / 86_400
    return begins, begins + length


def _length(start: datetime, *, parts: int) -> float:
    """Give the days that a date stands for by the number of its parts: 1 for a year, 2 for a month."""
    if parts == 1:
        return float((start.replace(year=start.year + 1) - start).days)
    if parts == 2:
        following = (start + timedelta(days=31)).replace(day=1)
        return float((following - start).days)
    return {3: 1.0, 4: 1 / 24, 5: 1 / 1440}[parts]

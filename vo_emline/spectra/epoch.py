"""When a spectrum was taken: from the ways in which headers say it, in one order of evidence.

1. A middle that is called so: ``DATE-AVG``, ``MJD-AVG``, ``MJD-MID``, ``JD-MID``, ``TMID`` (spectrum
   data model), the mean of ``TAI-BEG`` and ``TAI-END``.
2. A start: ``DATE-OBS`` with a time; ``DATE-OBS`` and the time in a card of its own (``UT``,
   ``TIME-OBS``, …); ``MJD-OBS``; ``JD``; ``TAI``; ``DATE-BEG``; ``MJD`` where it has a fraction.
   Where the end is stated (``DATE-END``, ``MJD-END``, ``TELAPSE``), or the exposure time of what is
   not a sum of exposures, the middle is computed.
3. A day: ``DATE-OBS`` without a time, a whole ``MJD``.

What surveys write otherwise (LAMOST's local times and wrong ``MJD``, Ondřejov's ``TMID`` that is a
start) is known to their own readers, which do not come here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final, Literal

from vo_emline.spectra.cards import Cards, comment, number, text, to_number

EpochKind = Literal["", "middle", "start", "day"]

SECONDS_PER_DAY: Final = 86_400.0
JD_OF_MJD_ZERO: Final = 2_400_000.5

_MJD_ZERO: Final = datetime(1858, 11, 17)  # noqa: DTZ001 - MJD counts naive UTC days
_FIRST_DAY, _LAST_DAY = -36_000.0, 110_000.0

_ISO: Final = re.compile(
    r"(?P<year>\d{4})[-/](?P<month>\d{1,2})[-/](?P<day>\d{1,2})"
    r"(?:[T ]\s*(?P<time>\d{1,2}:\d{1,2}(?::\d{1,2}(?:[.,]\d*)?)?)\s*(?P<zone>Z|UTC?|[+-]\d{2}:?\d{2})?)?",
    re.IGNORECASE,
)
_COMPACT: Final = re.compile(
    r"(\d{4})-?(\d\d)-?(\d\d)[T_ ](\d\d)[-h]?(\d\d)[-m]?(\d\d(?:\.\d*)?)s?(?=Z|UTC?|$)", re.IGNORECASE
)
"""Dates without colons, as in names of files: ``20210305T200000``, ``2021-03-05T20-00-00``."""
_OLD: Final = re.compile(r"(?P<day>\d{1,2})/(?P<month>\d{1,2})/(?P<year>\d{2})")
"""Dates before 2000 (FITS Standard 4.0, section 9.1.1: year of the 20th century)."""

_TIMES: Final = ("UT", "UTC", "TIME-OBS", "UT-OBS", "UTC-OBS", "UTSTART", "UT-START", "UTCSTART", "UTIME",
                 "TIME-BEG", "TIME_OBS", "TIMEOBS", "UTSHUT", "UTOPEN", "TTIMEOBS", "UT-TIME", "UTTIME",
                 "TM-START", "TM_START", "EXPSTART", "TIME")  # fmt: skip
_MIDDLES: Final = ("DATE-AVG", "DATE-MID", "DATE_MID", "DATE_AVG", "MJD-AVG", "MJD-MID", "MJD_MID", "JD-MID",
                   "JD_MID", "MID-JD", "TMID", "UTMIDDLE")  # fmt: skip
_MIDDLE_TIMES: Final = ("UTMIDDLE", "UT-MID", "UTMID", "UT_MID")
"""Times of day of the middle, to a day in :data:`_DATES`."""
_STARTS: Final = ("MJD-OBS", "MJD_OBS", "MJDOBS", "MJD-BEG", "EXPSTART", "MJDSTART", "UTMJD", "JD-OBS",
                  "JD_OBS", "JD", "JULIAN", "DATE-BEG", "DATE_BEG")  # fmt: skip
_DATES: Final = ("DATE-OBS", "DATE_OBS", "DATEOBS", "OBS_DATE", "OBSDATE", "DATE-LOC-UT", "TDATEOBS",
                 "UT-DATE", "UTDATE")  # fmt: skip
_LENGTHS: Final = ("TELAPSE", "EXPTIME", "EXPOSURE", "TEXPTIME", "EXP_TIME", "ITIME", "INTTIME")
_LEAP_SECONDS: Final = ((57_754.0, 37), (57_204.0, 36), (56_109.0, 35), (54_832.0, 34), (53_736.0, 33),
                        (51_179.0, 32), (50_630.0, 31), (50_083.0, 30))  # fmt: skip
"""First day (MJD) and TAI - UTC, s (IERS Bulletin C); none has been announced since 2017."""
TT_MINUS_TAI: Final = 32.184


@dataclass(frozen=True, slots=True)
class Epoch:
    """An epoch and what of the observation it is."""

    mjd: float | None = None
    """MJD (UTC)."""
    kind: EpochKind = ""


@lru_cache(maxsize=4096)
def iso_to_mjd(value: str) -> float | None:
    """Convert an ISO date, with or without a time and a zone, to MJD (UTC); None where it is not one.

    Times need not have two digits for the seconds: a third of LAMOST's DR10
    writes ``19:18:0.000``.
    """
    parts = _ISO.fullmatch(_COMPACT.sub(r"\1-\2-\3T\4:\5:\6", value.strip(), count=1))
    if parts is None:
        return None
    try:
        day = datetime(int(parts["year"]), int(parts["month"]), int(parts["day"]))  # noqa: DTZ001
        moment = day + _clock(parts["time"]) - _zone(parts["zone"])
    except (ValueError, OverflowError):
        return None
    return (moment - _MJD_ZERO) / timedelta(days=1)


def find_epoch(cards: Cards, *, exposure_is_sum: bool = False) -> Epoch:
    """Find the epoch of an observation in its header.

    Parameters
    ----------
    cards
        The header, or several as a chain.
    exposure_is_sum
        Whether the exposure time may be that of several exposures (products of
        archives), from which no middle follows.
    """
    for key in _MIDDLES:
        found = _moment(cards, key)
        if found is not None:
            return Epoch(found, "middle")
    middle = next((found for name in _MIDDLE_TIMES if (found := _on_the_day(cards, name)) is not None), None)
    if middle is not None:
        return Epoch(_to_utc(middle, cards), "middle")
    begin, end = number(cards, "TAI-BEG"), number(cards, "TAI-END")
    if begin is not None and end is not None and _is_tai(begin) and 0 <= end - begin < SECONDS_PER_DAY * 400:
        return Epoch(_from_tai((begin + end) / 2), "middle")
    start = _start(cards)
    if start is not None:
        return _middle(start, cards, exposure_is_sum)
    day = next((found for key in _DATES if (found := _date(text(cards, key))) is not None), None)
    if day is None:
        day = number(cards, "MJD")
    return Epoch(day, "day") if day is not None and _FIRST_DAY < day < _LAST_DAY else Epoch()


def _start(cards: Cards) -> float | None:
    for key in _DATES:
        stated = text(cards, key)
        day = _date(stated)
        if day is None:
            continue
        if day % 1 or ":" in stated:
            return _to_utc(day, cards)
        time = next((t for name in _TIMES if (t := _time(cards, name, day)) is not None), None)
        if time is not None:
            return _to_utc(day + time, cards)
    for key in _STARTS:
        found = _moment(cards, key)
        if found is not None:
            return found
    tai = number(cards, "TAI", "TAI-BEG")
    if tai is not None and _is_tai(tai):
        return _from_tai(tai)
    mjd = number(cards, "MJD")
    return mjd if mjd is not None and mjd % 1 and _FIRST_DAY < mjd < _LAST_DAY else None


def _middle(start: float, cards: Cards, exposure_is_sum: bool) -> Epoch:
    """Give the middle where the length is stated; else the start, called so."""
    ends = (_moment(cards, key) for key in ("DATE-END", "MJD-END", "DATE_END", "MJDEND", "EXPEND"))
    end = next((e for e in ends if e is not None and 0 <= e - start < 1), None)
    if end is not None:
        return Epoch((start + end) / 2, "middle")
    length = number(cards, *(_LENGTHS[:1] if exposure_is_sum else _LENGTHS))
    if length is None or not 0 <= length < SECONDS_PER_DAY:
        return Epoch(start, "start")
    return Epoch(start + length / 2 / SECONDS_PER_DAY, "middle")


def _moment(cards: Cards, key: str) -> float | None:
    """Read a card that holds a date with a time, an MJD or a JD."""
    stated = text(cards, key)
    if ":" in stated:
        found = _date(stated)
        return None if found is None else _to_utc(found, cards)
    value = number(cards, key)
    if value is None:
        return None
    if value > JD_OF_MJD_ZERO - 40_000:
        value -= JD_OF_MJD_ZERO
    return value if 10_000 < value < _LAST_DAY else None  # less is a count of seconds or hours


def _date(stated: str) -> float | None:
    found = iso_to_mjd(stated)
    if found is not None:
        return found
    parts = _OLD.fullmatch(stated.strip())
    return None if parts is None else iso_to_mjd(f"19{parts['year']}-{parts['month']}-{parts['day']}")


def _on_the_day(cards: Cards, name: str) -> float | None:
    """Read a time of day, MJD on the day that a card of :data:`_DATES` states."""
    for key in _DATES:
        day = _date(text(cards, key))
        if day is not None:
            time = _time(cards, name, float(int(day)))
            return None if time is None else int(day) + time
    return None


def _time(cards: Cards, key: str, day: float) -> float | None:
    """Read a time of day as a fraction: ``20:00:00``, ``20h00m00s``, a moment, seconds or hours."""
    stated = text(cards, key)
    if not stated:
        return None
    full = iso_to_mjd(stated)
    if full is not None:
        return full - day if full % 1 and abs(full - day) < 2 else None
    parts = _SPELT.fullmatch(stated)
    try:
        return _clock(":".join(parts.groups()) if parts else stated) / timedelta(days=1)
    except ValueError:
        return _in_units(to_number(stated), day, comment(cards, key))


_SPELT: Final = re.compile(r"(\d{1,2})\s*[h\s]\s*(\d{1,2})\s*[m\s]\s*(\d{1,2}(?:\.\d*)?)\s*s?", re.IGNORECASE)
_HOURS: Final = re.compile(r"\bhours?\b|\[\s*hr?\s*\]|\(\s*hr?\s*\)", re.IGNORECASE)


def _in_units(value: float, day: float, said: str) -> float | None:
    """Read a number as a fraction of the day: an MJD by its value, else hours called so, or seconds."""
    if abs(value - day) < 2:
        return value - day
    if 0 <= value < 24:
        # seconds seldom are so few, and hours need not be called so: nothing tells which it is then
        return value / 24 if _HOURS.search(said) else None
    return value / SECONDS_PER_DAY if 24 < value < SECONDS_PER_DAY else None


def _clock(time: str | None) -> timedelta:
    if not time:
        return timedelta()
    parts = re.fullmatch(r"(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:[.,](\d*))?)?", time.strip())
    if parts is None or int(parts[1]) > 24 or int(parts[2]) > 59 or int(parts[3] or 0) > 60:
        raise ValueError(f"{time!r} is no time of day")
    fraction = (parts[4] or "").ljust(6, "0")[:6]
    return timedelta(
        hours=int(parts[1]), minutes=int(parts[2]), seconds=int(parts[3] or 0), microseconds=int(fraction)
    )


def _zone(zone: str | None) -> timedelta:
    if not zone or zone[0] not in "+-":
        return timedelta()
    hours, minutes = int(zone[1:3]), int(zone[-2:])
    offset = timedelta(hours=hours, minutes=minutes)
    return -offset if zone[0] == "-" else offset


def _is_tai(seconds: float) -> bool:
    return 3e9 < seconds < 9.5e9  # MJD 34 722 to 109 953


def _from_tai(seconds: float) -> float:
    """Convert SDSS's TAI (seconds since MJD 0) to MJD (UTC)."""
    mjd = seconds / SECONDS_PER_DAY
    return mjd - _leap(mjd) / SECONDS_PER_DAY


def _to_utc(mjd: float, cards: Cards) -> float:
    """Convert a date to UTC where TIMESYS says that it is TAI or TT (FITS Standard 4.0, table 30)."""
    scale = text(cards, "TIMESYS").upper()
    if scale in {"TAI", "TT", "TDT"}:
        return mjd - (_leap(mjd) + (0.0 if scale == "TAI" else TT_MINUS_TAI)) / SECONDS_PER_DAY
    return mjd


def _leap(mjd: float) -> int:
    return next((seconds for first, seconds in _LEAP_SECONDS if mjd >= first), 29)

"""What people type into the search box, as a condition of ADQL: a position, a number, an identifier, a name.

Nothing is asked of other services: names are those of the release, and of a few clusters and
regions that people who look for emission-line stars go to (:data:`REGIONS`).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from vo_emline.errors import UserError

REGIONS: Final[Mapping[str, tuple[float, float]]] = {
    "double cluster": (34.75, 57.13), "h and chi persei": (34.75, 57.13), "ngc 869": (34.74, 57.13),
    "ngc 884": (35.58, 57.15), "ngc 663": (26.58, 61.21), "ngc 457": (19.89, 58.28),
    "ngc 7419": (343.58, 60.81), "ngc 7789": (359.35, 56.71), "ngc 2244": (97.98, 4.94),
    "rosette": (97.98, 4.94), "ngc 2264": (100.24, 9.88), "ngc 1333": (52.30, 31.31),
    "ic 348": (56.13, 32.16), "pleiades": (56.60, 24.11), "m45": (56.60, 24.11), "hyades": (66.73, 15.87),
    "praesepe": (130.05, 19.62), "m44": (130.05, 19.62), "m67": (132.85, 11.81), "m35": (92.27, 24.34),
    "m36": (84.08, 34.13), "m37": (88.07, 32.55), "m38": (82.17, 35.85), "m13": (250.42, 36.46),
    "m31": (10.68, 41.27), "andromeda": (10.68, 41.27), "m33": (23.46, 30.66),
    "orion nebula": (83.82, -5.39), "m42": (83.82, -5.39), "cygnus ob2": (308.30, 41.32),
    "kepler field": (290.67, 44.50), "anticentre": (86.40, 28.94), "anticenter": (86.40, 28.94),
}  # fmt: skip
"""Centres of well-known regions, ICRS, deg, to a minute of arc."""

MAX_NAMES: Final = 100
"""Lines of a list at most: it travels in the address of the page, and each line is a condition."""

DESIGNATION_RADIUS: Final = 3.0 / 3600.0
"""How far a star may be from the place its designation says, deg: the fibre of LAMOST."""

_NUMBER = r"[0-9]+(?:\.[0-9]*)?|\.[0-9]+"
_DECIMAL = re.compile(rf"\s*([+-]?(?:{_NUMBER}))(?:\s*,\s*|\s+)([+-]?(?:{_NUMBER}))\s*")
_PART = rf"([0-9]{{1,3}})(?:\s*[hd°:]\s*|\s+)([0-9]{{1,2}})(?:\s*['′m:]\s*|\s+)({_NUMBER})\s*[\"″s]?"
_SHORT = rf"([0-9]{{1,3}})(?:\s*[hd°:]\s*|\s+)({_NUMBER})\s*['′m]?"
_SEXAGESIMAL = re.compile(rf"\s*{_PART}\s*,?\s*([+-−]?)\s*{_PART}\s*")
_MINUTES = re.compile(rf"\s*{_SHORT}\s*,?\s*([+−-])\s*{_SHORT}\s*")
_DESIGNATION = re.compile(
    r"(?:LAMOST\s*)?J(\d{2})(\d{2})(\d{2}(?:\.\d*)?)([+−-])(\d{2})(\d{2})(\d{2}(?:\.\d*)?)", re.IGNORECASE
)
_IDENTIFIER = re.compile(r"EML-[0-9a-f]{16}", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a text means."""

    condition: str
    """Condition of ADQL on a table of classified spectra."""
    words: str
    """The same for people."""
    centre: tuple[float, float] | None = None
    """The place that was named, ICRS, deg."""
    radius: float = 0.0
    """How far around it, deg."""


def quoted(text: str) -> str:
    """Give a text as a literal of ADQL.

    >>> quoted("o'Connell")
    "'o''Connell'"
    """
    return "'" + text.replace("'", "''") + "'"


def cone(ra: float, dec: float, radius: float) -> str:
    """Give the condition that a spectrum lies within `radius` of a place (deg, ICRS)."""
    circle = f"CIRCLE({ra:.7g}, {dec:.7g}, {radius:.6g})"
    return f"1 = CONTAINS(POINT(ra, dec), {circle})"


def search(text: str, *, radius: float | None) -> Found:
    """Understand what was typed into the search box.

    Parameters
    ----------
    text
        A position (degrees, or hours and degrees), an identifier (``EML-…``), an obsid, a designation, a
        region of :data:`REGIONS`, or a part of a name.
    radius
        How far around a place to look, deg; None for what suits the place.

    Raises
    ------
    UserError
        It is a position that is on no sky.
    """
    text = " ".join(text.split())
    if place := read_position(text):
        return _around(*place, 1 / 60 if radius is None else radius)
    if region := REGIONS.get(text.lower()):
        found = _around(*region, 1.0 if radius is None else radius)
        return Found(
            condition=found.condition, words=f"{found.words} ({text})", centre=region, radius=found.radius
        )
    for understand in _NAMES:
        if found_name := understand(text, radius):
            return found_name
    part = f"'%{text.lower().replace(chr(39), chr(39) * 2)}%'"
    return Found(
        condition=f"(LOWER(designation) LIKE {part} OR LOWER(known_as) LIKE {part})",
        words=f"named “{text}”, in whole or in part",
    )


def search_list(lines: Sequence[str], *, radius: float | None) -> str:
    """Give the condition that a spectrum is one of a list; see :func:`search` for what a line may be.

    Raises
    ------
    UserError
        The list is too long.
    """
    if len(lines) > MAX_NAMES:
        raise UserError(
            f"the list has {len(lines)} lines; {MAX_NAMES} is the most here. Longer ones go to the TAP "
            "service as an upload (TAP_UPLOAD), from TOPCAT or Python"
        )
    by_column: dict[str, list[str]] = {}
    others = []
    for line in lines:
        if line.isdigit():
            by_column.setdefault("obsid", []).append(str(int(line)))
        elif _IDENTIFIER.fullmatch(line):
            by_column.setdefault("candidate_id", []).append(quoted(_identifier(line)))
        else:
            others.append(search(line, radius=5 / 3600 if radius is None else radius).condition)
    same = [f"{column} IN ({', '.join(values)})" for column, values in by_column.items()]
    return f"({' OR '.join([*same, *others])})"


def read_position(text: str) -> tuple[float, float] | None:
    """Read a position: degrees, or sexagesimal hours and degrees; None for what is none.

    >>> read_position("84.411, 21.143"), read_position("02:20:00 +57 08 00")
    ((84.411, 21.143), (35.0, 57.13333333333333))

    Raises
    ------
    UserError
        It is written like a position, and on no sky.
    """
    if match := _DECIMAL.fullmatch(text):
        ra, dec = float(match[1]), float(match[2])
    elif match := _SEXAGESIMAL.fullmatch(text):
        ra, dec = _hours(match[1], match[2], match[3]), _degrees(match[4], match[5], match[6], match[7])
    elif match := _MINUTES.fullmatch(text):
        ra, dec = _hours(match[1], match[2], "0"), _degrees(match[3], match[4], match[5], "0")
    else:
        return None
    if not (0 <= ra <= 360 and abs(dec) <= 90):
        raise UserError(
            f"“{text[:60]}” is no position: right ascension goes from 0 to 360°, declination ±90°"
        )
    return ra, dec


def sexagesimal(ra: float, dec: float) -> tuple[str, str]:
    """Write a position as hours and degrees, to a tenth of a second of arc.

    >>> sexagesimal(84.411, 21.143), sexagesimal(359.99999999, -0.5)
    (('05 37 38.64', '+21 08 34.8'), ('00 00 00.00', '−00 30 00.0'))
    """
    hundredths = round(ra / 15 * 360_000) % (24 * 360_000)
    tenths = round(abs(dec) * 36_000)
    hours = f"{hundredths // 360_000:02} {hundredths // 6000 % 60:02} {hundredths % 6000 / 100:05.2f}"
    sign = "−" if math.copysign(1, dec) < 0 else "+"
    return hours, f"{sign}{tenths // 36_000:02} {tenths // 600 % 60:02} {tenths % 600 / 10:04.1f}"


def _around(ra: float, dec: float, radius: float) -> Found:
    return Found(
        condition=cone(ra, dec, radius),
        words=f"within {angle(radius)} of {' '.join(sexagesimal(ra, dec))}",
        centre=(ra, dec),
        radius=radius,
    )


def angle(degrees: float) -> str:
    """Write a small angle in the unit that suits it.

    >>> angle(2.0), angle(1 / 60), angle(5 / 3600)
    ('2°', '1′', '5″')
    """
    for unit, size in (("°", 1.0), ("′", 60.0)):
        if degrees * size >= 0.999:
            return f"{degrees * size:.4g}{unit}"
    return f"{degrees * 3600:.4g}″"


def _by_identifier(text: str, _radius: float | None) -> Found | None:
    if not _IDENTIFIER.fullmatch(text):
        return None
    identifier = _identifier(text)
    return Found(condition=f"candidate_id = {quoted(identifier)}", words=f"identifier {identifier}")


def _by_number(text: str, _radius: float | None) -> Found | None:
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        return None
    return Found(condition=f"obsid = {int(text)}", words=f"obsid {int(text)}")


def _by_designation(text: str, radius: float | None) -> Found | None:
    match = _DESIGNATION.fullmatch(text)
    if match is None:
        return None
    centre = _hours(match[1], match[2], match[3]), _degrees(match[4], match[5], match[6], match[7])
    reach = DESIGNATION_RADIUS if radius is None else radius
    if centre[0] > 360 or abs(centre[1]) > 90:
        return None
    name = quoted(text.upper().removeprefix("LAMOST").strip())
    return Found(
        condition=f"({cone(*centre, reach)} OR UPPER(designation) = {name})",
        words=f"designation {text}, or within {angle(reach)} of where it says",
        centre=centre,
        radius=reach,
    )


_NAMES: Final[tuple[Callable[[str, float | None], Found | None], ...]] = (
    _by_identifier, _by_number, _by_designation,
)  # fmt: skip


def _identifier(text: str) -> str:
    return "EML-" + text[4:].lower()


def _hours(hours: str, minutes: str, seconds: str) -> float:
    return 15 * (float(hours) + float(minutes) / 60 + float(seconds) / 3600)


def _degrees(sign: str, degrees: str, minutes: str, seconds: str) -> float:
    value = float(degrees) + float(minutes) / 60 + float(seconds) / 3600
    return -value if sign in ("-", "−") else value

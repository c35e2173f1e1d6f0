"""Where a star is: from the ways in which headers say it, in one order of evidence.

A pair of cards is taken whole or not at all. First what names the *target* (``PLUG_RA``,
``RA_TARG``, ``OBJCTRA``, …), then ``RA``/``DEC``, then where the telescope pointed: SDSS writes the
centre of the plate, 1.5° away, into RA and DEC. Numbers are degrees unless the comment or the unit
says hours; text with colons or blanks is hours and degrees, save where it says degrees or its first
part is beyond 24. ``RADESYS = FK4`` or an equinox of 1950 is converted to ICRS; any other equinox is
left alone, because archives write the date of the observation there (Ondřejov) and mean J2000.
"""

from __future__ import annotations

import math
import re
from typing import Final

from vo_emline.spectra.cards import Cards, comment, number, text, to_number

Position = tuple[float | None, float | None]

PAIRS: Final = (
    ("PLUG_RA", "PLUG_DEC"),
    ("RAOBJ", "DECOBJ"),
    ("TARGET_RA", "TARGET_DEC"),
    ("TARG_RA", "TARG_DEC"),
    ("RA_TARG", "DEC_TARG"),
    ("RA_OBJ", "DEC_OBJ"),
    ("OBJ_RA", "OBJ_DEC"),
    ("OBJRA", "OBJDEC"),
    ("OBJ-RA", "OBJ-DEC"),
    ("OBJCTRA", "OBJCTDEC"),
    ("RAJ2000", "DEJ2000"),
    ("RAJ2000", "DECJ2000"),
    ("RA2000", "DEC2000"),
    ("RACAT", "DECCAT"),
    ("BSS_RA", "BSS_DEC"),
    ("OHP TARG ALPHA", "OHP TARG DELTA"),
    ("CAT-RA", "CAT-DEC"),
    ("RA", "DEC"),
    ("RA_DEG", "DEC_DEG"),
    ("RA_D", "DEC_D"),
    ("RA-DEG", "DEC-DEG"),
    ("ALPHA", "DELTA"),
    ("RA_OBS", "DEC_OBS"),
    ("RA-OBS", "DEC-OBS"),
    ("RACEN", "DECCEN"),
    ("OBSRA", "OBSDEC"),
    ("TELRA", "TELDEC"),
    ("RA_TEL", "DEC_TEL"),
    ("TEL_RA", "TEL_DEC"),
    ("POINTRA", "POINTDEC"),
)
"""Cards of right ascension and declination, the most telling first."""

_SEXAGESIMAL: Final = re.compile(
    r"(?P<sign>[+-]?)\s*(?P<first>\d{1,4})\s*[:hd°\s]\s*(?P<second>\d{1,2}(?:\.\d+)?)"
    r"(?:\s*[:m'′\s]\s*(?P<third>\d{1,2}(?:\.\d*)?)\s*[s\"″]?)?\s*[m'′]?",
    re.IGNORECASE,
)
_HOURS: Final = re.compile(
    r"\bhours?\b|\[\s*h(?:r|rs|ours?|ms?)?\s*\]|\(\s*h(?:r|rs|ours?)?\s*\)|,\s*(?:h|hrs?)\s*$|"
    r"\bhh(?:[:.]|\s*mm)|\bhms\b|\bh:m:s\b",
    re.IGNORECASE,
)
_DEGREES: Final = re.compile(r"\bdeg(?:rees?)?\b|°", re.IGNORECASE)
_RADIANS: Final = re.compile(r"\brad(?:ians?)?\b", re.IGNORECASE)


def find_position(cards: Cards, *, first: tuple[tuple[str, str], ...] = (), only: bool = False) -> Position:
    """Find the position of a target in a header.

    Parameters
    ----------
    cards
        The header, or several as a chain.
    first
        Pairs of cards that a survey uses, before :data:`PAIRS`.
    only
        Whether no others count.

    Returns
    -------
    tuple
        Right ascension and declination, ICRS deg, both None where there are none, or where both are zero,
        which programs write for unknown. They may be outside of their ranges, which is for the identity to
        notice.
    """
    refused: Position = None, None
    for ra_key, dec_key in first if only else (*first, *PAIRS):
        ra, dec = right_ascension(cards, ra_key), declination(cards, dec_key)
        if ra is None or dec is None or ra == dec == 0:
            continue
        if 0 <= ra <= 360 and -90 <= dec <= 90:
            return to_icrs(ra, dec, cards, card=ra_key)
        refused = refused if refused[0] is not None else (ra, dec)
    return refused


def right_ascension(cards: Cards, key: str) -> float | None:
    """Read a right ascension, deg."""
    said = f"{comment(cards, key)} {text(cards, 'RAUNIT', 'RAUNITS', 'RA_UNIT')}"
    value = text(cards, key)
    parts = _SEXAGESIMAL.fullmatch(value)
    hours = bool(_HOURS.search(said)) and not _says_degrees_first(said)
    if parts is None:
        found = _number(cards, key)
        if found is None:
            return None
        if _RADIANS.search(said) and not _DEGREES.search(said):
            return math.degrees(found)
        return found * 15.0 if hours and abs(found) <= 24 else found
    degrees = _join(parts)
    as_degrees = (
        "h" not in value.lower() and not hours and (_DEGREES.search(said) or float(parts["first"]) > 24)
    )
    return degrees if as_degrees else degrees * 15.0


def declination(cards: Cards, key: str) -> float | None:
    """Read a declination, deg."""
    parts = _SEXAGESIMAL.fullmatch(text(cards, key).replace("\N{MINUS SIGN}", "-"))
    if parts is not None:
        return _join(parts)
    found = _number(cards, key)
    said = comment(cards, key)
    if found is not None and _RADIANS.search(said) and not _DEGREES.search(said):
        return math.degrees(found)
    return found


def to_icrs(ra: float, dec: float, cards: Cards, *, card: str = "") -> tuple[float, float]:
    """Convert a position to ICRS where the header says that it is of the equator of 1950.

    Parameters
    ----------
    ra, dec
        Degrees, in the frame of the header.
    cards
        The header (``RADESYS``, ``RADECSYS``, ``EQUINOX``, ``EPOCH``).
    card
        The card of the right ascension: the catalogue position of the Isaac Newton Group has an equinox
        of its own (``CAT-EQUI``).
    """
    if card == "CAT-RA" and text(cards, "CAT-EQUI"):
        cards = {"EQUINOX": text(cards, "CAT-EQUI")}
    frame = text(cards, "RADESYS", "RADECSYS").upper()
    stated = text(cards, "EQUINOX", "EPOCH").upper()
    equinox = to_number(stated.lstrip("BJ "))
    is_fk4 = frame.startswith("FK4") or (not frame and (stated.startswith("B1950") or equinox == 1950.0))
    if not is_fk4:
        return ra, dec
    from astropy.coordinates import FK4, SkyCoord  # slow to import, and few files need it

    of = equinox if 1800 < equinox < 2000 else 1950.0
    place = SkyCoord(ra, dec, unit="deg", frame=FK4(equinox=f"B{of:.3f}")).icrs
    return float(place.ra.deg), float(place.dec.deg)


def _number(cards: Cards, key: str) -> float | None:
    """Read a number, also one with its unit behind it (``83.822 deg``)."""
    found = number(cards, key)
    said = _WITH_UNIT.fullmatch(text(cards, key)) if found is None else None
    return float(said[1]) if said else found


_WITH_UNIT: Final = re.compile(r"([+-]?\d+\.\d+)\s*(?:deg(?:rees)?|°)", re.IGNORECASE)


def _join(parts: re.Match[str]) -> float:
    size = int(parts["first"]) + float(parts["second"]) / 60 + float(parts["third"] or 0) / 3600
    return -size if parts["sign"] == "-" else size


def _says_degrees_first(said: str) -> bool:
    degrees, hours = _DEGREES.search(said), _HOURS.search(said)
    return bool(degrees and hours and degrees.start() < hours.start())

"""Where a target is: positions, LAMOST designations, names."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.coordinates.name_resolve import NameResolveError, get_icrs_coordinates

from vo_emline.errors import ArchiveError, UserError

_DECIMAL: Final = re.compile(r"^\s*[+-]?\d+(\.\d*)?\s*[\s,]\s*[+-]?\d+(\.\d*)?\s*$")
_SEXAGESIMAL: Final = re.compile(
    r"^\s*\d{1,2}[:h\s]\s*\d{1,2}[:m\s]\s*\d{1,2}(\.\d*)?s?[\s,]\s*[+-]?\d{1,2}[:d°\s]\s*\d{1,2}[:m'\s]"
)
_DESIGNATION: Final = re.compile(r"^(?:LAMOST\s*)?(J\d{6}\.\d{1,2}[+-]\d{6}\.\d)$", re.IGNORECASE)

Lookup = Callable[[str], SkyCoord | None]
"""Finds a name in the service's own tables."""


def parse_position(text: str) -> SkyCoord | None:
    """Read ``ra dec`` in decimal degrees or sexagesimal (hours, degrees), ICRS; None for a name.

    Raises
    ------
    UserError
        It looks like a position, but is none on the sky.
    """
    unit = (u.deg, u.deg) if _DECIMAL.match(text) else (u.hourangle, u.deg)
    if not (_DECIMAL.match(text) or _SEXAGESIMAL.match(text)):
        return None
    try:
        return SkyCoord(text.replace(",", " "), unit=unit, frame="icrs")
    except ValueError as error:
        raise UserError(f"{text!r} is not a position on the sky: {error}") from error


def designation(text: str) -> str | None:
    """Give the LAMOST designation in `text` as the tables write it; None where it is none."""
    match = _DESIGNATION.match(text.strip())
    return match.group(1).upper() if match else None


def resolve(target: SkyCoord | str, *, lookup: Lookup) -> SkyCoord:
    """Find the position of a target.

    Parameters
    ----------
    target
        A position (any frame), ``"ra dec"``, a LAMOST designation, or a name.
    lookup
        Asked for a name before the name service is.

    Returns
    -------
    astropy.coordinates.SkyCoord
        One position.

    Raises
    ------
    UserError
        Nobody knows the name, or the text is no position.
    ArchiveError
        The name service cannot be reached.
    """
    if isinstance(target, SkyCoord):
        return target
    position = parse_position(target)
    if position is None:
        position = lookup(designation(target) or target.strip())
    return _ask_name_service(target) if position is None else position


def _ask_name_service(name: str) -> SkyCoord:
    """Ask Sesame (CDS), which knows SIMBAD, NED and VizieR."""
    try:
        return get_icrs_coordinates(name)
    except NameResolveError as error:
        text = str(error)
        if "All Sesame queries failed" not in text:
            raise UserError(f"neither this service nor SIMBAD, NED or VizieR knows {name!r}") from error
        reason = text.splitlines()[-1].strip()
        raise ArchiveError(
            f"{name!r} is not in this service's tables, and the name service Sesame cannot be reached "
            f"({reason}); give the position instead, as in '83.822 -5.391'",
            retry=True,
        ) from error

"""From what an astronomer asks for - classes, scores, a place on the sky - to the ADQL of it.

Texts go into ADQL through :func:`literal`; the service only reads.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from vo_emline.errors import ArchiveError, UserError
from vo_emline.labels import ABSORPTION, LABELS

if TYPE_CHECKING:
    from astropy.coordinates import SkyCoord
    from astropy.units import Quantity

# ruff: noqa: S608 - the service refuses anything but SELECT, and texts are quoted

CANDIDATES: Final = "emline.candidates"
SCORES: Final = "emline.scores"
OBJECTS: Final = "emline.objects"
EPOCHS: Final = "emline.epochs"
"""Tables of a candidate service (described in :mod:`vo_emline.candidates.columns`)."""

Target: TypeAlias = "SkyCoord | str"
"""A position, ``"ra dec"``, a LAMOST designation, or a name."""

Position: TypeAlias = tuple[float, float]
"""Right ascension and declination, ICRS, deg."""

Lookup: TypeAlias = Callable[[str], Position | None]
"""Finds a name in the service's own tables."""

RADIUS: Final = 5 / 3600
"""Radius of a search around a position where none is given, deg."""

_DECIMAL: Final = re.compile(r"^\s*([+-]?\d+(?:\.\d*)?)\s*[\s,]\s*([+-]?\d+(?:\.\d*)?)\s*$")
_SEXAGESIMAL: Final = re.compile(
    r"^\s*\d{1,2}[:h\s]\s*\d{1,2}[:m\s]\s*\d{1,2}(\.\d*)?s?[\s,]\s*[+-]?\d{1,2}[:d°\s]\s*\d{1,2}[:m'\s]"
)
_ANGLE: Final = re.compile(r"^\s*(\d+(?:\.\d*)?)\s*(deg|d|arcmin|'|arcsec|\")\s*$")
_DEGREES: Final = {"deg": 1.0, "d": 1.0, "arcmin": 60.0, "'": 60.0, "arcsec": 3600.0, '"': 3600.0}
_DESIGNATION: Final = re.compile(r"^(?:LAMOST\s*)?(J\d{6}\.\d{1,2}[+-]\d{6}\.\d)$", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Constraints:
    """What rows are wanted; everything that is None does not constrain."""

    position: Position | None = None
    radius: float = RADIUS
    """Around the position, deg."""
    labels: tuple[str, ...] = ()
    min_score: float | None = None
    """Least probability of emission of either kind, 0 to 1."""
    min_snr: float | None = None
    """Least signal-to-noise ratio per pixel in r."""
    where: str = ""
    """A further ADQL condition."""

    @property
    def table(self) -> str:
        """The table to ask: all classified spectra only where absorption is wanted."""
        return SCORES if LABELS[ABSORPTION] in self.labels else CANDIDATES

    def conditions(self) -> list[str]:
        """Give the ADQL conditions, to be joined by AND."""
        found = [_cone(self.position, self.radius)] if self.position is not None else []
        if self.labels:
            found.append(f"label IN ({', '.join(map(literal, self.labels))})")
        if self.min_score is not None:
            found.append(f"score >= {_probability(self.min_score)}")
        if self.min_snr is not None:
            found.append(f"snr_r >= {float(self.min_snr)!r}")
        if self.where:
            found.append(f"({self.where})")
        return found


def constrain(
    target: Target | None,
    *,
    lookup: Lookup,
    radius: Quantity | str | None = None,
    label: str | Iterable[str] | None = None,
    min_score: float | None = None,
    min_snr: float | None = None,
    where: str = "",
) -> Constraints:
    """Read what a user asks for (see :meth:`vo_emline.client.Client.search`).

    Parameters
    ----------
    lookup
        Asked for the position of a name before the name service is.

    Raises
    ------
    UserError
        Something cannot be understood.
    ArchiveError
        The name service cannot be reached.
    """
    if target is None and radius is not None:
        raise UserError("a radius needs a target")
    return Constraints(
        position=None if target is None else resolve(target, lookup=lookup),
        radius=RADIUS if radius is None else as_radius(radius),
        labels=canonical_labels(label),
        min_score=min_score,
        min_snr=min_snr,
        where=where,
    )


def literal(text: str) -> str:
    """Quote a text for ADQL."""
    return "'" + text.replace("'", "''") + "'"


def canonical_labels(label: str | Iterable[str] | None) -> tuple[str, ...]:
    """Read one or several class names, written with blank, hyphen or underscore.

    Raises
    ------
    UserError
        There is no such class.
    """
    given = () if label is None else (label,) if isinstance(label, str) else tuple(label)
    found = tuple(name.strip().lower().replace("_", "-").replace(" ", "-") for name in given)
    for name, canonical in zip(given, found, strict=True):
        if canonical not in LABELS:
            raise UserError(f"there is no class {name!r}; the classes are {', '.join(LABELS)}")
    return found


def as_radius(radius: Quantity | str) -> float:
    """Read a radius: a Quantity, or a text with unit (``5 arcmin``, ``5'``); give it in deg.

    Raises
    ------
    UserError
        It has no unit, or is no angle between 0° and 180°.
    """
    plain = _ANGLE.match(radius) if isinstance(radius, str) else None
    degrees = float(plain[1]) / _DEGREES[plain[2]] if plain else _degrees(radius)
    if not 0 < degrees <= 180:
        raise UserError(f"radius {radius!r} is not one angle between 0 and 180 deg")
    return degrees


def _degrees(radius: Quantity | str) -> float:
    """Read an angle of any unit that astropy knows; NaN where there are several."""
    from astropy import units as u
    from astropy.coordinates import Angle

    try:
        angle = Angle(radius)
    except (u.UnitsError, TypeError, ValueError) as error:
        message = f"radius {radius!r} is not an angle: give its unit, as in 5*u.arcsec or '5 arcsec'"
        raise UserError(message) from error
    return float(angle.deg) if angle.isscalar else math.nan


def parse_position(text: str) -> Position | None:
    """Read ``ra dec`` in decimal degrees or sexagesimal (hours, degrees), ICRS; None for a name.

    Raises
    ------
    UserError
        It looks like a position, but is none on the sky.
    """
    if decimal := _DECIMAL.match(text):
        ra, dec = map(float, decimal.groups())
        if abs(dec) > 90:
            raise UserError(f"{text!r} is not a position on the sky: the declination is beyond 90 deg")
        return ra % 360, dec
    if not _SEXAGESIMAL.match(text):
        return None
    from astropy.coordinates import SkyCoord

    try:
        return _icrs(SkyCoord(text.replace(",", " "), unit=("hourangle", "deg"), frame="icrs"))
    except ValueError as error:
        raise UserError(f"{text!r} is not a position on the sky: {error}") from error


def designation(text: str) -> str | None:
    """Give the LAMOST designation in `text` as the tables write it; None where it is none."""
    match = _DESIGNATION.match(text.strip())
    return match.group(1).upper() if match else None


def resolve(target: Target, *, lookup: Lookup) -> Position:
    """Find the position of a target.

    Parameters
    ----------
    target
        A position (any frame), ``"ra dec"``, a LAMOST designation, or a name.
    lookup
        Asked for a name before the name service is.

    Raises
    ------
    UserError
        Nobody knows the name, the text is no position, or there are several positions.
    ArchiveError
        The name service cannot be reached.
    """
    if not isinstance(target, str):
        return _icrs(target)
    position = parse_position(target)
    if position is None:
        position = lookup(designation(target) or target.strip())
    return _ask_name_service(target) if position is None else position


def _icrs(position: Any) -> Position:
    if not position.isscalar:
        raise UserError("search one position at a time; for many, upload a table (see Client.adql)")
    return float(position.icrs.ra.deg), float(position.icrs.dec.deg)


def _ask_name_service(name: str) -> Position:
    """Ask Sesame (CDS), which knows SIMBAD, NED and VizieR."""
    from astropy.coordinates.name_resolve import NameResolveError, get_icrs_coordinates

    try:
        return _icrs(get_icrs_coordinates(name))
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


def select(
    constraints: Constraints,
    *,
    columns: Sequence[str] = (),
    limit: int | None = None,
    table: str | None = None,
) -> str:
    """Write the query for rows, the surest emission first.

    The order is total, so that the same query gives the same rows in the
    same order to every program that asks it.
    """
    top = "" if limit is None else f"TOP {int(limit)} "
    names = ", ".join(columns) or "*"
    source = table or constraints.table
    key = "object_id" if source == OBJECTS else "candidate_id"
    return f"SELECT {top}{names} FROM {source}{_where(constraints)} ORDER BY score DESC, {key}"


def count(constraints: Constraints, *, table: str | None = None) -> str:
    """Write the query for the number of rows."""
    return f"SELECT COUNT(*) AS n FROM {table or constraints.table}{_where(constraints)}"


def named(identifier: str) -> str:
    """Write the query for the spectra that a candidate id, publisher DID, designation or obsid names."""
    text = literal(identifier)
    number = f" OR obsid = {int(identifier)}" if identifier.isdecimal() else ""
    return (
        f"SELECT TOP 20 * FROM {SCORES} "
        f"WHERE candidate_id = {text} OR obs_publisher_did = {text} OR designation = {text}{number} "
        "ORDER BY candidate_id"
    )


def epochs_of(identifier: str) -> str:
    """Write the query for every spectrum of a star, by its identifier or that of one of its spectra."""
    text = literal(identifier)
    star = (
        f"SELECT e.object_id FROM {EPOCHS} AS e JOIN {SCORES} AS n ON n.candidate_id = e.candidate_id "
        f"WHERE n.candidate_id = {text} OR n.obs_publisher_did = {text} OR n.designation = {text}"
    )
    if identifier.isdecimal():
        star += f" OR n.obsid = {int(identifier)}"
    return (
        f"SELECT m.object_id, m.survey, m.separation, s.* FROM {EPOCHS} AS m "
        f"JOIN {SCORES} AS s ON s.candidate_id = m.candidate_id "
        f"WHERE m.object_id = {text} OR m.object_id IN ({star}) ORDER BY s.epoch_mjd, s.candidate_id"
    )


def position_of(name: str) -> str:
    """Write the query for the position of a star, by its designation."""
    return (
        f"SELECT TOP 1 ra, dec FROM {SCORES} "
        f"WHERE designation = {literal(name)} AND ra IS NOT NULL ORDER BY candidate_id"
    )


def tables() -> str:
    """Write the query for the tables and their descriptions (TAP 1.1, section 4)."""
    return (
        "SELECT t.table_name, COUNT(*) AS n_columns, t.description FROM TAP_SCHEMA.tables AS t "
        "JOIN TAP_SCHEMA.columns AS c ON c.table_name = t.table_name "
        "GROUP BY t.table_name, t.description ORDER BY t.table_name"
    )


def columns_of(table: str) -> str:
    """Write the query for the columns of one table."""
    return (
        "SELECT column_name, datatype, unit, ucd, description FROM TAP_SCHEMA.columns "
        f"WHERE table_name = {literal(table)} ORDER BY column_index"
    )


def _where(constraints: Constraints) -> str:
    conditions = constraints.conditions()
    return f" WHERE {' AND '.join(conditions)}" if conditions else ""


def _cone(position: Position, radius: float) -> str:
    centre = f"POINT({position[0]:.9f}, {position[1]:.9f})"
    return f"DISTANCE(POINT(ra, dec), {centre}) <= {radius:.12g}"


def _probability(value: float) -> str:
    if not 0 <= value <= 1:
        raise UserError(f"a score is a probability between 0 and 1, not {value}")
    return repr(float(value))

"""What an astronomer asks for: classes, scores, a place on the sky."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, TypeAlias

from astropy import units as u
from astropy.coordinates import Angle, SkyCoord

from vo_emline.candidates.columns import CANDIDATES, SCORES
from vo_emline.client.targets import Lookup, resolve
from vo_emline.errors import UserError
from vo_emline.labels import ABSORPTION, LABELS

Target: TypeAlias = SkyCoord | str
"""A position, ``"ra dec"``, a LAMOST designation, or a name."""

RADIUS: Final = 5 * u.arcsec
"""Radius of a search around a position where none is given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Constraints:
    """What rows are wanted; everything that is None does not constrain."""

    position: SkyCoord | None = None
    radius: Angle | None = None
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
        wants_absorption = LABELS[ABSORPTION] in self.labels
        return (SCORES if wants_absorption else CANDIDATES).qualified_name

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
    radius: u.Quantity | str | None = None,
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
        radius=None if target is None else as_radius(radius),
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


def as_radius(radius: u.Quantity | str | None) -> Angle:
    """Read a radius: a Quantity, or a text with unit (``5 arcmin``, ``5'``).

    Raises
    ------
    UserError
        It has no unit, or is no angle between 0° and 180°.
    """
    try:
        angle = Angle(RADIUS if radius is None else radius)
    except (u.UnitsError, TypeError, ValueError) as error:
        message = f"radius {radius!r} is not an angle: give its unit, as in 5*u.arcsec or '5 arcsec'"
        raise UserError(message) from error
    if not (angle.isscalar and 0 < angle.deg <= 180):
        raise UserError(f"radius {radius!r} is not one angle between 0 and 180 deg")
    return angle


def _cone(position: SkyCoord, radius: Angle | None) -> str:
    icrs = position.icrs
    if not icrs.isscalar:
        raise UserError("search one position at a time; for many, upload a table (see Client.adql)")
    centre = f"POINT({icrs.ra.deg:.9f}, {icrs.dec.deg:.9f})"
    return f"DISTANCE(POINT(ra, dec), {centre}) <= {as_radius(radius).deg:.12g}"


def _probability(value: float) -> str:
    if not 0 <= value <= 1:
        raise UserError(f"a score is a probability between 0 and 1, not {value}")
    return repr(float(value))

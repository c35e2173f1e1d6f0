"""The absorption profile a star would have without emission: the median of stars of its spectral type.

What the network calls emission is what stands out of the profile of its class
*absorption*. So the spectra of the release that are surely of that class, taken
with the same instrument and nearest in spectral type, make the template, and
the spectrum minus the template shows the emission alone: the method of
spectral subtraction (Barden 1985, ApJ 295, 162), with a median of many stars in
place of one standard star. The template is neither shifted nor scaled to the
star; a velocity of 100 km/s (2.2 Å) leaves a ripple of its own.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np

from service.products.entries import Entry
from service.store import Release
from vo_emline.arrays import BoolArray, FloatArray
from vo_emline.candidates.columns import SCORES
from vo_emline.errors import DataError
from vo_emline.labels import ABSORPTION, LABELS
from vo_emline.spectra import read_part

TEMPLATE_VAC: Final = (6519.0, 6610.0)
"""First and last wavelength of a template, vacuum Å."""

GRID: Final = np.linspace(*TEMPLATE_VAC, 365)
"""Wavelengths of a template, vacuum Å: steps of 0.25 Å, as fine as the finest spectra."""

EDGE: Final = 15.0
"""Width of the two edges through which the level of a spectrum is laid, Å."""

MEMBERS: Final = 40
"""Spectra that make a template, at most."""

MIN_MEMBERS: Final = 5
"""Fewer spectra make no template."""

MAX_SCORE: Final = 0.1
"""Greatest probability of emission of a member."""

MAX_DISTANCE: Final = 10.0
"""How far the type of a member may be from that of the star, tenths of a type: A2 goes from B2 to F2."""

TYPES: Final = "OBAFGKM"
_TYPE = re.compile(rf"[a-z]*([{TYPES}])(\d(?:\.\d)?)?")

_LEARNING = threading.Lock()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Template:
    """A median profile."""

    profile: FloatArray
    """Flux on :data:`GRID` over the straight line through its edges."""
    members: int
    """How many spectra it was made of."""
    kind: str
    """Spectral types of the members: ``A2V`` or ``A1V to A5V``; ``without type`` where they have none."""

    def under(self, wavelength_vac: FloatArray, flux: FloatArray) -> FloatArray:
        """Give the template at the level of a spectrum.

        Parameters
        ----------
        wavelength_vac
            Vacuum wavelengths, Å, ascending, shape (n,).
        flux
            Flux in any unit; NaN where bad, shape (n,).

        Returns
        -------
        ndarray
            Flux of the template in the unit of `flux`, shape (n,); NaN outside
            of :data:`TEMPLATE_VAC`, and everywhere where an edge of `flux` holds no pixel.
        """
        profile = np.interp(wavelength_vac, GRID, self.profile, left=np.nan, right=np.nan)
        return profile * _level(wavelength_vac, flux)


def find_template(release: Release, entry: Entry) -> Template | None:
    """Give the template for a spectrum; None where the release has too few spectra like it.

    It is made once per instrument and spectral type, and then kept.
    """
    if release.table(SCORES.qualified_name) is None:
        return None
    with _LEARNING:  # the pictures of one page ask for the same template at once
        return _template(release, entry.collection, entry.spectral_subclass)


@lru_cache(maxsize=256)
def _template(release: Release, collection: str, subclass: str) -> Template | None:
    chosen = _nearest_types(release, collection, subclass)
    profiles = [
        (kind, profile)
        for kind, path in _members(release, collection, chosen)
        if (profile := _read_profile(path)) is not None
    ]
    if len(profiles) < MIN_MEMBERS:
        return None
    return Template(
        profile=np.median([profile for _, profile in profiles], axis=0),
        members=len(profiles),
        kind=_range_of(kind for kind, _ in profiles),
    )


def type_number(subclass: str) -> float | None:
    """Put spectral types in their order: O0 is 0, B0 10, A2V 22, M9 69; None for what is none of OBAFGKM."""
    match = _TYPE.match(subclass)
    if match is None:
        return None
    return 10 * TYPES.index(match[1]) + float(match[2] or 5)


def _nearest_types(release: Release, collection: str, subclass: str) -> list[tuple[str, float]]:
    """Give the subclasses of a collection with their distances from `subclass`, in tenths of a type."""
    subclass_sql = "coalesce(spectral_subclass, '') AS subclass"
    sql = f"SELECT DISTINCT {subclass_sql} FROM {release.index} WHERE collection = ?"  # noqa: S608
    wanted = type_number(subclass)
    present = [str(row["subclass"]) for row in release.rows(sql, [collection])]
    numbers = {name: type_number(name) for name in present}
    if wanted is None:
        return [(name, 0.0) for name, number in numbers.items() if number is None]
    distances = {name: abs(number - wanted) for name, number in numbers.items() if number is not None}
    return [(name, distance) for name, distance in distances.items() if distance <= MAX_DISTANCE]


def _members(
    release: Release, collection: str, chosen: list[tuple[str, float]]
) -> Iterable[tuple[str, Path]]:
    sql = f"""
        WITH near AS (SELECT unnest(?::VARCHAR[]) AS subclass, unnest(?::float8[]) AS distance)
        SELECT near.subclass, path FROM {release.index} AS spectra
        JOIN near ON coalesce(spectral_subclass, '') = near.subclass
        WHERE collection = ? AND obs_publisher_did IN (
            SELECT obs_publisher_did FROM {SCORES.qualified_name} WHERE label = ? AND score <= ?)
        ORDER BY distance, snr_r DESC NULLS LAST, obs_publisher_did LIMIT {MEMBERS}"""  # noqa: S608
    names, distances = [name for name, _ in chosen], [distance for _, distance in chosen]
    parameters = [names, distances, collection, LABELS[ABSORPTION], MAX_SCORE]
    return [(row["subclass"], Path(row["path"])) for row in release.rows(sql, parameters)]


def _read_profile(path: Path) -> FloatArray | None:
    """Read the profile of one member; None where the file is gone, damaged or has a hole there."""
    try:
        spectrum = read_part(path, between=TEMPLATE_VAC)
    except (DataError, OSError):
        return None
    good = ~spectrum.mask & np.isfinite(spectrum.flux)
    if not good.any():
        return None
    flux = np.interp(GRID, spectrum.wavelength_vac[good], spectrum.flux[good])
    profile = flux / _level(GRID, flux)
    return profile if np.isfinite(profile).all() else None


def _level(wavelength: FloatArray, flux: FloatArray) -> FloatArray:
    """Lay a straight line through the medians of the two edges; NaN where one is empty or not positive."""
    points = [
        (float(np.median(wavelength[edge])), float(np.median(flux[edge])))
        for edge in _edges(wavelength, flux)
        if edge.any()
    ]
    if len(points) < 2 or min(flux_of for _, flux_of in points) <= 0:
        return np.full(wavelength.shape, np.nan)
    (x0, y0), (x1, y1) = points
    return np.asarray(y0 + (wavelength - x0) * (y1 - y0) / (x1 - x0))


def _edges(wavelength: FloatArray, flux: FloatArray) -> tuple[BoolArray, BoolArray]:
    good = np.isfinite(flux)
    first, last = TEMPLATE_VAC
    blue = good & (wavelength >= first) & (wavelength < first + EDGE)
    red = good & (wavelength > last - EDGE) & (wavelength <= last)
    return blue, red


def _range_of(kinds: Iterable[str]) -> str:
    ordered = sorted({kind for kind in kinds if kind}, key=lambda kind: (type_number(kind) or 0, kind))
    return " to ".join(dict.fromkeys([ordered[0], ordered[-1]])) if ordered else "without type"

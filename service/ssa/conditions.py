"""Conditions on spectra: SQL with named parameters, never text of a request."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from astropy import units as u
from astropy.coordinates import Latitude, Longitude
from cdshealpix.nested import cone_search

from vo_emline.candidates.columns import HPX_ORDER

Range = tuple[float | None, float | None]


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition in SQL, with the values of its named parameters."""

    sql: str
    parameters: Mapping[str, Any] = field(default_factory=dict)


def overlaps(name: str, ranges: Iterable[Range], *, low: str, high: str) -> Condition:
    """Give the condition that the interval from `low` to `high` touches one of `ranges`.

    Parameters
    ----------
    name
        Prefix of the parameters' names.
    ranges
        First and last value; None for an open end.
    low, high
        SQL of the interval's ends.
    """
    return _any(name, ranges, at_least=high, at_most=low)


def within(name: str, ranges: Iterable[Range], *, value: str) -> Condition:
    """Give the condition that `value` (SQL) lies in one of `ranges`."""
    return _any(name, ranges, at_least=value, at_most=value)


def one_of(name: str, values: Sequence[str], *, value: str) -> Condition:
    """Give the condition that `value` (SQL) is one of `values`."""
    return Condition(f"{value} IN (SELECT unnest(${name}::VARCHAR[]))", {name: list(values)})


def contains_one_of(name: str, values: Sequence[str], *, value: str) -> Condition:
    """Give the condition that the text `value` (SQL) contains one of `values`; false where there are none."""
    parts = [f"position(${name}_{place} IN {value}) > 0" for place in range(len(values))]
    parameters = {f"{name}_{place}": text for place, text in enumerate(values)}
    return Condition(f"({' OR '.join(parts) or 'false'})", parameters)


def _any(name: str, ranges: Iterable[Range], *, at_least: str, at_most: str) -> Condition:
    parts, parameters = [], {}
    for place, (first, last) in enumerate(ranges):
        ends = []
        if first is not None:
            parameters[f"{name}_{place}_first"] = first
            ends.append(f"{at_least} >= ${name}_{place}_first")
        if last is not None:
            parameters[f"{name}_{place}_last"] = last
            ends.append(f"{at_most} <= ${name}_{place}_last")
        parts.append(" AND ".join(ends))
    return Condition(f"({' OR '.join(f'({part})' for part in parts)})", parameters)


_PIXELS_ACROSS: Final = 16
"""The circle is covered by pixels of about its radius over this: some hundred ranges at most."""

SEPARATION_SQL: Final = (
    "2 * degrees(asin(sqrt(least(1, power(sin(radians(dec - $pos_dec) / 2), 2)"
    " + cos(radians(dec)) * cos(radians($pos_dec)) * power(sin(radians(ra - $pos_ra) / 2), 2)))))"
)
"""Angular distance from ``$pos_ra``, ``$pos_dec``, deg (haversine, exact for small angles)."""


def circle(ra: float, dec: float, radius: float) -> Condition:
    """Give the condition that a position may lie in a circle; what is left needs the exact distance.

    Parameters
    ----------
    ra, dec
        Centre, ICRS, deg.
    radius
        deg.
    """
    ranges = pixel_ranges(ra, dec, radius)
    parts = [f"hpx10 BETWEEN {first} AND {last}" for first, last in ranges]
    parameters = {"pos_ra": ra, "pos_dec": dec, "pos_radius": radius}
    return Condition(f"({' OR '.join(parts)}) AND {SEPARATION_SQL} <= $pos_radius", parameters)


def pixel_ranges(ra: float, dec: float, radius: float) -> list[tuple[int, int]]:
    """Give merged ranges of order-10 NESTED pixels that cover a circle; both ends are inside."""
    depth = _depth(radius)
    pixels, depths, _ = cone_search(
        Longitude(ra * u.deg), Latitude(dec * u.deg), max(radius, 1e-6) * u.deg, depth=depth
    )
    shift = 2 * (HPX_ORDER - depths.astype(np.int64))
    first = pixels.astype(np.int64) << shift
    last = ((pixels.astype(np.int64) + 1) << shift) - 1
    return _merged(sorted(zip(first.tolist(), last.tolist(), strict=True)))


def _depth(radius: float) -> int:
    """Give the HEALPix order whose pixels (58.6° / 2^order) are about radius / 16."""
    wanted = math.log2(58.6 * _PIXELS_ACROSS / max(radius, 1e-3))
    return max(0, min(HPX_ORDER, math.floor(wanted)))


def _merged(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for first, last in ranges:
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return merged

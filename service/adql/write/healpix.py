"""Constant regions as ranges of HEALPix pixels (NESTED), for the sorted pixel column of the tables."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from vo_emline.candidates.columns import HPX_ORDER

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PIXEL_COLUMN: Final = f"hpx{HPX_ORDER}"
"""Column that holds the pixel of a row; tables are sorted by it."""

MAX_RANGES: Final = 64
"""Ranges in one query: more of them exclude few more rows and cost more than they save."""

_CELLS_PER_RADIUS: Final = 24
_PIXEL_DEG: Final = 58.6
"""Width of a base pixel, degrees."""

Ranges = tuple[tuple[int, int], ...]
"""First and last pixel of each range, ascending."""


@lru_cache(maxsize=256)
def cone(lon: float, lat: float, radius: float) -> Ranges:
    """Give ranges of order-10 pixels that cover a cone (degrees)."""
    from astropy import units as u
    from astropy.coordinates import Latitude, Longitude
    from cdshealpix.nested import cone_search

    order = _order_for(radius)
    pixels, orders, _ = cone_search(Longitude(lon, u.deg), Latitude(lat, u.deg), radius * u.deg, order)
    return _ranges(pixels, orders)


@lru_cache(maxsize=64)
def polygon(vertices: tuple[tuple[float, float], ...], radius: float) -> Ranges:
    """Give ranges of order-10 pixels that cover a polygon, its vertices within `radius` of its centre."""
    from astropy import units as u
    from astropy.coordinates import Latitude, Longitude
    from cdshealpix.nested import polygon_search

    lon = Longitude([vertex[0] for vertex in vertices], u.deg)
    lat = Latitude([vertex[1] for vertex in vertices], u.deg)
    pixels, orders, _ = polygon_search(lon, lat, _order_for(radius))
    return _ranges(pixels, orders)


def _order_for(radius: float) -> int:
    """Give the order whose pixels resolve a region of this size well enough."""
    wanted = math.log2(_PIXEL_DEG * _CELLS_PER_RADIUS / max(radius, 1e-6))
    return max(1, min(HPX_ORDER, int(wanted)))


def _ranges(pixels: NDArray[np.integer], orders: NDArray[np.integer]) -> Ranges:
    import numpy as np

    shift = 2 * (HPX_ORDER - orders.astype(np.int64))
    first = pixels.astype(np.int64) << shift
    end = (pixels.astype(np.int64) + 1) << shift
    sorting = np.argsort(first)
    return _merged(list(zip(first[sorting].tolist(), end[sorting].tolist(), strict=True)))


def _merged(ranges: Sequence[tuple[int, int]]) -> Ranges:
    """Join ranges that touch, then those with the smallest gaps, until there are few enough."""
    gaps = sorted((after[0] - before[1] for before, after in pairwise(ranges)), reverse=True)
    allowed = gaps[MAX_RANGES - 1] if len(gaps) >= MAX_RANGES else 0
    joined: list[list[int]] = []
    for first, end in ranges:
        if joined and first - joined[-1][1] <= allowed:
            joined[-1][1] = max(end, joined[-1][1])
        else:
            joined.append([first, end])
    return tuple((first, end - 1) for first, end in joined)

"""DuckDB: constant regions as ranges of HEALPix pixels, and the functions that it does not have.

Tables are sorted by their pixel column, so that ranges of pixels (NESTED) and a band of
latitude let the database skip what lies elsewhere before the exact test.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from service.adql.write.dialects import Database
from service.adql.write.predicates import EDGE, FALSE, Predicates, distance
from service.adql.write.shapes import Part, PixelIndex, pixel_index
from service.adql.write.spherical import SphericalPolygon
from vo_emline.candidates.columns import HPX_ORDER

if TYPE_CHECKING:
    import numpy as np
    from duckdb import DuckDBPyConnection
    from numpy.typing import NDArray

MAX_RANGES: Final = 8
"""Ranges in one query: more of them exclude few more rows and cost more than they save. Of 500 000 rows a
cone of 0.5° took 4.3 ms with 30 and 2.7 with 8, one of 10° 11.6 with 48 and 7.3 with 8."""

_CELLS_PER_RADIUS: Final = 24
_PIXEL_DEG: Final = 58.6
"""Width of a base pixel, degrees."""

Ranges = tuple[tuple[int, int], ...]
"""First and last pixel of each range, ascending."""


@lru_cache(maxsize=256)
def cone_ranges(lon: float, lat: float, radius: float) -> Ranges:
    """Give ranges of order-10 pixels that cover a cone (degrees)."""
    from astropy import units as u
    from astropy.coordinates import Latitude, Longitude
    from cdshealpix.nested import cone_search

    order = _order_for(radius)
    pixels, orders, _ = cone_search(Longitude(lon, u.deg), Latitude(lat, u.deg), radius * u.deg, order)
    return _ranges(pixels, orders)


@lru_cache(maxsize=64)
def polygon_ranges(vertices: tuple[tuple[float, float], ...], radius: float) -> Ranges:
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


class PixelPredicates(Predicates):
    """Conditions with boxes and pixels that let a sorted table be skipped through."""

    def near(self, point: tuple[Part, ...], centre: tuple[Part, ...], radius: Part, *, strict: bool) -> str:
        """Give the condition that a position lies within `radius` of another.

        Pixel ranges and a band of latitude come first where they can be had, then the exact distance.
        """
        if centre[0].constant is None and point[0].constant is not None:
            point, centre = centre, point
        lat, size = centre[1].sql, radius.sql
        tests = [f"{point[1].sql} BETWEEN {lat} - {size} - {EDGE} AND {lat} + {size} + {EDGE}"]
        lon0, lat0, r0 = centre[0].constant, centre[1].constant, radius.constant
        if lon0 is not None and lat0 is not None and r0 is not None:
            if r0 < 0:
                return FALSE
            tests = [*_pixels(point, lon0, lat0, r0), f"{point[1].sql} {_band(lat0 - r0, lat0 + r0)}"]
        tests.append(f"{distance(point, centre)} {'<' if strict else '<='} {size}")
        return f"({' AND '.join(tests)})"

    def covering(self, point: tuple[Part, ...], outline: SphericalPolygon, radius: float) -> list[str]:
        """Give conditions that are met near a polygon, and fast to test."""
        index = pixel_index(point[0], point[1])
        return [] if index is None else [in_ranges(index, polygon_ranges(outline.vertices, radius))]


def in_ranges(index: PixelIndex, ranges: Ranges) -> str:
    """Give the condition that a pixel lies in one of the ranges, their hull first for the zone maps."""
    hull = f"{index.sql} BETWEEN {ranges[0][0]} AND {ranges[-1][1]}"
    if len(ranges) == 1:
        return hull
    tests = [
        f"{index.sql} BETWEEN {first} AND {last}" if last > first else f"{index.sql} = {first}"
        for first, last in ranges
    ]
    return f"{hull} AND ({' OR '.join(tests)})"


def _pixels(point: tuple[Part, ...], lon: float, lat: float, radius: float) -> Iterable[str]:
    index = pixel_index(point[0], point[1])
    return [in_ranges(index, cone_ranges(lon, lat, max(radius, EDGE)))] if index is not None else []


def _band(low: float, high: float) -> str:
    return f"BETWEEN {low - EDGE!r}::float8 AND {high + EDGE!r}::float8"


DUCKDB: Final = Database(
    dialect="duckdb",
    predicates=PixelPredicates(),
    timestamp_text="strftime({0}, '%Y-%m-%dT%H:%M:%S.%g')",
    text_split="CAST(string_split({0}, ' ') AS float8[])",
    array="CAST([{0}] AS float8[])",
    like="",
    divide_whole="(CAST({0} AS int8) // nullif({1}, 0))",
    pixel_joins=True,
)
"""How DuckDB says things."""


# Functions that the written SQL calls and DuckDB does not have


def register_functions(connection: DuckDBPyConnection) -> None:
    """Give a DuckDB database the functions that compiled queries call; once for all its cursors."""
    from duckdb.func import ARROW, SPECIAL
    from duckdb.sqltypes import BIGINT, DOUBLE, INTEGER

    connection.create_function(
        "adql_healpix_index",
        _healpix_index,
        [INTEGER, DOUBLE, DOUBLE],
        BIGINT,
        type=ARROW,
        null_handling=SPECIAL,
    )
    connection.create_function(
        "adql_cone_pixels",
        _cone_pixels,
        [DOUBLE, DOUBLE, INTEGER],
        "INTEGER[]",
        type=ARROW,
        null_handling=SPECIAL,
    )


# DuckDB evaluates the annotations of what it is given: Any stands for Arrow's arrays, loaded when needed.


def _healpix_index(orders: Any, lon: Any, lat: Any) -> Any:
    """Give the pixel of each position."""
    import numpy as np
    import pyarrow as pa

    pixels, valid = _pixels_of(lon, lat, orders.to_numpy())
    return pa.array(pixels.astype(np.int64), mask=~valid)


def _cone_pixels(lon: Any, lat: Any, orders: Any) -> Any:
    """Give the pixel of each position and its neighbours."""
    import numpy as np
    import pyarrow as pa
    from cdshealpix.nested import neighbours

    if len(lon) == 0:
        return pa.array([], type=pa.list_(pa.int32()))
    order = int(orders[0].as_py())
    pixels, valid = _pixels_of(lon, lat, np.full(len(lon), order))
    around = neighbours(pixels.astype(np.uint64), order).astype(np.int64)
    around[~valid] = -1
    around.sort(axis=1)
    kept = around >= 0
    kept[:, 1:] &= around[:, 1:] != around[:, :-1]
    offsets = np.concatenate([[0], np.cumsum(kept.sum(axis=1))]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(around[kept].astype(np.int32)))


def _pixels_of(
    lon: Any, lat: Any, orders: NDArray[np.integer]
) -> tuple[NDArray[np.uint64], NDArray[np.bool_]]:
    """Give the pixel of each position, and whether it is one."""
    import numpy as np
    from astropy import units as u
    from astropy.coordinates import Latitude, Longitude
    from cdshealpix.nested import lonlat_to_healpix

    longitudes, latitudes = (np.asarray(each.to_numpy(), dtype=float) for each in (lon, lat))
    valid = np.isfinite(longitudes) & (np.abs(latitudes) <= 90)
    safe_lon, safe_lat = np.where(valid, longitudes, 0.0), np.where(valid, latitudes, 0.0)
    found = lonlat_to_healpix(Longitude(safe_lon, u.deg), Latitude(safe_lat, u.deg), orders.astype(np.uint8))
    return found, valid

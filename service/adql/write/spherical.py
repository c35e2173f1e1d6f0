"""Geometry of constant regions, computed while a query is compiled (all angles in degrees, ICRS)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

Vector = tuple[float, float, float]
LonLat = tuple[float, float]

_TINY: Final = 1e-12
_LEAST_COSINE: Final = 0.02
"""Vertices must be less than about 89° from the centre of their polygon."""


def vector(lon: float, lat: float) -> Vector:
    """Give the unit vector of a position."""
    a, d = math.radians(lon), math.radians(lat)
    return math.cos(d) * math.cos(a), math.cos(d) * math.sin(a), math.sin(d)


def lon_lat(v: Vector) -> LonLat:
    """Give the position of a vector of any length, longitude from 0 to 360."""
    lon = math.degrees(math.atan2(v[1], v[0])) % 360
    return lon, math.degrees(math.atan2(v[2], math.hypot(v[0], v[1])))


def dot(a: Vector, b: Vector) -> float:
    """Give the scalar product."""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def cross(a: Vector, b: Vector) -> Vector:
    """Give the vector product."""
    return a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]


def normalised(v: Vector) -> Vector:
    """Give the vector of length 1; the zero vector stays."""
    length = math.sqrt(dot(v, v)) or 1.0
    return v[0] / length, v[1] / length, v[2] / length


def separation(a: Vector, b: Vector) -> float:
    """Give the angle between two vectors."""
    n = cross(a, b)
    return math.degrees(math.atan2(math.sqrt(dot(n, n)), dot(a, b)))


class SphericalPolygon:
    """A polygon of great-circle arcs, smaller than a hemisphere.

    Parameters
    ----------
    vertices
        Longitude and latitude of three or more vertices, in either sense.

    Raises
    ------
    ValueError
        If the vertices do not lie within one hemisphere, or span no area.
    """

    def __init__(self, vertices: Sequence[LonLat]) -> None:
        self.vertices = tuple(vertices)
        self.corners = tuple(vector(*vertex) for vertex in vertices)
        self.centre = normalised(tuple(sum(axis) for axis in zip(*self.corners, strict=True)))
        if min(dot(self.centre, corner) for corner in self.corners) < _LEAST_COSINE:
            raise ValueError("the polygon must lie within a hemisphere")
        if abs(self.area) < _TINY:
            raise ValueError("the polygon has no area")

    @property
    def edges(self) -> list[tuple[Vector, Vector]]:
        """The arcs, each from vertex to vertex."""
        return list(pairwise((*self.corners, self.corners[0])))

    @property
    def area(self) -> float:
        """Area in square degrees, from the spherical excess of triangles about the centre."""
        total = sum(_triangle(self.centre, a, b) for a, b in self.edges)
        return abs(total) * math.degrees(1) ** 2

    @property
    def centroid(self) -> LonLat:
        """Centre of gravity of the area on the sphere (from the integral of the position over it)."""
        total = [0.0, 0.0, 0.0]
        for a, b in self.edges:
            normal, angle = normalised(cross(a, b)), math.radians(separation(a, b))
            total = [part + angle * axis for part, axis in zip(total, normal, strict=True)]
        middle: Vector = (total[0], total[1], total[2])
        return lon_lat(middle if dot(middle, self.centre) > 0 else (-middle[0], -middle[1], -middle[2]))

    @property
    def axes(self) -> tuple[Vector, Vector]:
        """East and north at the centre: the axes of its tangent plane."""
        lon, lat = lon_lat(self.centre)
        return vector(lon + 90, 0), vector(lon, lat + 90)

    def projected(self) -> list[LonLat]:
        """Give the vertices in the tangent plane at the centre, where arcs become straight lines."""
        east, north = self.axes
        depths = [dot(self.centre, corner) for corner in self.corners]
        return [
            (dot(east, corner) / depth, dot(north, corner) / depth)
            for corner, depth in zip(self.corners, depths, strict=True)
        ]

    def contains(self, point: Vector) -> bool:
        """Tell whether a position lies within, by the even-odd rule in the tangent plane."""
        depth = dot(self.centre, point)
        if depth <= 0:
            return False
        east, north = self.axes
        x, y = dot(east, point) / depth, dot(north, point) / depth
        plane = self.projected()
        inside = False
        for (x1, y1), (x2, y2) in pairwise((*plane, plane[0])):
            if (y1 > y) != (y2 > y) and x < (x2 - x1) * (y - y1) / (y2 - y1) + x1:
                inside = not inside
        return inside

    def distance_to_edge(self, point: Vector) -> float:
        """Give the least angle between a position and the boundary."""
        return min(_arc_distance(point, a, b) for a, b in self.edges)

    def crosses(self, other: SphericalPolygon) -> bool:
        """Tell whether the boundaries of two polygons meet."""
        return any(_arcs_cross(*mine, *its) for mine in self.edges for its in other.edges)

    def within(self, other: SphericalPolygon) -> bool:
        """Tell whether this polygon lies wholly within another."""
        return not self.crosses(other) and all(other.contains(corner) for corner in self.corners)

    def overlaps(self, other: SphericalPolygon) -> bool:
        """Tell whether two polygons have points in common."""
        return self.crosses(other) or other.contains(self.corners[0]) or self.contains(other.corners[0])


def box(lon: float, lat: float, width: float, height: float) -> SphericalPolygon:
    """Give the box whose sides are great circles at right angles to the arms of a cross (section 4.2.7).

    Raises
    ------
    ValueError
        If it has no area or is as large as a hemisphere.
    """
    centre, east, north = vector(lon, lat), vector(lon + 90, 0), vector(lon, lat + 90)
    if not (0 < width < 178 and 0 < height < 178):
        raise ValueError("width and height of a box must be above 0 and below 178 degrees")
    x, y = math.tan(math.radians(width / 2)), math.tan(math.radians(height / 2))
    corners = [
        tuple(c + i * x * e + j * y * n for c, e, n in zip(centre, east, north, strict=True))
        for i, j in ((-1, -1), (1, -1), (1, 1), (-1, 1))
    ]
    return SphericalPolygon([lon_lat(corner) for corner in corners])  # type: ignore[arg-type]


def _triangle(a: Vector, b: Vector, c: Vector) -> float:
    """Give the signed area of a triangle, steradian (van Oosterom & Strackee 1983, eq. 8)."""
    return 2 * math.atan2(dot(a, cross(b, c)), 1 + dot(a, b) + dot(b, c) + dot(c, a))


def _arc_distance(point: Vector, a: Vector, b: Vector) -> float:
    normal = normalised(cross(a, b))
    if dot(point, cross(normal, a)) >= 0 and dot(point, cross(b, normal)) >= 0:
        return abs(math.degrees(math.asin(max(-1.0, min(1.0, dot(point, normal))))))
    return min(separation(point, a), separation(point, b))


def _arcs_cross(a: Vector, b: Vector, c: Vector, d: Vector) -> bool:
    first, second = cross(a, b), cross(c, d)
    sides = (dot(first, c) * dot(first, d) <= 0) and (dot(second, a) * dot(second, b) <= 0)
    return sides and dot(_sum(a, b), _sum(c, d)) > 0


def _sum(a: Vector, b: Vector) -> Vector:
    return a[0] + b[0], a[1] + b[1], a[2] + b[2]

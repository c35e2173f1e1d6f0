"""Distances, CONTAINS and INTERSECTS in SQL (ADQL 2.1, sections 4.2.10 to 4.2.14).

At most one of two regions may depend on columns unless both are circles or
points; two constant regions are compared while the query is compiled.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Final

from service.adql.write.shapes import Part, Shape, pixel_index
from service.adql.write.spherical import SphericalPolygon, Vector, cross, normalised, separation
from vo_emline.candidates.columns import HPX_ORDER, MOC_ORDER

EDGE: Final = 1e-9
"""Widening of the boxes before exact tests, degrees: more than rounding errors, less than an atom of sky."""

TRUE, FALSE = "(1 = 1)", "(1 = 0)"


class UnsupportedShapesError(ValueError):
    """Two geometries cannot be compared here."""


def distance(a: tuple[Part, ...], b: tuple[Part, ...]) -> str:
    """Give the length of the arc between two positions in degrees, by the haversine formula.

    The factor just below 1 keeps rounding errors at antipodes within the domain of asin.
    """
    (lon1, lat1), (lon2, lat2) = ((each[0].sql, each[1].sql) for each in (a, b))
    return (
        f"degrees(2 * asin(0.9999999999999996::float8 * sqrt(power(sin(radians({lat2} - {lat1}) / 2), 2)"
        f" + cos(radians({lat1})) * cos(radians({lat2})) * power(sin(radians({lon2} - {lon1}) / 2), 2))))"
    )


class Predicates(ABC):
    """Conditions in plain arithmetic; what the index of a database can help with is for the databases."""

    def contains(self, inner: Shape, outer: Shape) -> str:
        """Give the condition that the first geometry lies within the second.

        Raises
        ------
        UnsupportedShapesError
            If these two cannot be compared.
        """
        if "moc" in (inner.kind, outer.kind):
            return _in_moc(inner, outer)
        if outer.kind == "point":
            return self._in_point(inner, outer)
        if outer.kind == "circle":
            return self._in_circle(inner, outer)
        if inner.kind == "point":
            return self._point_in_area(inner, outer)
        outline = _outline(outer)
        if inner.kind == "circle":
            return self.circle_in_polygon(inner.parts, outline)
        return TRUE if _outline(inner).within(outline) else FALSE

    def intersects(self, a: Shape, b: Shape) -> str:
        """Give the condition that two geometries overlap; a point overlaps what contains it."""
        if a.kind == "point":
            return self.contains(a, b)
        if b.kind == "point":
            return self.contains(b, a)
        if "moc" in (a.kind, b.kind):
            return _in_moc(a, b)
        if a.kind == "circle" and b.kind == "circle":
            return f"({distance(a.parts, b.parts)} <= {a.parts[2].sql} + {b.parts[2].sql})"
        if a.kind == "circle":
            return self.meets_polygon(a.parts, _outline(b))
        if b.kind == "circle":
            return self.meets_polygon(b.parts, _outline(a))
        return TRUE if _outline(a).overlaps(_outline(b)) else FALSE

    def _in_point(self, inner: Shape, outer: Shape) -> str:
        if inner.kind not in {"point", "circle"}:
            return FALSE
        tests = [f"{a.sql} = {b.sql}" for a, b in zip(inner.parts, outer.parts, strict=False)]
        if inner.kind == "circle":
            tests.append(f"{inner.parts[2].sql} = 0")
        return f"({' AND '.join(tests)})"

    def _in_circle(self, inner: Shape, outer: Shape) -> str:
        centre, radius = outer.parts[:2], outer.parts[2]
        if inner.kind == "point":
            return self.near(inner.parts, centre, radius, strict=False)
        if inner.kind == "circle":
            return f"({distance(inner.parts, centre)} + {inner.parts[2].sql} <= {radius.sql})"
        corners = [position(*vertex) for vertex in _outline(inner).vertices]
        return f"({' AND '.join(f'{distance(corner, centre)} <= {radius.sql}' for corner in corners)})"

    def _point_in_area(self, point: Shape, area: Shape) -> str:
        if area.outline is not None:
            return self.in_polygon(point.parts, area.outline)
        if area.kind == "box":
            return in_box(point.parts, area.parts)
        raise UnsupportedShapesError("a polygon here must have constant coordinates")

    @abstractmethod
    def near(self, point: tuple[Part, ...], centre: tuple[Part, ...], radius: Part, *, strict: bool) -> str:
        """Give the condition that a position lies within `radius` of another."""

    @abstractmethod
    def covering(self, point: tuple[Part, ...], outline: SphericalPolygon, radius: float) -> list[str]:
        """Give conditions that are met near a polygon, and fast to test.

        Parameters
        ----------
        point
            The position that is tested.
        outline
            The polygon.
        radius
            Of the circle about its centre that holds it, degrees.
        """

    def in_polygon(self, point: tuple[Part, ...], outline: SphericalPolygon) -> str:
        """Give the condition that a position lies within a constant polygon.

        It is the even-odd rule in the tangent plane at the centre, where arcs are straight lines.
        """
        radius = max(separation(outline.centre, corner) for corner in outline.corners)
        tests = self.covering(point, outline, radius)
        east, north = outline.axes
        x, y, depth = (component(point, axis) for axis in (east, north, outline.centre))
        plane = outline.projected()
        crossings = [_crossing(x, y, depth, a, b) for a, b in zip(plane, [*plane[1:], plane[0]], strict=True)]
        tests.append(f"{depth} > 0")
        tests.append(f"({' + '.join(test for test in crossings if test)}) % 2 = 1")
        return f"({' AND '.join(tests)})"

    def meets_polygon(self, circle: tuple[Part, ...], outline: SphericalPolygon) -> str:
        """Give the condition that a circle and a constant polygon overlap."""
        return f"({self.in_polygon(circle, outline)} OR {_edge_near(circle, outline, '<=')})"

    def circle_in_polygon(self, circle: tuple[Part, ...], outline: SphericalPolygon) -> str:
        """Give the condition that a circle lies within a constant polygon."""
        return f"({self.in_polygon(circle, outline)} AND NOT {_edge_near(circle, outline, '<')})"


def in_box(point: tuple[Part, ...], area: tuple[Part, ...]) -> str:
    """Give the condition that a position lies in a box that depends on columns (its tangent plane)."""
    lon, lat = point[0].sql, point[1].sql
    lon0, lat0, width, height = (part.sql for part in area)
    along = f"cos(radians({lat})) * cos(radians({lon} - {lon0}))"
    depth = f"(sin(radians({lat0})) * sin(radians({lat})) + cos(radians({lat0})) * {along})"
    x = f"(cos(radians({lat})) * sin(radians({lon} - {lon0})))"
    y = f"(cos(radians({lat0})) * sin(radians({lat})) - sin(radians({lat0})) * {along})"
    return (
        f"({depth} > 0 AND abs{x} <= tan(radians({width} / 2.0)) * {depth}"
        f" AND abs{y} <= tan(radians({height} / 2.0)) * {depth})"
    )


def _in_moc(inner: Shape, outer: Shape) -> str:
    """Give the condition that a position lies in one of the cells of a MOC."""
    if inner.kind != "point" or outer.kind != "moc":
        raise UnsupportedShapesError("of a MOC only whether a point is inside can be asked")
    lon, lat = inner.parts[:2]
    if outer.cell is not None:
        return f"({outer.cell} = '{MOC_ORDER}/' || {healpix_sql(MOC_ORDER, lon, lat)})"
    tests = [
        f"{healpix_sql(order, lon, lat)} IN ({', '.join(map(str, cells))})"
        for order, cells in (outer.moc or {}).items()
        if cells
    ]
    return f"({' OR '.join(tests)})" if tests else FALSE


def healpix_sql(order: int, lon: Part, lat: Part) -> str:
    """Give the HEALPix pixel (NESTED) of a position, from the column of pixels where it has it."""
    index = pixel_index(lon, lat)
    if index is not None and order <= HPX_ORDER:
        return f"CAST({index.sql} >> {2 * (HPX_ORDER - order)} AS int8)"
    return f"adql_healpix_index({order}, CAST({lon.sql} AS float8), CAST({lat.sql} AS float8))"


def component(point: tuple[Part, ...], axis: Vector) -> str:
    """Give the component of a position along a constant axis."""
    lon, lat = point[0].sql, point[1].sql
    x, y, z = (f"{value!r}::float8" for value in axis)
    return (
        f"({x} * cos(radians({lat})) * cos(radians({lon})) + {y} * cos(radians({lat})) * sin(radians({lon}))"
        f" + {z} * sin(radians({lat})))"
    )


def _crossing(x: str, y: str, depth: str, a: tuple[float, float], b: tuple[float, float]) -> str:
    """Give 1 where a line from the point to the east crosses an edge, 0 elsewhere."""
    (x1, y1), (x2, y2) = a, b
    if y1 == y2:
        return ""
    slope = (x2 - x1) / (y2 - y1)
    low, high = sorted((y1, y2))
    start = f"({x1!r}::float8 - {slope!r}::float8 * {y1!r}::float8)"
    return (
        f"CAST({y} >= {low!r}::float8 * {depth} AND {y} < {high!r}::float8 * {depth}"
        f" AND {x} < {slope!r}::float8 * {y} + {start} * {depth} AS INTEGER)"
    )


def _edge_near(circle: tuple[Part, ...], outline: SphericalPolygon, operator: str) -> str:
    radius = circle[2].sql
    tests = [f"{distance(circle, position(*vertex))} {operator} {radius}" for vertex in outline.vertices]
    for a, b in outline.edges:
        normal = normalised(cross(a, b))
        along = [f"{component(circle, axis)} >= 0" for axis in (cross(normal, a), cross(b, normal))]
        near = f"abs({component(circle, normal)}) {operator} sin(radians({radius}))"
        tests.append(f"({' AND '.join([*along, near])})")
    return f"({' OR '.join(tests)})"


def _outline(shape: Shape) -> SphericalPolygon:
    if shape.outline is None:
        raise UnsupportedShapesError(f"a {shape.kind} here must have constant coordinates")
    return shape.outline


def position(lon: float, lat: float) -> tuple[Part, Part]:
    """Give a constant position."""
    return Part(f"{lon!r}::float8", lon), Part(f"{lat!r}::float8", lat)

"""Geometry values as their parts: each a piece of SQL, and a number where it is constant."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from sqlglot import expressions as exp

from service.adql.resolve import Relation, value_of
from service.adql.resolve.problems import Reporter
from service.adql.tree import Call, CastTo, Node
from service.adql.values import Kind
from service.adql.write.constants import constant
from service.adql.write.healpix import PIXEL_COLUMN
from service.adql.write.spherical import SphericalPolygon, box
from vo_emline.tables import Table

ShapeKind = Literal["point", "circle", "polygon", "box"]

_SIZES: Final = {Kind.POINT: 2, Kind.CIRCLE: 3}
_OTHER_FRAMES: Final = frozenset({"FK4", "B1950", "GALACTIC", "GALACTIC_II", "SUPER_GALACTIC", "ECLIPTIC"})
"""Coordinate systems that are refused; any other word is ignored and ICRS taken (section 4.2.5;
FK5 J2000 agrees with it within 0.03 arcsec)."""


@dataclass(frozen=True, slots=True)
class Number:
    """One coordinate or size."""

    sql: str
    constant: float | None = None
    node: Node | None = None
    """Where it comes from in the tree."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A geometry.

    `parts` are longitude and latitude of a point; and radius of a circle; and
    width and height of a box; of a polygon they are empty.
    """

    kind: ShapeKind
    parts: tuple[Number, ...]
    outline: SphericalPolygon | None = None
    """The polygon (or constant box) itself."""

    @property
    def constants(self) -> tuple[float, ...] | None:
        """The numbers of a shape that is wholly constant."""
        numbers = tuple(part.constant for part in self.parts if part.constant is not None)
        return numbers if len(numbers) == len(self.parts) else None


@dataclass(frozen=True, slots=True)
class PixelIndex:
    """The column of HEALPix pixels that belongs to a position."""

    relation: Relation
    sql: str


def position_columns(table: Table) -> tuple[str, str] | None:
    """Give the columns of the main position of a table whose rows carry their pixel.

    The UCD word ``meta.main`` marks it; where nothing is marked, as in ObsCore
    whose UCDs are fixed without it (ObsCore 1.1, table 5), the only position is it.
    """
    if all(column.name != PIXEL_COLUMN for column in table.columns):
        return None
    lon, lat = (_main_coordinate(table, ucd) for ucd in ("pos.eq.ra", "pos.eq.dec"))
    return None if lon is None or lat is None else (lon, lat)


def _main_coordinate(table: Table, ucd: str) -> str | None:
    ucds = {column.name: column.ucd or "" for column in table.columns}
    main = [name for name, words in ucds.items() if words.startswith(f"{ucd};meta.main")]
    every = [name for name, words in ucds.items() if words.split(";")[0] == ucd]
    if main:
        return main[0]
    return every[0] if len(every) == 1 else None


def pixel_index(lon: Number, lat: Number) -> PixelIndex | None:
    """Give the pixel column of a position if it is the main position of its published table.

    Uploaded tables have none: what they call so is not known to be true.
    """
    first, second = lon.node, lat.node
    if not (isinstance(first, exp.Column) and isinstance(second, exp.Column)):
        return None
    relation, other = first.meta.get("relation"), second.meta.get("relation")
    if not isinstance(relation, Relation) or relation != other or relation.table is None:
        return None
    if relation.uploaded or position_columns(relation.table) != (first.name, second.name):
        return None
    name = relation.sql_name.replace('"', '""')
    return PixelIndex(relation, f'"{name}"."{PIXEL_COLUMN}"')


class Shapes:
    """Reads the geometries of a tree.

    Parameters
    ----------
    sql
        Writes a value of the tree.
    report
        Makes errors.
    """

    def __init__(self, sql: Callable[[Node], str], report: Reporter) -> None:
        self._sql = sql
        self._report = report

    def read(self, node: Node) -> Shape:
        """Give the shape that `node` stands for.

        Raises
        ------
        AdqlError
            If it cannot be computed with.
        """
        while isinstance(node, exp.Paren):
            node = node.this
        if isinstance(node, Call):
            return self._call(node)
        if isinstance(node, CastTo) and isinstance(node.this, exp.Literal):
            return self._literal(node)
        return self._stored(node)

    def numbers(self, nodes: Sequence[Node]) -> list[Number]:
        """Give numbers of the tree as parts of a shape."""
        return [Number(self._sql(node), constant(node), _bare(node)) for node in nodes]

    def _call(self, call: Call) -> Shape:
        self._check_frame(call)
        arguments = call.expressions
        match call.this:
            case "POINT":
                return Shape("point", tuple(self.numbers(arguments)))
            case "CIRCLE":
                return self._checked_circle(
                    call, (*self._centre(arguments, 1), *self.numbers(arguments[-1:]))
                )
            case "BOX":
                return self._box(call, (*self._centre(arguments, 2), *self.numbers(arguments[-2:])))
            case "POLYGON":
                return self._polygon(call)
            case "CENTROID":
                return self.centroid(self.read(arguments[0]))
            case _:
                raise self._report(
                    call, f"{call.this} is not supported by this service", hint="use CIRCLE or POLYGON"
                )

    def centroid(self, shape: Shape) -> Shape:
        """Give the centroid."""
        if shape.outline is None or shape.kind == "box":
            return Shape("point", shape.parts[:2])
        return Shape("point", tuple(Number(repr(x) + "::float8", x) for x in shape.outline.centroid))

    def _centre(self, arguments: Sequence[Node], sizes: int) -> tuple[Number, ...]:
        given = arguments[:-sizes]
        return tuple(self.numbers(given)) if len(given) == 2 else self._point(given[0])

    def _point(self, node: Node) -> tuple[Number, ...]:
        shape = self.read(node)
        if shape.kind != "point":
            raise self._report(node, f"a point is needed here, this is a {shape.kind}")
        return shape.parts

    def _checked_circle(self, node: Node, parts: tuple[Number, ...]) -> Shape:
        radius = parts[2].constant
        if radius is not None and not 0 <= radius <= 180:
            raise self._report(node, "the radius of a circle must lie between 0 and 180 degrees")
        return self._located(node, Shape("circle", parts))

    def _located(self, node: Node, shape: Shape) -> Shape:
        lat = shape.parts[1].constant
        if lat is not None and abs(lat) > 90:
            raise self._report(node, f"the latitude {lat:g} lies outside -90 to 90 degrees")
        return shape

    def _box(self, node: Node, parts: tuple[Number, ...]) -> Shape:
        shape = self._located(node, Shape("box", parts))
        numbers = shape.constants
        if numbers is None:
            return shape
        try:
            return Shape("box", parts, box(numbers[0], numbers[1], numbers[2], numbers[3]))
        except ValueError as error:
            raise self._report(node, str(error)) from error

    def _polygon(self, call: Call) -> Shape:
        if value_of(call.expressions[0]).kind is Kind.POINT:
            numbers = [part for node in call.expressions for part in self._point(node)]
        else:
            numbers = self.numbers(call.expressions)
        return self._outlined(call, numbers)

    def _outlined(self, node: Node, numbers: Sequence[Number]) -> Shape:
        constants = [number.constant for number in numbers if number.constant is not None]
        if len(constants) != len(numbers):
            return Shape("polygon", tuple(numbers))
        if any(abs(lat) > 90 for lat in constants[1::2]):
            raise self._report(node, "a latitude lies outside -90 to 90 degrees")
        try:
            outline = SphericalPolygon(list(zip(constants[::2], constants[1::2], strict=True)))
        except ValueError as error:
            raise self._report(node, str(error)) from error
        return Shape("polygon", tuple(numbers), outline)

    def _literal(self, node: CastTo) -> Shape:
        """Read a geometry written as a string in DALI form (ADQL 2.1, section 4.7.1)."""
        kind, words = Kind(node.args["target"].lower()), node.this.this.split()
        try:
            numbers = [Number(f"{float(word)!r}::float8", float(word)) for word in words]
        except ValueError:
            numbers = []
        right = (
            len(numbers) == _SIZES[kind] if kind in _SIZES else len(numbers) >= 6 and len(numbers) % 2 == 0
        )
        if not right:
            raise self._report(
                node, f"{node.this.this!r} is no {kind.value} in DALI form: numbers separated by spaces"
            )
        if kind is Kind.POLYGON:
            return self._outlined(node, numbers)
        shape = Shape("circle" if kind is Kind.CIRCLE else "point", tuple(numbers))
        return self._checked_circle(node, shape.parts) if kind is Kind.CIRCLE else self._located(node, shape)

    def _stored(self, node: Node) -> Shape:
        kind, sql = value_of(node).kind, self._sql(node)
        if kind is Kind.REGION:
            words = [f"CAST(nullif(split_part({sql}, ' ', {index}), '') AS float8)" for index in (3, 4, 5)]
            return Shape("circle", tuple(Number(word) for word in words))
        if kind not in _SIZES:
            hint = "use a point or circle"
            raise self._report(node, "polygons stored in a column cannot be computed with here", hint=hint)
        parts = tuple(Number(f"({sql})[{index}]") for index in range(1, _SIZES[kind] + 1))
        return Shape("point" if kind is Kind.POINT else "circle", parts)

    def _check_frame(self, call: Call) -> None:
        given = call.args.get("coordsys")
        if given is None or isinstance(given, exp.Null):
            return
        if _OTHER_FRAMES & set(given.this.upper().split()):
            raise self._report(
                given, f"coordinates in {given.this} cannot be converted", hint="give them in ICRS"
            )


def _bare(node: Node) -> Node:
    while isinstance(node, exp.Paren):
        node = node.this
    return node

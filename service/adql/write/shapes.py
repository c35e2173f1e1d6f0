"""Geometry values as their parts, each a piece of SQL, and a number where it is constant."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from service.adql.errors import Reporter
from service.adql.names import Relation, quoted
from service.adql.nodes import (
    Arithmetic,
    BoundColumn,
    Call,
    Cast,
    Expression,
    Negative,
    Number,
    Parenthesis,
    Star,
    Text,
    bare,
)
from service.adql.values import Kind
from service.adql.write.spherical import SphericalPolygon, box
from vo_emline.candidates.columns import COVERAGE, HPX_ORDER
from vo_emline.candidates.moc import Cells, parse_moc
from vo_emline.tables import Table

PIXEL_COLUMN: Final = f"hpx{HPX_ORDER}"
"""Column that holds the HEALPix pixel (NESTED) of a row; tables are sorted by it."""

MAX_VERTICES: Final = 500
"""Vertices of a polygon."""

ShapeKind = Literal["point", "circle", "polygon", "box", "moc"]

_SIZES: Final = {Kind.POINT: 2, Kind.CIRCLE: 3}
_OTHER_FRAMES: Final = frozenset({"FK4", "B1950", "GALACTIC", "GALACTIC_II", "SUPER_GALACTIC", "ECLIPTIC"})
"""Coordinate systems that are refused; any other word is ignored and ICRS taken (section 4.2.5;
FK5 J2000 agrees with it within 0.03 arcsec)."""


@dataclass(frozen=True, slots=True)
class Part:
    """One coordinate or size."""

    sql: str
    constant: float | None = None
    node: Expression | None = None
    """Where it comes from in the tree."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A geometry.

    `parts` are longitude and latitude of a point; and radius of a circle; and
    width and height of a box; of a polygon they are empty.
    """

    kind: ShapeKind
    parts: tuple[Part, ...]
    outline: SphericalPolygon | None = None
    """The polygon (or constant box) itself."""
    moc: Cells | None = None
    """Cells of a constant MOC."""
    cell: str | None = None
    """SQL of the one cell of a MOC in a column of :data:`COVERAGE`, as text."""

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


def pixel_index(lon: Part, lat: Part) -> PixelIndex | None:
    """Give the pixel column of a position if it is the main position of its published table.

    Uploaded tables have none: what they call so is not known to be true.
    """
    first, second = lon.node, lat.node
    if not (isinstance(first, BoundColumn) and isinstance(second, BoundColumn)):
        return None
    relation = first.relation
    if relation is None or relation is not second.relation or relation.table is None:
        return None
    if relation.uploaded or position_columns(relation.table) != (first.name, second.name):
        return None
    return PixelIndex(relation, f"{quoted(relation.sql_name)}.{quoted(PIXEL_COLUMN)}")


def _is_coverage(relation: Relation | None) -> bool:
    return relation is not None and not relation.uploaded and relation.table == COVERAGE


class Shapes:
    """Reads the geometries of a tree.

    Parameters
    ----------
    sql
        Writes a value of the tree.
    report
        Makes errors.
    """

    def __init__(self, sql: Callable[[Expression], str], report: Reporter) -> None:
        self._sql = sql
        self._report = report

    def read(self, node: Expression) -> Shape:
        """Give the shape that `node` stands for.

        Raises
        ------
        AdqlError
            If it cannot be computed with.
        """
        match bare(node):
            case Call() as call:
                return self._call(call)
            case Cast(Text(text)) as written:
                return self._literal(written, text)
            case stored:
                return self._stored(stored)

    def numbers(self, nodes: Sequence[Expression]) -> list[Part]:
        """Give numbers of the tree as parts of a shape."""
        return [Part(self._sql(node), constant(node), bare(node)) for node in nodes]

    def _call(self, call: Call) -> Shape:
        self._check_frame(call)
        arguments = values_of(call)
        match call.function:
            case "POINT":
                return self._located(call, Shape("point", tuple(self.numbers(arguments))))
            case "CIRCLE":
                return self._checked_circle(
                    call, (*self._centre(arguments, 1), *self.numbers(arguments[-1:]))
                )
            case "BOX":
                return self._box(call, (*self._centre(arguments, 2), *self.numbers(arguments[-2:])))
            case "POLYGON":
                return self._polygon(call)
            case "MOC":
                return self._moc(arguments[0])
            case "CENTROID":
                return self._centroid(arguments[0])
            case _:
                raise self._report(
                    call, f"{call.function} is not supported by this service", hint="use CIRCLE or POLYGON"
                )

    def _moc(self, node: Expression) -> Shape:
        written = bare(node)
        try:
            return Shape("moc", (), moc=parse_moc(written.text if isinstance(written, Text) else ""))
        except ValueError as error:
            raise self._report(node, str(error), hint="write it as in MOC('5/1-3 7/100 102')") from error

    def _centroid(self, node: Expression) -> Shape:
        shape = self.read(node)
        if shape.kind == "moc":
            raise self._report(node, "CENTROID of a MOC is not supported by this service")
        if shape.outline is None or shape.kind == "box":
            return Shape("point", shape.parts[:2])
        return Shape("point", tuple(Part(repr(x) + "::float8", x) for x in shape.outline.centroid))

    def _centre(self, arguments: Sequence[Expression], sizes: int) -> tuple[Part, ...]:
        given = arguments[:-sizes]
        return tuple(self.numbers(given)) if len(given) == 2 else self._point(given[0])

    def _point(self, node: Expression) -> tuple[Part, ...]:
        shape = self.read(node)
        if shape.kind != "point":
            raise self._report(node, f"a point is needed here, this is a {shape.kind}")
        return shape.parts

    def _checked_circle(self, node: Expression, parts: tuple[Part, ...]) -> Shape:
        radius = parts[2].constant
        if radius is not None and not 0 <= radius <= 180:
            raise self._report(node, "the radius of a circle must lie between 0 and 180 degrees")
        return self._located(node, Shape("circle", parts))

    def _located(self, node: Expression, shape: Shape) -> Shape:
        self.check_latitude(node, shape.parts[1])
        return shape

    def check_latitude(self, node: Expression, lat: Part) -> None:
        """Refuse a constant latitude that is none.

        Raises
        ------
        AdqlError
            At `node`.
        """
        if lat.constant is not None and abs(lat.constant) > 90:
            raise self._report(node, f"the latitude {lat.constant:g} lies outside -90 to 90 degrees")

    def _box(self, node: Expression, parts: tuple[Part, ...]) -> Shape:
        shape = self._located(node, Shape("box", parts))
        numbers = shape.constants
        if numbers is None:
            return shape
        try:
            return Shape("box", parts, box(numbers[0], numbers[1], numbers[2], numbers[3]))
        except ValueError as error:
            raise self._report(node, str(error)) from error

    def _polygon(self, call: Call) -> Shape:
        arguments = values_of(call)
        if arguments[0].value.kind is Kind.POINT:
            numbers = [part for node in arguments for part in self._point(node)]
        else:
            numbers = self.numbers(arguments)
        return self._outlined(call, numbers)

    def _outlined(self, node: Expression, numbers: Sequence[Part]) -> Shape:
        if len(numbers) > 2 * MAX_VERTICES:
            message = f"a polygon has at most {MAX_VERTICES} vertices"
            raise self._report(node, message, hint="join with an uploaded table of smaller regions")
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

    def _literal(self, node: Cast, text: str) -> Shape:
        """Read a geometry written as a string in DALI form (ADQL 2.1, section 4.7.1)."""
        kind, numbers = Kind(node.target.lower()), _finite(text.split())
        count = len(numbers)
        if count != _SIZES[kind] if kind in _SIZES else count < 6 or count % 2:
            shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
            raise self._report(
                node, f"{shown!r} is no {kind.value} in DALI form: numbers separated by spaces"
            )
        if kind is Kind.POLYGON:
            return self._outlined(node, numbers)
        shape = Shape("circle" if kind is Kind.CIRCLE else "point", tuple(numbers))
        return self._checked_circle(node, shape.parts) if kind is Kind.CIRCLE else self._located(node, shape)

    def _stored(self, node: Expression) -> Shape:
        kind, sql = node.value.kind, self._sql(node)
        if kind is Kind.MOC:
            if isinstance(node, BoundColumn) and _is_coverage(node.relation):
                return Shape("moc", (), cell=sql)
            hint = f"use {COVERAGE.qualified_name}, or MOC('...') with the text written out"
            raise self._report(node, "a MOC in this column cannot be computed with here", hint=hint)
        if kind is Kind.REGION:
            words = [f"CAST(nullif(split_part({sql}, ' ', {index}), '') AS float8)" for index in (3, 4, 5)]
            return Shape("circle", tuple(Part(word) for word in words))
        if kind not in _SIZES:
            hint = "use a point or circle"
            raise self._report(node, "polygons stored in a column cannot be computed with here", hint=hint)
        parts = tuple(Part(f"({sql})[{index}]") for index in range(1, _SIZES[kind] + 1))
        return Shape("point" if kind is Kind.POINT else "circle", parts)

    def _check_frame(self, call: Call) -> None:
        frame = call.frame
        if isinstance(frame, Text) and _OTHER_FRAMES & set(frame.text.upper().split()):
            message = f"coordinates in {frame.text} cannot be converted"
            raise self._report(frame, message, hint="give them in ICRS")


_SHOWN: Final = 60
"""Characters of a string that an error repeats."""


def _finite(words: Sequence[str]) -> list[Part]:
    """Read finite numbers; nothing where one of the words is none."""
    try:
        numbers = [float(word) for word in words]
    except ValueError:
        return []
    finite = all(map(math.isfinite, numbers))
    return [Part(f"{number!r}::float8", number) for number in numbers] if finite else []


def values_of(call: Call) -> list[Expression]:
    """Give the arguments of a call that are values."""
    return [argument for argument in call.arguments if not isinstance(argument, Star)]


def constant(node: Expression) -> float | None:
    """Give the value of a number written out, or of arithmetic on such; ``None`` for all else."""
    exact = _exact(node)
    return None if exact is None or not math.isfinite(exact) else float(exact)


def _exact(node: Expression) -> int | float | None:
    match node:
        case Parenthesis(inner):
            return _exact(inner)
        case Number(text):
            return float(text) if node.whole is None else node.whole
        case Negative(operand):
            inner_value = _exact(operand)
            return None if inner_value is None else -inner_value
        case Arithmetic(operator, left, right):
            return _arithmetic(operator, _exact(left), _exact(right))
        case _:
            return None


def _arithmetic(operator: str, left: float | None, right: float | None) -> int | float | None:
    if left is None or right is None:
        return None
    match operator:
        case "+":
            result: int | float | None = left + right
        case "-":
            result = left - right
        case "*":
            result = left * right
        case _:
            result = _quotient(left, right)
    # What no database holds as a whole number is none here either.
    return float(result) if isinstance(result, int) and abs(result) >= 2**63 else result


def _quotient(left: float, right: float) -> int | float | None:
    """Divide as the databases do: whole numbers give whole numbers, cut towards zero."""
    if right == 0:
        return None
    if isinstance(left, int) and isinstance(right, int):
        return abs(left) // abs(right) * (1 if (left < 0) == (right < 0) else -1)
    return left / right

"""From the resolved tree to the SQL of a database: values and conditions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Final

from sqlglot import expressions as exp

from service.adql.functions import FUNCTIONS
from service.adql.resolve import value_of
from service.adql.resolve.problems import Reporter
from service.adql.tree import COMPARISONS, Call, CastTo, Node
from service.adql.values import GEOMETRIES, Kind
from service.adql.write.constants import constant
from service.adql.write.dialects import SQL_TYPES, Database
from service.adql.write.predicates import UnsupportedShapesError, distance
from service.adql.write.shapes import Number, Shapes, pixel_index

MAX_SQL: Final = 400_000
"""Characters of one written value: nested geometry grows with every level."""

_SYMBOLS: Final = {kind: symbol for symbol, kind in reversed(COMPARISONS.items()) if symbol != "!="}
_ARITHMETIC: Final[dict[type[exp.Expression], str]] = {exp.Add: "+", exp.Sub: "-", exp.Mul: "*"}
_MIRRORED: Final[dict[type[exp.Expression], type[exp.Expression]]] = {
    exp.LT: exp.GT,
    exp.GT: exp.LT,
    exp.LTE: exp.GTE,
    exp.GTE: exp.LTE,
}
_PIXEL_ORDER: Final = 10


def identifier(name: str) -> str:
    """Give a name between double quotes."""
    return '"' + name.replace('"', '""') + '"'


class ValueWriter(ABC):
    """Writes values and conditions.

    Parameters
    ----------
    database
        How the database says things.
    report
        Makes errors.
    """

    def __init__(self, database: Database, report: Reporter) -> None:
        self.database = database
        self._report = report
        self._shapes = Shapes(self.value, report)
        self._methods: dict[type, Callable[..., str]] = {
            exp.Paren: lambda node: f"({self.value(node.this)})",
            exp.Null: lambda _: "NULL",
            exp.Star: lambda _: "*",
            exp.Column: self._column,
            exp.Literal: self._literal,
            exp.Neg: lambda node: f"(- {self.value(node.this)})",
            exp.Add: self._arithmetic,
            exp.Sub: self._arithmetic,
            exp.Mul: self._arithmetic,
            exp.Div: self._division,
            exp.DPipe: self._concatenation,
            Call: self._call,
            CastTo: self._cast,
        }

    def value(self, node: Node) -> str:
        """Write a value."""
        sql = self._methods[type(node)](node)
        if len(sql) > MAX_SQL:
            raise self._report(node, "this value is too complex", hint="compute its parts in a subquery")
        return sql

    def result(self, node: Node, datatype: str) -> str:
        """Write a value as a result column of this VOTable type holds it."""
        found = value_of(node)
        sql = self.value(node)
        if found.kind is Kind.TIMESTAMP:
            return self.database.timestamp_text.format(sql) if found.native else sql
        if isinstance(node, exp.Column) or found.kind in GEOMETRIES | {Kind.UNKNOWN}:
            return sql
        return f"CAST({sql} AS {SQL_TYPES[datatype]})"

    def condition(self, node: Node) -> str:
        """Write a condition."""
        match node:
            case exp.And() | exp.Or():
                word = "AND" if isinstance(node, exp.And) else "OR"
                return f"{self.condition(node.this)} {word} {self.condition(node.expression)}"
            case exp.Paren():
                return f"({self.condition(node.this)})"
            case exp.Not():
                return f"NOT ({self.condition(node.this)})"
            case exp.Is():
                return f"{self.value(node.this)} IS NULL"
            case exp.Between():
                low, high = self.value(node.args["low"]), self.value(node.args["high"])
                return f"({self.value(node.this)} BETWEEN {low} AND {high})"
            case exp.Like() | exp.ILike():
                word = "LIKE" if isinstance(node, exp.Like) else "ILIKE"
                return f"({self.value(node.this)} {word} {self.value(node.expression)}{self.database.like})"
            case exp.In():
                return f"({self.value(node.this)} IN ({self._members(node)}))"
            case exp.Exists():
                return f"EXISTS ({self.query(node.this.this)})"
            case _:
                return self._comparison(node)

    @abstractmethod
    def query(self, node: Node) -> str:
        """Write a query."""

    def _members(self, node: exp.In) -> str:
        query = node.args.get("query")
        return self.query(query.this) if query is not None else ", ".join(map(self.value, node.expressions))

    def _comparison(self, node: Node) -> str:
        operator = type(node)
        spatial = self._spatial(_bare(node.this), node.expression, operator)
        if spatial is None:
            spatial = self._spatial(_bare(node.expression), node.this, _MIRRORED.get(operator, operator))
        if spatial is not None:
            return spatial
        return f"({self.value(node.this)} {_SYMBOLS[operator]} {self.value(node.expression)})"

    def _spatial(self, call: Node, other: Node, operator: type) -> str | None:
        """Write ``CONTAINS(...) = 1`` and ``DISTANCE(...) < r`` so that not all rows need be tried."""
        if not isinstance(call, Call):
            return None
        if call.this == "DISTANCE" and operator in {exp.LT, exp.LTE}:
            radius = self._shapes.numbers([other])[0]
            a, b = self._ends(call)
            return self.database.predicates.near(a, b, radius, strict=operator is exp.LT)
        truth = constant(other)
        if (
            call.this not in {"CONTAINS", "INTERSECTS"}
            or truth not in {0, 1}
            or operator not in {exp.EQ, exp.NEQ}
        ):
            return None
        wanted = (truth == 1) == (operator is exp.EQ)
        condition = self._predicate(call)
        return condition if wanted else f"NOT {condition}"

    def _predicate(self, call: Call) -> str:
        first, second = (self._shapes.read(argument) for argument in call.expressions)
        predicates = self.database.predicates
        try:
            return (predicates.contains if call.this == "CONTAINS" else predicates.intersects)(first, second)
        except UnsupportedShapesError as error:
            raise self._report(call, f"{call.this}: {error}") from error

    def _ends(self, call: Call) -> tuple[tuple[Number, ...], tuple[Number, ...]]:
        if len(call.expressions) == 2:
            shapes = [self._shapes.read(argument) for argument in call.expressions]
            return shapes[0].parts[:2], shapes[1].parts[:2]
        numbers = self._shapes.numbers(call.expressions)
        return tuple(numbers[:2]), tuple(numbers[2:])

    def _column(self, node: exp.Column) -> str:
        parts = [node.args[key].this for key in ("table", "this") if node.args.get(key)]
        return ".".join(map(identifier, parts))

    def _literal(self, node: exp.Literal) -> str:
        if node.is_string:
            return "'" + str(node.this).replace("'", "''") + "'"
        text = node.this
        if text.lstrip("+-").isdecimal() and abs(int(text)) < 2**63:
            return str(int(text))
        return f"{float(text)!r}::float8"

    def _arithmetic(self, node: Node) -> str:
        left, right = self.value(node.this), self.value(node.expression)
        if value_of(node).kind is Kind.INTEGER:
            left = f"CAST({left} AS int8)"
        return f"({left} {_ARITHMETIC[type(node)]} {right})"

    def _division(self, node: Node) -> str:
        left, right = self.value(node.this), self.value(node.expression)
        if value_of(node).kind is Kind.INTEGER:
            return self.database.divide_whole.format(left, right)
        return f"({left} / nullif({right}, 0))"

    def _concatenation(self, node: Node) -> str:
        return " || ".join(self._text(operand) for operand in (node.this, node.expression))

    def _text(self, node: Node) -> str:
        if isinstance(node, exp.DPipe):
            return self._concatenation(node)
        found, sql = value_of(node), self.value(node)
        if found.native:
            return self.database.timestamp_text.format(sql)
        return sql if found.kind is Kind.TEXT else f"CAST({sql} AS VARCHAR)"

    def _cast(self, node: CastTo) -> str:
        source, target = value_of(node.this), node.args["target"]
        if target in {"POINT", "CIRCLE", "POLYGON"}:
            return self._geometry_from_text(node)
        sql = self.value(node.this)
        if target in {"CHAR", "VARCHAR"}:
            text = self._text(node.this) if source.native else f"CAST({sql} AS VARCHAR)"
            length = node.args.get("length")
            return f"left({text}, {length})" if length is not None else text
        return f"CAST({sql} AS {target})"

    def _geometry_from_text(self, node: CastTo) -> str:
        if isinstance(node.this, exp.Literal):
            return self._array(part.sql for part in self._shapes.read(node).parts)
        sql = self.value(node.this)
        return self.database.text_split.format(sql) if value_of(node.this).kind is Kind.TEXT else sql

    def _array(self, parts: object) -> str:
        return self.database.array.format(", ".join(parts))  # type: ignore[arg-type]

    def _call(self, call: Call) -> str:
        function = FUNCTIONS[call.this]
        if function.name == "IVO_HEALPIX_INDEX":
            return self._pixel(call)
        if function.name == "IN_UNIT":
            return f"({self.value(call.expressions[0])} * {call.meta.get('factor', 1.0)!r}::float8)"
        if function.feature == "adqlgeo":
            return self._geometry(call)
        arguments = [self.value(argument) for argument in call.expressions]
        template = function.sql(self.database.dialect)
        missing = max(len(form) for form in function.forms) - len(arguments)
        return template.format(
            *arguments, *["0"] * missing, all=", ".join(arguments),
            distinct="DISTINCT " if call.args.get("distinct") else "",
            type=SQL_TYPES[value_of(call).column.datatype],
        )  # fmt: skip

    def _geometry(self, call: Call) -> str:
        match call.this:
            case "CONTAINS" | "INTERSECTS":
                return f"CAST({self._predicate(call)} AS INTEGER)"
            case "DISTANCE":
                return distance(*self._ends(call))
            case "COORD1" | "COORD2":
                shape = self._shapes.read(call.expressions[0])
                return f"CAST({shape.parts[int(call.this[-1]) - 1].sql} AS float8)"
            case "COORDSYS":
                self._shapes.read(call.expressions[0])
                return "'ICRS'"
            case "AREA":
                return self._area(call)
            case _:
                return self._constructed(call)

    def _constructed(self, call: Call) -> str:
        shape = self._shapes.read(call)
        if shape.kind != "box":
            return self._array(part.sql for part in shape.parts)
        if shape.outline is None:
            raise self._report(call, "a box as a result must have constant coordinates")
        return self._array(f"{number!r}::float8" for vertex in shape.outline.vertices for number in vertex)

    def _area(self, call: Call) -> str:
        shape = self._shapes.read(call.expressions[0])
        if shape.kind == "point":
            return "0::float8"
        if shape.outline is not None:
            return f"{shape.outline.area!r}::float8"
        if shape.kind == "circle":
            return f"(41252.96124941927::float8 * power(sin(radians({shape.parts[2].sql}) / 2), 2))"
        if shape.kind == "box":
            sines = " * ".join(f"sin(radians({part.sql}) / 2)" for part in shape.parts[2:])
            return f"(4 * degrees(degrees(asin({sines}))))"
        raise self._report(call, "AREA of a polygon needs constant coordinates")

    def _pixel(self, call: Call) -> str:
        order, *position = call.expressions
        if len(position) == 1:
            lon, lat = self._shapes.read(position[0]).parts[:2]
        else:
            lon, lat = self._shapes.numbers(position)
        level = constant(order)
        if level is None or not 0 <= level <= 29:
            raise self._report(order, "the order of HEALPix lies between 0 and 29")
        index = pixel_index(lon, lat)
        if index is not None and level <= _PIXEL_ORDER:
            return f"CAST({index.sql} >> {2 * (_PIXEL_ORDER - int(level))} AS int8)"
        return f"adql_healpix_index({int(level)}, CAST({lon.sql} AS float8), CAST({lat.sql} AS float8))"


def _bare(node: Node) -> Node:
    while isinstance(node, exp.Paren):
        node = node.this
    return node

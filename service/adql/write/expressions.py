"""From the resolved tree to the SQL of a database: values and conditions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Final

from service.adql.errors import AdqlError, Placed, Reporter
from service.adql.functions import FUNCTIONS
from service.adql.names import quoted
from service.adql.nodes import (
    Arithmetic,
    Between,
    BoundColumn,
    Call,
    Cast,
    ColumnName,
    Comparator,
    Comparison,
    Concatenation,
    Condition,
    Connected,
    Enclosed,
    EnclosedQuery,
    Exists,
    Expression,
    IsNull,
    Like,
    Membership,
    Negative,
    Not,
    Null,
    Number,
    Parenthesis,
    Query,
    Star,
    Text,
    bare,
)
from service.adql.values import GEOMETRIES, Kind, conversion
from service.adql.write.dialects import SQL_TYPES, Database
from service.adql.write.predicates import UnsupportedShapesError, distance, healpix_sql
from service.adql.write.shapes import Part, Shapes, constant, values_of
from vo_emline.candidates.database import literal
from vo_emline.candidates.moc import moc_area, moc_ascii

MAX_SQL: Final = 400_000
"""Characters of one written value: nested geometry grows with every level."""

MAX_STATEMENT: Final = 1_500_000
"""Characters of all conditions and selected values together."""

_MIRRORED: Final[dict[Comparator, Comparator]] = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}


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
        self._size = 0

    def value(self, node: Expression | Star) -> str:
        """Write a value."""
        sql = self._value(node)
        if len(sql) > MAX_SQL:
            raise self._report(node, "this value is too complex", hint="compute its parts in a subquery")
        return sql

    def _value(self, node: Expression | Star) -> str:  # noqa: C901 - one case a kind of node
        match node:
            case Parenthesis(inner):
                return f"({self.value(inner)})"
            case Null():
                return "NULL"
            case Star():
                return "*"
            case BoundColumn(name, relation):
                table = "" if relation is None else quoted(relation.sql_name) + "."
                return table + quoted(name)
            case ColumnName():
                raise self._unresolved(node)
            case Text(text):
                return "'" + text.replace("'", "''") + "'"
            case Number(text):
                return f"{float(text)!r}::float8" if node.whole is None else str(node.whole)
            case Negative(operand):
                return f"(- {self.value(operand)})"
            case Arithmetic():
                return self._arithmetic(node)
            case Concatenation(left, right):
                return f"{self._text(left)} || {self._text(right)}"
            case Call():
                return self._call(node)
            case Cast():
                return self._cast(node)

    def _unresolved(self, node: ColumnName) -> AdqlError:
        return self._report(node, "this column was not looked up")

    def result(self, node: Expression, datatype: str) -> str:
        """Write a value as a result column of this VOTable type holds it."""
        found, sql = node.value, self.value(node)
        if found.kind is Kind.TIMESTAMP:
            return self.database.timestamp_text.format(sql) if found.native else sql
        if isinstance(node, BoundColumn) or found.kind in GEOMETRIES | {Kind.UNKNOWN}:
            return sql
        return f"CAST({sql} AS {SQL_TYPES[datatype]})"

    def condition(self, node: Condition) -> str:
        """Write a condition."""
        sql = self._condition(node)
        return sql if isinstance(node, (Connected, Enclosed, Not)) else self.counted(sql, node)

    def counted(self, sql: str, node: Placed) -> str:
        """Give `sql`, unless the statement grows too large by it.

        Raises
        ------
        AdqlError
            At `node`, if it does.
        """
        self._size += len(sql)
        if self._size > MAX_STATEMENT:
            hint = "use fewer geometries, or upload them as a table and join it"
            raise self._report(node, "the query is too complex", hint=hint)
        return sql

    def _condition(self, node: Condition) -> str:
        match node:
            case Connected(word, left, right):
                return f"{self.condition(left)} {word} {self.condition(right)}"
            case Enclosed(inner):
                return f"({self.condition(inner)})"
            case Not(inner):
                return f"NOT ({self.condition(inner)})"
            case IsNull(operand):
                return f"{self.value(operand)} IS NULL"
            case Between(operand, low, high):
                return f"({self.value(operand)} BETWEEN {self.value(low)} AND {self.value(high)})"
            case Like(operand, pattern, any_case):
                like = "ILIKE" if any_case else "LIKE"
                return f"({self.value(operand)} {like} {self.value(pattern)}{self.database.like})"
            case Membership(operand, members):
                return f"({self.value(operand)} IN ({self._members(members)}))"
            case Exists(query):
                return f"EXISTS ({self.query(query.inner)})"
            case Comparison():
                return self._comparison(node)

    def _members(self, members: tuple[Expression, ...] | EnclosedQuery) -> str:
        if isinstance(members, EnclosedQuery):
            return self.query(members.inner)
        return ", ".join(map(self.value, members))

    @abstractmethod
    def query(self, node: Query) -> str:
        """Write a query."""

    def _comparison(self, node: Comparison) -> str:
        operator = node.operator
        spatial = self._spatial(bare(node.left), node.right, operator) or self._spatial(
            bare(node.right), node.left, _MIRRORED.get(operator, operator)
        )
        return spatial or f"({self.value(node.left)} {operator} {self.value(node.right)})"

    def _spatial(self, call: Expression, other: Expression, operator: Comparator) -> str | None:
        """Write ``CONTAINS(...) = 1`` and ``DISTANCE(...) < r`` so that not all rows need be tried."""
        if not isinstance(call, Call):
            return None
        if call.function == "DISTANCE" and operator in {"<", "<="}:
            radius = self._shapes.numbers([other])[0]
            a, b = self._ends(call)
            for end in (a, b):
                self._shapes.check_latitude(call, end[1])
            return self.database.predicates.near(a, b, radius, strict=operator == "<")
        truth = constant(other)
        if (
            call.function not in {"CONTAINS", "INTERSECTS"}
            or truth not in {0, 1}
            or operator not in {"=", "<>"}
        ):
            return None
        wanted = (truth == 1) == (operator == "=")
        condition = self._predicate(call)
        return condition if wanted else f"NOT {condition}"

    def _predicate(self, call: Call) -> str:
        first, second = (self._shapes.read(argument) for argument in values_of(call))
        predicates = self.database.predicates
        try:
            if call.function == "CONTAINS":
                return predicates.contains(first, second)
            return predicates.intersects(first, second)
        except UnsupportedShapesError as error:
            raise self._report(call, f"{call.function}: {error}") from error

    def _ends(self, call: Call) -> tuple[tuple[Part, ...], tuple[Part, ...]]:
        arguments = values_of(call)
        if len(arguments) == 2:
            shapes = [self._shapes.read(argument) for argument in arguments]
            return shapes[0].parts[:2], shapes[1].parts[:2]
        numbers = self._shapes.numbers(arguments)
        return tuple(numbers[:2]), tuple(numbers[2:])

    def _arithmetic(self, node: Arithmetic) -> str:
        left, right = self.value(node.left), self.value(node.right)
        whole = node.value.kind is Kind.INTEGER
        if node.operator == "/":
            division = self.database.divide_whole if whole else "({0} / nullif({1}, 0))"
            return division.format(left, right)
        return f"({f'CAST({left} AS int8)' if whole else left} {node.operator} {right})"

    def _text(self, node: Expression) -> str:
        """Write a value as a string."""
        sql = self.value(node)
        if node.value.native:
            return self.database.timestamp_text.format(sql)
        return sql if node.value.kind is Kind.TEXT else f"CAST({sql} AS VARCHAR)"

    def _cast(self, node: Cast) -> str:
        if node.target in {"POINT", "CIRCLE", "POLYGON"}:
            return self._geometry_from_text(node)
        if node.target not in {"CHAR", "VARCHAR"}:
            return f"CAST({self.value(node.operand)} AS {node.target})"
        native = node.operand.value.native
        text = self._text(node.operand) if native else f"CAST({self.value(node.operand)} AS VARCHAR)"
        return text if node.length is None else f"left({text}, {node.length})"

    def _geometry_from_text(self, node: Cast) -> str:
        if isinstance(node.operand, (Text, Number)):
            return self._array(part.sql for part in self._shapes.read(node).parts)
        sql = self.value(node.operand)
        return self.database.text_split.format(sql) if node.operand.value.kind is Kind.TEXT else sql

    def _array(self, parts: Iterable[str]) -> str:
        return self.database.array.format(", ".join(parts))

    def _call(self, call: Call) -> str:
        function, values = FUNCTIONS[call.function], values_of(call)
        if function.name == "IVO_HEALPIX_INDEX":
            return self._pixel(values)
        if function.name == "IN_UNIT":
            factor = conversion(values[0].value.unit or "", call.value.unit or "")
            return f"({self.value(values[0])} * {factor!r}::float8)"
        if function.feature == "adqlgeo" or function.result == "moc":
            return self._geometry(call)
        arguments = [self.value(argument) for argument in call.arguments]
        template = function.sql(self.database.dialect)
        missing = max(len(form) for form in function.forms) - len(arguments)
        return template.format(
            *arguments, *["0"] * missing, all=", ".join(arguments),
            distinct="DISTINCT " if call.distinct else "",
            type=SQL_TYPES[call.value.column.datatype],
        )  # fmt: skip

    def _geometry(self, call: Call) -> str:
        match call.function:
            case "CONTAINS" | "INTERSECTS":
                return f"CAST({self._predicate(call)} AS INTEGER)"
            case "DISTANCE":
                return distance(*self._ends(call))
            case "COORD1" | "COORD2":
                shape = self._shapes.read(values_of(call)[0])
                return f"CAST({shape.parts[int(call.function[-1]) - 1].sql} AS float8)"
            case "COORDSYS":
                self._shapes.read(values_of(call)[0])
                return "'ICRS'"
            case "AREA":
                return self._area(call)
            case _:
                return self._constructed(call)

    def _constructed(self, call: Call) -> str:
        shape = self._shapes.read(call)
        if shape.moc is not None:
            return literal(moc_ascii(shape.moc, order=max(shape.moc)))
        if shape.kind != "box":
            return self._array(part.sql for part in shape.parts)
        if shape.outline is None:
            raise self._report(call, "a box as a result must have constant coordinates")
        return self._array(f"{number!r}::float8" for vertex in shape.outline.vertices for number in vertex)

    def _area(self, call: Call) -> str:
        shape = self._shapes.read(values_of(call)[0])
        if shape.kind == "point":
            return "0::float8"
        if shape.moc is not None:
            return f"{moc_area(shape.moc)!r}::float8"
        if shape.outline is not None:
            return f"{shape.outline.area!r}::float8"
        if shape.kind == "circle":
            return f"(41252.96124941927::float8 * power(sin(radians({shape.parts[2].sql}) / 2), 2))"
        if shape.kind == "box":
            sines = " * ".join(f"sin(radians({part.sql}) / 2)" for part in shape.parts[2:])
            return f"(4 * degrees(degrees(asin({sines}))))"
        raise self._report(call, "AREA of a polygon needs constant coordinates")

    def _pixel(self, arguments: Sequence[Expression]) -> str:
        order, *position = arguments
        if len(position) == 1:
            lon, lat = self._shapes.read(position[0]).parts[:2]
        else:
            lon, lat = self._shapes.numbers(position)
        level = constant(order)
        if level is None or not 0 <= level <= 29:
            raise self._report(order, "the order of HEALPix lies between 0 and 29")
        return healpix_sql(int(level), lon, lat)

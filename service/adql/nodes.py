"""The tree of a query: what the parser makes, the resolver fills in, and the writers read.

Every node is frozen. The resolver gives a new tree in which the names of columns and
tables are replaced (:class:`ColumnName` by :class:`BoundColumn`, :class:`TableName` by
:class:`StoredTable`, stars by columns) and every expression says what it is (`value`).
The unions at the end of each part are closed: whoever matches over one of them handles
all of its members, which mypy proves.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal, assert_never

from service.adql.names import Field, Name, Relation
from service.adql.values import UNKNOWN, Value


@dataclass(frozen=True, slots=True, kw_only=True)
class _Node:
    place: int = field(default=0, compare=False)
    """Character of the query where it starts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Expression(_Node):
    value: Value = field(default=UNKNOWN, compare=False)
    """What it is, once it has been resolved."""


# Value expressions (ADQL 2.1, appendix A: value_expression)


@dataclass(frozen=True, slots=True)
class Number(_Expression):
    """A number, as it is written."""

    text: str

    @property
    def whole(self) -> int | None:
        """The number, if it is written as a whole one and fits into 64 bits."""
        digits = self.text.lstrip("+-")
        significant = digits.lstrip("0") or "0"
        if not digits.isdecimal() or len(significant) > _MAX_DIGITS:
            return None
        number = int(significant) * (-1 if self.text.startswith("-") else 1)
        return number if abs(number) < 2**63 else None

    @property
    def is_unsigned(self) -> bool:
        """Whether only digits are written."""
        return self.text.isdecimal()


_MAX_DIGITS: Final = 19
"""Digits that a number of 64 bits may have."""


@dataclass(frozen=True, slots=True)
class Text(_Expression):
    """A character literal, quotes removed."""

    text: str


@dataclass(frozen=True, slots=True)
class Null(_Expression):
    """NULL."""


@dataclass(frozen=True, slots=True)
class ColumnName(_Expression):
    """A column as it is written: catalogue, schema, table, column, of which the last must be there."""

    names: tuple[Name, ...]


@dataclass(frozen=True, slots=True)
class BoundColumn(_Expression):
    """A column that has been found."""

    name: str
    relation: Relation | None
    """Its table reference; ``None`` for columns merged by USING, and for those of the result."""
    is_output: bool = False
    """Whether it is a column of the result, as ORDER BY may name it."""


@dataclass(frozen=True, slots=True)
class Call(_Expression):
    """A function call."""

    function: str
    """Its name, in upper case."""
    arguments: tuple[Expression | Star, ...]
    distinct: bool = False
    """``COUNT(DISTINCT x)``."""
    frame: Text | Null | None = None
    """The deprecated first argument of the geometry constructors (section 4.2.5)."""


@dataclass(frozen=True, slots=True)
class Star(_Expression):
    """The argument of ``COUNT(*)``."""


@dataclass(frozen=True, slots=True)
class Cast(_Expression):
    """``CAST(operand AS target)``, `target` one of :data:`CAST_TARGETS`, `length` of CHAR and VARCHAR."""

    operand: Expression
    target: str
    length: int | None = None


@dataclass(frozen=True, slots=True)
class Negative(_Expression):
    """``-operand``."""

    operand: Expression


@dataclass(frozen=True, slots=True)
class Arithmetic(_Expression):
    """``left operator right``."""

    operator: Literal["+", "-", "*", "/"]
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Concatenation(_Expression):
    """``left || right``."""

    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Parenthesis(_Expression):
    """A value between parentheses."""

    inner: Expression


Expression = (
    Number | Text | Null | ColumnName | BoundColumn | Call | Cast | Negative | Arithmetic | Concatenation
    | Parenthesis
)  # fmt: skip
"""What has a value."""

CAST_TARGETS: Final = frozenset({
    "CHAR", "VARCHAR", "SMALLINT", "INTEGER", "BIGINT", "REAL", "DOUBLE PRECISION", "TIMESTAMP",
    "POINT", "CIRCLE", "POLYGON",
})  # fmt: skip
"""What CAST can make (ADQL 2.1, section 4.7.1)."""


# Conditions (search_condition); ADQL knows no boolean values


Comparator = Literal["=", "<>", "<", ">", "<=", ">="]


@dataclass(frozen=True, slots=True)
class Comparison(_Node):
    """``left operator right``."""

    operator: Comparator
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Between(_Node):
    """``operand BETWEEN low AND high``."""

    operand: Expression
    low: Expression
    high: Expression


@dataclass(frozen=True, slots=True)
class Like(_Node):
    """``operand LIKE pattern``, or ILIKE, which is for any case."""

    operand: Expression
    pattern: Expression
    any_case: bool = False


@dataclass(frozen=True, slots=True)
class IsNull(_Node):
    """``operand IS NULL``."""

    operand: Expression


@dataclass(frozen=True, slots=True)
class Membership(_Node):
    """``operand IN (members)``, which are values or a query."""

    operand: Expression
    members: tuple[Expression, ...] | EnclosedQuery


@dataclass(frozen=True, slots=True)
class Exists(_Node):
    """``EXISTS (query)``."""

    query: EnclosedQuery


@dataclass(frozen=True, slots=True)
class Not(_Node):
    """``NOT inner``."""

    inner: Condition


@dataclass(frozen=True, slots=True)
class Connected(_Node):
    """``left AND right``, or OR."""

    word: Literal["AND", "OR"]
    left: Condition
    right: Condition


@dataclass(frozen=True, slots=True)
class Enclosed(_Node):
    """A condition between parentheses."""

    inner: Condition


Condition = Comparison | Between | Like | IsNull | Membership | Exists | Not | Connected | Enclosed
"""What is true or false."""


# The FROM clause (table_reference)


@dataclass(frozen=True, slots=True)
class TableName(_Node):
    """A table as it is written: catalogue, schema, table, of which the last must be there."""

    names: tuple[Name, ...]
    alias: Name | None = None


@dataclass(frozen=True, slots=True)
class StoredTable(_Node):
    """A table, or a common table expression, that has been found."""

    relation: Relation


@dataclass(frozen=True, slots=True)
class Derived(_Node):
    """``(query) AS alias``."""

    query: Query
    alias: Name
    relation: Relation | None = None
    """What it is known as, once it has been resolved."""


@dataclass(frozen=True, slots=True)
class Join(_Node):
    """A qualified join; NATURAL is USING of the columns in common once it has been resolved."""

    left: Reference
    right: Reference
    kind: Literal["INNER", "LEFT", "RIGHT", "FULL"] = "INNER"
    natural: bool = False
    on: Condition | None = None
    using: tuple[Name, ...] = ()


@dataclass(frozen=True, slots=True)
class EnclosedJoin(_Node):
    """A join between parentheses."""

    inner: Reference


Reference = TableName | StoredTable | Derived | Join | EnclosedJoin
"""What may stand in FROM."""


# Queries (query_specification)


@dataclass(frozen=True, slots=True)
class AllColumns(_Node):
    """``*``, or ``qualifier.*``, in a select list."""

    qualifier: tuple[Name, ...] = ()


@dataclass(frozen=True, slots=True)
class Selected(_Node):
    """``expression AS alias``."""

    expression: Expression
    alias: Name | None = None


Item = AllColumns | Selected
"""What may stand in a select list."""


@dataclass(frozen=True, slots=True)
class Ordered(_Node):
    """A term of ORDER BY."""

    term: Expression
    descending: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Query(_Node):
    order: tuple[Ordered, ...] = ()
    offset: int | None = None
    """Rows to leave out."""


@dataclass(frozen=True, slots=True)
class Select(_Query):
    """One SELECT."""

    items: tuple[Item, ...]
    sources: tuple[Reference, ...]
    where: Condition | None = None
    group: tuple[Expression, ...] = ()
    having: Condition | None = None
    distinct: bool = False
    top: int | None = None
    outputs: tuple[Field, ...] | None = None
    """Its columns, once it has been resolved; ``None`` where ``*`` stands for columns that are not known."""


@dataclass(frozen=True, slots=True)
class SetOperation(_Query):
    """``left UNION right`` and the like."""

    word: Literal["UNION", "EXCEPT", "INTERSECT"]
    left: Query
    right: Query
    keeps_all: bool = False
    """Whether equal rows are kept."""


@dataclass(frozen=True, slots=True)
class EnclosedQuery(_Query):
    """A query between parentheses."""

    inner: Query


Query = Select | SetOperation | EnclosedQuery
"""What gives rows."""


@dataclass(frozen=True, slots=True)
class CommonTable(_Node):
    """``name AS (query)``."""

    name: Name
    query: Query


@dataclass(frozen=True, slots=True)
class Statement(_Node):
    """A whole query, with its common table expressions."""

    common: tuple[CommonTable, ...]
    query: Query


Node = Expression | Star | Condition | Reference | Item | Ordered | Query | CommonTable | Statement
"""Any node."""


def parts(node: Node) -> tuple[Node, ...]:  # noqa: C901 - one case a kind of node
    """Give the nodes directly below `node`, in the order they are written."""
    match node:
        case Number() | Text() | Null() | ColumnName() | BoundColumn() | Star():
            return ()
        case Call(arguments=arguments):
            return arguments
        case Cast(operand=inner) | Negative(operand=inner) | Parenthesis(inner) | IsNull(inner):
            return (inner,)
        case Not(inner) | Enclosed(inner):
            return (inner,)
        case Arithmetic(_, left, right) | Concatenation(left, right) | Comparison(_, left, right):
            return (left, right)
        case Connected(_, left, right):
            return (left, right)
        case Between(operand, low, high):
            return (operand, low, high)
        case Like(operand, pattern):
            return (operand, pattern)
        case Membership(operand, members):
            return (operand, *members) if isinstance(members, tuple) else (operand, members)
        case Exists(query) | Derived(query):
            return (query,)
        case _:
            return _parts_of_query(node)


def _parts_of_query(
    node: TableName | StoredTable | Join | EnclosedJoin | Item | Ordered | Query | CommonTable | Statement,
) -> tuple[Node, ...]:
    match node:
        case TableName() | StoredTable() | AllColumns():
            return ()
        case Join(left, right, on=on):
            return (left, right) if on is None else (left, right, on)
        case EnclosedJoin(inner):
            return (inner,)
        case Selected(inner) | Ordered(inner):
            return (inner,)
        case Select():
            clauses = [each for each in (node.where, node.having) if each is not None]
            return (*node.items, *node.sources, *clauses, *node.group, *node.order)
        case SetOperation(_, left, right):
            return (left, right, *node.order)
        case EnclosedQuery(query):
            return (query, *node.order)
        case CommonTable(query=query):
            return (query,)
        case Statement(common, query):
            return (*common, query)
        case _:
            assert_never(node)


def bare(node: Expression) -> Expression:
    """Give a value without the parentheses around it."""
    while isinstance(node, Parenthesis):
        node = node.inner
    return node

"""The tree of a query: sqlglot's nodes, and the few that ADQL needs besides.

The parser makes these nodes and no others; :data:`ALLOWED` is their closed list.
"""

from __future__ import annotations

from typing import ClassVar, Final

from sqlglot import expressions as exp

Node = exp.Expression
"""Any node of the tree."""


class Call(exp.Expression):
    """A function call: `this` is the upper-case name, `expressions` the arguments.

    `distinct` stands for ``COUNT(DISTINCT x)``, `coordsys` is the deprecated
    first argument of the geometry constructors.
    """

    arg_types: ClassVar[dict[str, bool]] = {
        "this": True, "expressions": False, "distinct": False, "coordsys": False,
    }  # fmt: skip


class CastTo(exp.Expression):
    """``CAST(this AS target)``, `target` one of :data:`CAST_TARGETS`, `length` of CHAR and VARCHAR."""

    arg_types: ClassVar[dict[str, bool]] = {"this": True, "target": True, "length": False}


class Joined(exp.Expression):
    """A qualified join of the table references `this` and `expression`."""

    arg_types: ClassVar[dict[str, bool]] = {
        "this": True, "expression": True, "kind": True, "natural": False, "on": False, "using": False,
    }  # fmt: skip


class Sources(exp.Expression):
    """The FROM clause: table references separated by commas."""

    arg_types: ClassVar[dict[str, bool]] = {"expressions": True}


class Qualified(exp.Expression):
    """``qualifier.*`` in a select list; `expressions` are the identifiers of the qualifier."""

    arg_types: ClassVar[dict[str, bool]] = {"expressions": True}


CAST_TARGETS: Final = frozenset({
    "CHAR", "VARCHAR", "SMALLINT", "INTEGER", "BIGINT", "REAL", "DOUBLE PRECISION", "TIMESTAMP",
    "POINT", "CIRCLE", "POLYGON",
})  # fmt: skip
"""What CAST can make (ADQL 2.1, section 4.7.1)."""

QUERIES: Final = (exp.Select, exp.Union, exp.Except, exp.Intersect, exp.Subquery)
"""The nodes that give rows."""

COMPARISONS: Final[dict[str, type[exp.Expression]]] = {
    "=": exp.EQ, "<>": exp.NEQ, "!=": exp.NEQ, "<": exp.LT, ">": exp.GT, "<=": exp.LTE, ">=": exp.GTE,
}  # fmt: skip

CONDITIONS: Final = (
    *dict.fromkeys(COMPARISONS.values()), exp.Between, exp.In, exp.Like, exp.ILike, exp.Is, exp.Exists,
    exp.Not, exp.And, exp.Or,
)  # fmt: skip
"""The nodes that are true or false; ADQL knows no boolean values."""

ALLOWED: Final = frozenset({
    *QUERIES, *CONDITIONS, Call, CastTo, Joined, Sources, Qualified,
    exp.With, exp.CTE, exp.Table, exp.TableAlias, exp.Alias, exp.Identifier, exp.Column, exp.Star,
    exp.Where, exp.Group, exp.Having, exp.Order, exp.Ordered, exp.Limit, exp.Offset, exp.Distinct,
    exp.Literal, exp.Null, exp.Paren, exp.Neg, exp.Add, exp.Sub, exp.Mul, exp.Div, exp.DPipe,
})  # fmt: skip
"""Every node a query may hold."""


def is_condition(node: Node) -> bool:
    """Tell whether `node` is true or false rather than a value."""
    while isinstance(node, exp.Paren):
        node = node.this
    return isinstance(node, CONDITIONS)


def offset_of(node: Node) -> int:
    """Give the character of the query where `node` starts (0 where it is not known)."""
    for part in node.walk():
        if "offset" in part.meta:
            return int(part.meta["offset"])
    return 0


def at(node: Node, offset: int) -> Node:
    """Remember where `node` starts in the query."""
    node.meta["offset"] = offset
    return node

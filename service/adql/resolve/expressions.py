"""What every value of a query is: kind, unit and meaning, from the columns up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from sqlglot import expressions as exp

from service.adql import values
from service.adql.errors import AdqlError
from service.adql.resolve.calls import Calls
from service.adql.resolve.columns import Columns
from service.adql.resolve.comparisons import make_comparable
from service.adql.resolve.problems import Reporter
from service.adql.resolve.scope import Scope
from service.adql.tree import COMPARISONS, Call, CastTo, Node
from service.adql.units import combined
from service.adql.values import NUMBERS, OPEN, Kind, Value

_COMPARED: Final = tuple(dict.fromkeys(COMPARISONS.values()))
_CASTS: Final[Mapping[str, Value]] = {
    "SMALLINT": values.number("short"), "INTEGER": values.number("int"), "BIGINT": values.number("long"),
    "REAL": values.number("float"), "DOUBLE PRECISION": values.number("double"),
    "TIMESTAMP": values.timestamp(), "POINT": values.geometry(Kind.POINT),
    "CIRCLE": values.geometry(Kind.CIRCLE), "POLYGON": values.geometry(Kind.POLYGON),
}  # fmt: skip

SubqueryHandler = Callable[[Node, Scope], int | None]
"""Resolves a subquery of a condition and gives its number of columns."""


def value_of(node: Node) -> Value:
    """Give what is known of a value that has been resolved."""
    while isinstance(node, exp.Paren):
        node = node.this
    known = node.meta.get("value")
    return known if isinstance(known, Value) else values.UNKNOWN


class Expressions:
    """Resolves the expressions of one query.

    Parameters
    ----------
    report
        Makes errors.
    subquery
        Resolves the subqueries of IN and EXISTS.
    """

    def __init__(self, report: Reporter, *, subquery: SubqueryHandler) -> None:
        self._report = report
        self._subquery = subquery
        self._columns = Columns(report)
        self._calls = Calls(report)

    def value(self, node: Node, scope: Scope) -> Value:
        """Resolve the names in a value and give what it is.

        Raises
        ------
        AdqlError
            For unknown names and for operators and functions that do not fit their arguments.
        """
        found = self._value(node, scope)
        node.meta["value"] = found
        return found

    def known(self, node: Node) -> Value:
        """Give what `node`, already resolved, is."""
        return value_of(node)

    def condition(self, node: Node, scope: Scope) -> None:
        """Resolve the names in a condition."""
        if isinstance(node, (exp.And, exp.Or)):
            self.condition(node.this, scope)
            self.condition(node.expression, scope)
        elif isinstance(node, (exp.Not, exp.Paren)):
            self.condition(node.this, scope)
        elif isinstance(node, exp.Exists):
            self._subquery(node.this, scope)
        elif isinstance(node, exp.In):
            self._membership(node, scope)
        elif isinstance(node, exp.Is):
            self.value(node.this, scope)
        else:
            self._comparison(node, scope)

    def _comparison(self, node: Node, scope: Scope) -> None:
        operands = [operand for operand in node.iter_expressions() if not isinstance(operand, exp.Null)]
        kinds = [self.value(operand, scope) for operand in operands]
        if isinstance(node, (exp.Like, exp.ILike)):
            for operand, kind in zip(operands, kinds, strict=True):
                self._must_fit(operand, kind, frozenset({Kind.TEXT}), "LIKE compares strings")
        else:
            make_comparable(operands, self._report, value_of)

    def _membership(self, node: exp.In, scope: Scope) -> None:
        self.value(node.this, scope)
        query = node.args.get("query")
        if query is None:
            for member in node.expressions:
                self.value(member, scope)
            make_comparable([node.this, *node.expressions], self._report, value_of)
            return
        width = self._subquery(query, scope)
        if width is not None and width != 1:
            raise self._report(query, f"the subquery of IN gives {width} columns", hint="select one column")

    def _value(self, node: Node, scope: Scope) -> Value:
        match node:
            case exp.Paren():
                return self.value(node.this, scope)
            case exp.Literal():
                return self._literal(node)
            case exp.Null():
                return values.NULL
            case exp.Column():
                return self._columns.resolve(node, scope)
            case Call():
                arguments = [
                    self.value(each, scope) for each in node.expressions if not isinstance(each, exp.Star)
                ]
                return self._calls.value(node, arguments)
            case CastTo():
                return self._cast(node, scope)
            case exp.DPipe():
                return self._concatenation(node, scope)
            case exp.Neg():
                return self._negative(node, scope)
            case _:
                return self._arithmetic(node, scope)

    def _literal(self, node: exp.Literal) -> Value:
        if node.is_string:
            return values.text(unicode=not node.this.isascii())
        if node.this.isdecimal() and int(node.this) < 2**63:
            return values.number("int" if int(node.this) < 2**31 else "long")
        if float(node.this) == float("inf"):
            raise self._report(node, f"the number {node.this} is too large")
        return values.number("double")

    def _cast(self, node: CastTo, scope: Scope) -> Value:
        source = self.value(node.this, scope)
        target, length = node.args["target"], node.args.get("length")
        made = _CASTS.get(target) or values.text(arraysize="*" if length is None else f"{length}*")
        if made.kind in values.GEOMETRIES and source.kind not in {Kind.TEXT, made.kind, *OPEN}:
            raise self._report(node, f"a {source.kind.value} cannot become a {made.kind.value}")
        if made.kind is Kind.TIMESTAMP and not source.fits(frozenset({Kind.TEXT, Kind.TIMESTAMP})):
            raise self._report(node, "only a string can become a TIMESTAMP")
        if made.kind in NUMBERS and source.kind in values.GEOMETRIES:
            raise self._report(node, f"a {source.kind.value} cannot become a number")
        return made

    def _concatenation(self, node: Node, scope: Scope) -> Value:
        unicode = False
        for operand in (node.this, node.expression):
            found = self.value(operand, scope)
            if found.kind in values.GEOMETRIES:
                raise self._report(operand, f"a {found.kind.value} cannot be joined to a string")
            unicode |= found.column.datatype == "unicodeChar"
        return values.text(unicode=unicode)

    def _negative(self, node: Node, scope: Scope) -> Value:
        found = self.value(node.this, scope)
        self._must_fit(node.this, found, NUMBERS, "only a number has a sign")
        return _computed(found.column.datatype if found.kind in NUMBERS else "double", found.unit)

    def _arithmetic(self, node: Node, scope: Scope) -> Value:
        left, right = self.value(node.this, scope), self.value(node.expression, scope)
        for operand, found in ((node.this, left), (node.expression, right)):
            self._must_fit(operand, found, NUMBERS, "arithmetic needs numbers")
        unit = _unit(node, left, right)
        if left.kind is Kind.INTEGER and right.kind is Kind.INTEGER:
            return _computed("long", unit)
        return _computed("double", unit)

    def _must_fit(self, node: Node, found: Value, kinds: frozenset[Kind], message: str) -> None:
        if not found.fits(kinds):
            raise self._unfit(node, found, message)

    def _unfit(self, node: Node, found: Value, message: str) -> AdqlError:
        return self._report(node, f"{message}, this is a {found.kind.value}")


def _computed(datatype: str, unit: str | None) -> Value:
    return values.number(datatype, unit=unit, text="Computed by the query")  # type: ignore[arg-type]


def _unit(node: Node, left: Value, right: Value) -> str | None:
    if isinstance(node, (exp.Add, exp.Sub)):
        return left.unit if right.unit is None else right.unit if left.unit in {None, right.unit} else None
    if isinstance(node, exp.Mul):
        return combined(left.unit, right.unit, 1)
    return combined(left.unit, right.unit, -1)

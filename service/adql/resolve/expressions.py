"""What every value of a query is: kind, unit and meaning, from the columns up; and every condition."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final, cast

from service.adql import values
from service.adql.errors import AdqlError, Reporter, nearest
from service.adql.names import Field, Name, Relation, Scope, dotted
from service.adql.nodes import (
    Arithmetic,
    Between,
    BoundColumn,
    Call,
    Cast,
    ColumnName,
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
    Star,
    Text,
)
from service.adql.resolve.calls import Calls
from service.adql.values import GEOMETRIES, NUMBERS, OPEN, Kind, Value, combined
from vo_emline.tables import Datatype

_TEXTS: Final = frozenset({Kind.TEXT})
_TIMES: Final = frozenset({Kind.TIMESTAMP})
_TRUTH: Final = {"true": "1", "false": "0", "t": "1", "f": "0", "1": "1", "0": "0"}
_CASTS: Final[Mapping[str, Value]] = {
    "SMALLINT": values.number("short"), "INTEGER": values.number("int"), "BIGINT": values.number("long"),
    "REAL": values.number("float"), "DOUBLE PRECISION": values.number("double"),
    "TIMESTAMP": values.timestamp(), "POINT": values.geometry(Kind.POINT),
    "CIRCLE": values.geometry(Kind.CIRCLE), "POLYGON": values.geometry(Kind.POLYGON),
}  # fmt: skip

ResolveSubquery = Callable[[EnclosedQuery, Scope], tuple[EnclosedQuery, int | None]]
"""Resolves a subquery of a condition, and gives its number of columns."""


class Expressions:
    """Resolves the expressions of one query.

    Parameters
    ----------
    report
        Makes errors.
    subquery
        Resolves the subqueries of IN and EXISTS.
    """

    def __init__(self, report: Reporter, *, subquery: ResolveSubquery) -> None:
        self._report = report
        self._subquery = subquery
        self._columns = _Columns(report)
        self._calls = Calls(report)

    def value(self, node: Expression, scope: Scope) -> Expression:  # noqa: C901 - one case a kind of node
        """Resolve the names in a value and find out what it is.

        Raises
        ------
        AdqlError
            For unknown names and for operators and functions that do not fit their arguments.
        """
        match node:
            case Parenthesis(inner):
                found = self.value(inner, scope)
                return replace(node, inner=found, value=found.value)
            case Number():
                return replace(node, value=self._number(node))
            case Text(text):
                return replace(node, value=values.text(unicode=not text.isascii()))
            case Null():
                return replace(node, value=values.NULL)
            case ColumnName():
                return self._columns.resolve(node, scope)
            case BoundColumn():
                return node
            case Call(arguments=arguments):
                resolved = [each if isinstance(each, Star) else self.value(each, scope) for each in arguments]
                call = replace(node, arguments=tuple(resolved))
                return replace(call, value=self._calls.value(call))
            case Cast():
                return self._cast(node, scope)
            case Concatenation():
                return self._concatenation(node, scope)
            case Negative():
                return self._negative(node, scope)
            case Arithmetic():
                return self._arithmetic(node, scope)

    def condition(self, node: Condition, scope: Scope) -> Condition:
        """Resolve the names in a condition, and make comparable what it compares."""
        match node:
            case Connected(_, left, right):
                return replace(node, left=self.condition(left, scope), right=self.condition(right, scope))
            case Not(inner) | Enclosed(inner):
                return replace(node, inner=self.condition(inner, scope))
            case Exists(query):
                return replace(node, query=self._subquery(query, scope)[0])
            case Membership():
                return self._membership(node, scope)
            case IsNull(operand):
                return replace(node, operand=self.value(operand, scope))
            case Like(operand, pattern):
                operand, pattern = self.value(operand, scope), self.value(pattern, scope)
                for each in (operand, pattern):
                    self._must_fit(each, _TEXTS, "LIKE compares strings")
                return replace(node, operand=operand, pattern=pattern)
            case Comparison(_, left, right):
                left, right = self._comparable((left, right), scope)
                return replace(node, left=left, right=right)
            case Between(operand, low, high):
                operand, low, high = self._comparable((operand, low, high), scope)
                return replace(node, operand=operand, low=low, high=high)

    def _comparable(self, operands: Sequence[Expression], scope: Scope) -> list[Expression]:
        return make_comparable([self.value(operand, scope) for operand in operands], self._report)

    def _membership(self, node: Membership, scope: Scope) -> Condition:
        if isinstance(node.members, tuple):
            operand, *members = self._comparable((node.operand, *node.members), scope)
            return replace(node, operand=operand, members=tuple(members))
        operand = self.value(node.operand, scope)
        query, width = self._subquery(node.members, scope)
        if width is not None and width != 1:
            hint = "select one column"
            raise self._report(query, f"the subquery of IN gives {width} columns", hint=hint)
        return replace(node, operand=operand, members=query)

    def _number(self, node: Number) -> Value:
        whole = node.whole
        if whole is not None:
            return values.number("int" if abs(whole) < 2**31 else "long")
        if float(node.text) == float("inf"):
            shown = node.text if len(node.text) <= _SHOWN else f"{node.text[:_SHOWN]}..."
            raise self._report(node, f"the number {shown} is too large")
        return values.number("double")

    def _cast(self, node: Cast, scope: Scope) -> Expression:
        operand, length = self.value(node.operand, scope), node.length
        source = operand.value
        made = _CASTS.get(node.target) or values.text(arraysize="*" if length is None else f"{length}*")
        if made.kind in GEOMETRIES and source.kind not in {Kind.TEXT, made.kind, *OPEN}:
            raise self._report(node, f"a {source.kind.value} cannot become a {made.kind.value}")
        if made.kind is Kind.TIMESTAMP and not source.fits(_TEXTS | _TIMES):
            raise self._report(node, "only a string can become a TIMESTAMP")
        if made.kind in NUMBERS and source.kind in GEOMETRIES:
            raise self._report(node, f"a {source.kind.value} cannot become a number")
        return replace(node, operand=operand, value=made)

    def _concatenation(self, node: Concatenation, scope: Scope) -> Expression:
        left = self._joinable(node.left, scope)
        right = self._joinable(node.right, scope)
        unicode = "unicodeChar" in (left.value.column.datatype, right.value.column.datatype)
        return replace(node, left=left, right=right, value=values.text(unicode=unicode))

    def _joinable(self, operand: Expression, scope: Scope) -> Expression:
        found = self.value(operand, scope)
        if found.value.kind in GEOMETRIES:
            raise self._report(found, f"a {found.value.kind.value} cannot be joined to a string")
        return found

    def _negative(self, node: Negative, scope: Scope) -> Expression:
        operand = self.value(node.operand, scope)
        self._must_fit(operand, NUMBERS, "only a number has a sign")
        datatype = operand.value.column.datatype if operand.value.kind in NUMBERS else "double"
        return replace(node, operand=operand, value=_computed(datatype, operand.value.unit))

    def _arithmetic(self, node: Arithmetic, scope: Scope) -> Expression:
        left, right = self.value(node.left, scope), self.value(node.right, scope)
        for operand in (left, right):
            self._must_fit(operand, NUMBERS, "arithmetic needs numbers")
        whole = left.value.kind is right.value.kind is Kind.INTEGER
        value = _computed("long" if whole else "double", _unit(node.operator, left.value, right.value))
        return replace(node, left=left, right=right, value=value)

    def _must_fit(self, node: Expression, kinds: frozenset[Kind], message: str) -> None:
        if not node.value.fits(kinds):
            raise self._report(node, f"{message}, this is a {node.value.kind.value}")


_SHOWN: Final = 40
"""Digits of a number that an error repeats."""


def _computed(datatype: Datatype, unit: str | None) -> Value:
    return values.number(datatype, unit=unit, text="Computed by the query")


def _unit(operator: str, left: Value, right: Value) -> str | None:
    if operator in {"+", "-"}:
        return left.unit if right.unit is None else right.unit if left.unit in {None, right.unit} else None
    return combined(left.unit, right.unit, 1 if operator == "*" else -1)


# Columns: from a written name to the one column it means


class _Columns:
    def __init__(self, report: Reporter) -> None:
        self._report = report

    def resolve(self, node: ColumnName, scope: Scope) -> BoundColumn | ColumnName:
        """Give the column of the database that `node` means; `node` itself where it cannot be looked up.

        Raises
        ------
        AdqlError
            If there is no such column, or more than one.
        """
        *qualifier, name = node.names
        if qualifier:
            return self._qualified(node, qualifier, name, scope)
        for each in scope.chain():
            found = self._unqualified(node, name, each)
            if found is not None:
                return found
        raise self._unknown(node, name, scope)

    def _qualified(
        self, node: ColumnName, qualifier: list[Name], name: Name, scope: Scope
    ) -> BoundColumn | ColumnName:
        for each in scope.chain():
            answering = [relation for relation in each.relations if relation.answers(qualifier)]
            if len(answering) > 1:
                message = f"{dotted(qualifier)} means more than one table"
                raise self._report(node, message, hint="give aliases")
            if answering:
                return self._of_relation(node, name, answering[0])
        if not all(each.known for each in scope.chain()):
            return node
        names = [relation.name for each in scope.chain() for relation in each.relations]
        guess = nearest(qualifier[-1].text, names)
        hint = f"did you mean {guess}?" if guess else f"the tables here are {', '.join(names)}"
        raise self._report(node, f"there is no table {dotted(qualifier)} in FROM", hint=hint)

    def _of_relation(self, node: ColumnName, name: Name, relation: Relation) -> BoundColumn | ColumnName:
        if relation.fields is None:
            return node
        found = relation.find(name)
        if not found:
            guess = nearest(name.text, [item.name for item in relation.fields])
            hint = f"did you mean {guess}?" if guess else None
            raise self._report(node, f"{relation.name} has no column {name.text}", hint=hint)
        if len(found) > 1:
            raise self._report(node, f"{name.text} means more than one column", hint="use double quotes")
        return bound(found[0], relation, place=node.place)

    def _unqualified(self, node: ColumnName, name: Name, scope: Scope) -> BoundColumn | ColumnName | None:
        merged = scope.merged.get(name.text.lower())
        if merged is not None:
            return bound(merged, None, place=node.place)
        places = [(relation, item) for relation in scope.relations for item in relation.find(name)]
        if len(places) > 1:
            names = ", ".join(relation.name for relation, _ in places)
            hint = f"write {places[0][0].name}.{name.text}"
            raise self._report(node, f"{name.text} is a column of {names}", hint=hint)
        if places:
            return bound(places[0][1], places[0][0], place=node.place)
        return None if scope.known else node

    def _unknown(self, node: ColumnName, name: Name, scope: Scope) -> AdqlError:
        guess = nearest(name.text, scope.names())
        hint = f"did you mean {guess}?" if guess else "TAP_SCHEMA.columns lists the columns"
        if name.delimited:
            hint = f"did you mean the string '{name.text}'" + (f" or the column {guess}?" if guess else "?")
        return self._report(node, f"there is no column {name.text}", hint=hint)


def bound(field: Field, relation: Relation | None, *, place: int = 0) -> BoundColumn:
    """Give the node that names `field` of `relation` (``None``: a column merged by USING)."""
    return BoundColumn(field.name, relation, value=field.value, place=place)


# Comparisons: the databases differ in what they convert, so it is done here


def make_comparable(operands: list[Expression], report: Reporter) -> list[Expression]:
    """Convert literals and timestamps so that all operands are of one kind.

    Raises
    ------
    AdqlError
        If they cannot be compared.
    """
    kinds = {operand.value.kind for operand in operands} - OPEN
    if Kind.BOOLEAN in kinds:
        return [_as_number(operand, report) for operand in operands]
    if kinds & NUMBERS and kinds & _TEXTS:
        return [_number_from_text(operand, report) for operand in operands]
    if kinds & _TIMES:
        return [_as_timestamp(operand, report) for operand in operands]
    if len(kinds) > 1 and not kinds <= NUMBERS:
        names = " and ".join(sorted(kind.value for kind in kinds))
        raise report(operands[0], f"{names} cannot be compared")
    return operands


def _as_number(operand: Expression, report: Reporter) -> Expression:
    """Compare truth values as 1 and 0; the strings of a VOTable ('true', 'F') are understood."""
    if operand.value.kind is Kind.BOOLEAN:
        return _cast(operand, "INTEGER", values.number("int"))
    if isinstance(operand, Text):
        if operand.text.lower() not in _TRUTH:
            raise report(operand, "a truth value is compared with 1 or 0")
        return _read(_TRUTH[operand.text.lower()], operand.place)
    if not operand.value.fits(NUMBERS):
        kind = operand.value.kind.value
        raise report(operand, f"a truth value is compared with 1 or 0, not with a {kind}")
    return operand


def _number_from_text(operand: Expression, report: Reporter) -> Expression:
    """Read a string that is written out as the number it holds; other strings are an error."""
    if operand.value.kind is not Kind.TEXT:
        return operand
    if isinstance(operand, Text) and _is_number(operand.text):
        return _read(operand.text.strip(), operand.place)
    hint = "strings cannot equal numbers"
    if not isinstance(operand, Text):
        cast_of = f"CAST({_shown(operand)} AS DOUBLE PRECISION)"
        hint = f"put the number between single quotes, or write {cast_of}"
    raise report(operand, "a string cannot be compared with a number", hint=hint)


def _as_timestamp(operand: Expression, report: Reporter) -> Expression:
    found = operand.value
    if not found.fits(_TIMES | _TEXTS):
        raise report(operand, f"a timestamp cannot be compared with a {found.kind.value}")
    if found.kind in OPEN or found.native:
        return operand
    return _cast(operand, "TIMESTAMP", values.timestamp())


def _cast(operand: Expression, target: str, value: Value) -> Cast:
    return Cast(operand, target, value=value, place=operand.place)


def _is_number(text: str) -> bool:
    try:
        return abs(float(text)) < float("inf") and "_" not in text
    except ValueError:
        return False


def _read(text: str, place: int) -> Number:
    datatype = "long" if text.lstrip("+-").isdecimal() else "double"
    return Number(text, value=values.number(cast("Datatype", datatype)), place=place)


def _shown(operand: Expression) -> str:
    """Give columns and strings as a query may write them; of all else three dots."""
    match operand:
        case BoundColumn(name, relation):
            return f'"{name}"' if relation is None else f'"{relation.sql_name}"."{name}"'
        case ColumnName(names):
            return dotted(names)
        case Concatenation(left, right):
            return f"{_shown(left)} || {_shown(right)}"
        case Parenthesis(inner):
            return f"({_shown(inner)})"
        case Text(text):
            return f"'{text}'"
        case _:
            return "..."

"""GROUP BY and ORDER BY; what may be selected beside aggregates, and where those may stand (SQL-92, 7.9)."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import replace

from service.adql.errors import AdqlError, Reporter
from service.adql.functions import FUNCTIONS
from service.adql.names import Field, Name, Scope
from service.adql.nodes import (
    Arithmetic,
    BoundColumn,
    Call,
    Cast,
    ColumnName,
    Concatenation,
    Expression,
    Item,
    Negative,
    Node,
    Null,
    Number,
    Ordered,
    Parenthesis,
    Query,
    Select,
    Selected,
    Star,
    Text,
    bare,
    parts,
)
from service.adql.resolve.expressions import Expressions


def group_terms(
    terms: Sequence[Expression], items: Sequence[Item], scope: Scope, *,
    expressions: Expressions, report: Reporter,
) -> tuple[Expression, ...]:  # fmt: skip
    """Resolve GROUP BY: a name is a column, or else an alias of the select list; a number a position."""
    found = []
    for term in terms:
        selected = _selected(term, items, scope, report)
        forbid_aggregates(term if selected is None else selected, "GROUP BY", report)
        found.append(expressions.value(term, scope) if selected is None else selected)
    return tuple(found)


def _selected(term: Expression, items: Sequence[Item], scope: Scope, report: Reporter) -> Expression | None:
    """Give the select item that a term stands for, if it does not stand for itself."""
    if isinstance(term, Number) and term.is_unsigned:
        item = items[_position(term, len(items), "GROUP BY", report) - 1]
        return item.expression if isinstance(item, Selected) else term
    name = _single_name(term)
    if name is None or not scope.known or any(relation.find(name) for relation in scope.relations):
        return None
    for item in items:
        if isinstance(item, Selected) and item.alias is not None and name.means(item.alias.text):
            return item.expression
    return None


def _single_name(term: Expression) -> Name | None:
    return term.names[0] if isinstance(term, ColumnName) and len(term.names) == 1 else None


def _position(term: Number, count: int, clause: str, report: Reporter) -> int:
    """Give the select item, from 1, that a number stands for."""
    position = term.whole
    if position is None or not 1 <= position <= count:
        raise report(term, f"{clause} {term.text[:20]}: the query selects {count} columns")
    return position


def order_terms(
    query: Query, outputs: Sequence[Field] | None, scope: Scope, *,
    expressions: Expressions, report: Reporter,
) -> tuple[Ordered, ...]:  # fmt: skip
    """Resolve ORDER BY: a name is a column of the result, or else of a table; a number a position."""
    found = []
    for ordered in query.order:
        term = ordered.term
        if isinstance(term, Number) and term.is_unsigned:
            if outputs is not None:
                _position(term, len(outputs), "ORDER BY", report)
        else:
            term = _output(term, outputs) or _ordering(
                query, term, scope, outputs, expressions=expressions, report=report
            )
        found.append(replace(ordered, term=term))
    return tuple(found)


def _output(term: Expression, outputs: Sequence[Field] | None) -> Expression | None:
    name = _single_name(term)
    for output in outputs or ():
        if name is not None and name.means(output.name):
            return BoundColumn(output.name, None, is_output=True, value=output.value, place=term.place)
    return None


def _ordering(
    query: Query, term: Expression, scope: Scope, outputs: Sequence[Field] | None, *,
    expressions: Expressions, report: Reporter,
) -> Expression:  # fmt: skip
    """Resolve a term of ORDER BY that is an expression."""
    if outputs is not None and not isinstance(query, Select):
        hint = f"its columns are {', '.join(output.name for output in outputs)}"
        raise report(term, "the result of a set operation is ordered by its own columns", hint=hint)
    resolved = expressions.value(term, scope)
    if outputs is None or not isinstance(query, Select) or not query.distinct:
        return resolved
    for position, item in enumerate(query.items, start=1):
        if isinstance(item, Selected) and item.expression == resolved:
            return Number(str(position), place=term.place)
    raise report(term, "with SELECT DISTINCT the order must be by selected columns")


# Aggregates


def _is_aggregate(node: Node) -> bool:
    return isinstance(node, Call) and node.function in FUNCTIONS and FUNCTIONS[node.function].aggregate


def _aggregates_in(node: Node) -> list[Call]:
    """Give the aggregate calls in `node`, those in subqueries left out."""
    if isinstance(node, Call) and _is_aggregate(node):
        return [node]
    if isinstance(node, Query):
        return []
    return [found for below in parts(node) for found in _aggregates_in(below)]


def forbid_aggregates(node: Node | None, clause: str, report: Reporter) -> None:
    """Refuse aggregates in a clause that sees single rows."""
    for found in _aggregates_in(node) if node is not None else ():
        hint = "move the condition to HAVING" if clause in {"WHERE", "ON"} else None
        raise report(found, f"{found.function} cannot stand in {clause}", hint=hint)


def check_aggregates(select: Select, report: Reporter) -> None:
    """Refuse aggregates within aggregates."""
    for call in (call for part in _grouped_parts(select) for call in _aggregates_in(part)):
        for argument in call.arguments:
            for found in _aggregates_in(argument):
                message = f"{found.function} cannot stand within {call.function}"
                raise report(found, message, hint="use a subquery")


def _grouped_parts(select: Select) -> list[Node]:
    """Give the parts of a SELECT that see groups."""
    having = [] if select.having is None else [select.having]
    return [*select.items, *having, *select.order]


def check_grouping(select: Select, report: Reporter) -> None:
    """Refuse columns that have no single value in a group.

    Raises
    ------
    AdqlError
        At the first such column.
    """
    seen = _grouped_parts(select)
    if select.group or select.having is not None or any(map(_aggregates_in, seen)):
        terms = {_key(term) for term in select.group}
        for part in seen:
            _check(part, terms, report)


def _check(node: Node, terms: set[Hashable], report: Reporter) -> None:
    if _is_aggregate(node) or isinstance(node, Query):
        return
    if isinstance(node, Expression) and _key(node) in terms:
        return
    if isinstance(node, BoundColumn) and not node.is_output:
        raise _many_values(node, report)
    for below in parts(node):
        _check(below, terms, report)


def _many_values(node: BoundColumn, report: Reporter) -> AdqlError:
    hint = f"add it to GROUP BY, or select MIN({node.name}) or COUNT({node.name})"
    return report(node, f"{node.name} has more than one value in a group", hint=hint)


def _key(node: Expression | Star) -> Hashable:
    """Give what is equal for equal values, however many parentheses are written."""
    match node:
        case Parenthesis():
            return _key(bare(node))
        case Call(function, arguments, distinct, frame):
            return (function, distinct, frame, *map(_key, arguments))
        case Cast(operand, target, length):
            return ("CAST", target, length, _key(operand))
        case Negative(operand):
            return ("-", _key(operand))
        case Arithmetic(operator, left, right):
            return (operator, _key(left), _key(right))
        case Concatenation(left, right):
            return ("||", _key(left), _key(right))
        case Number() | Text() | Null() | Star() | ColumnName() | BoundColumn():
            return node

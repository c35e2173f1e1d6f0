"""The terms of GROUP BY and ORDER BY: columns, expressions, aliases and positions."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import expressions as exp

from service.adql.catalogue import same_name
from service.adql.errors import AdqlError
from service.adql.resolve.expressions import Expressions
from service.adql.resolve.grouping import forbid_aggregates
from service.adql.resolve.outputs import Output
from service.adql.resolve.problems import Reporter
from service.adql.resolve.scope import Scope
from service.adql.tree import Node, at, offset_of


def group_terms(select: exp.Select, scope: Scope, *, expressions: Expressions, report: Reporter) -> None:
    """Resolve GROUP BY: a name is a column, or else an alias of the select list; a number a position."""
    group = select.args.get("group")
    for term in list(group.expressions) if group is not None else ():
        item = _selected(term, select, scope, report)
        if item is not None:
            copy = item.copy()
            term.replace(copy)
            term = copy
        forbid_aggregates(term, "GROUP BY", report)
        expressions.value(term, scope)


def _selected(term: Node, select: exp.Select, scope: Scope, report: Reporter) -> Node | None:
    """Give the select item that a term stands for, if it does not stand for itself."""
    position = _position(term)
    if position is not None:
        return _bare(_at_position(term, position, select.expressions, "GROUP BY", report))
    if not isinstance(term, exp.Column) or term.args.get("table") or _is_column(term, scope):
        return None
    for item in select.expressions:
        if isinstance(item, exp.Alias) and same_name(term.this, item.args["alias"].this):
            return _bare(item)
    return None


def _is_column(term: exp.Column, scope: Scope) -> bool:
    return any(relation.find(term.this) for relation in scope.relations) or not scope.known


def order_terms(
    query: Node, outputs: Sequence[Output] | None, scope: Scope, *, expressions: Expressions, report: Reporter
) -> None:
    """Resolve ORDER BY: a name is a column of the result, or else of a table; a number a position."""
    order = query.args.get("order")
    for ordered in order.expressions if order is not None else ():
        term = ordered.this
        position = _position(term)
        if position is not None:
            if outputs is not None:
                _at_position(term, position, outputs, "ORDER BY", report)
        elif not _is_output(term, outputs):
            _order_by_expression(query, term, scope, outputs, expressions=expressions, report=report)


def _is_output(term: Node, outputs: Sequence[Output] | None) -> bool:
    if not isinstance(term, exp.Column) or term.args.get("table") or outputs is None:
        return False
    for output in outputs:
        if same_name(term.this, output.name):
            offset = offset_of(term)
            term.set("this", exp.Identifier(this=output.name, quoted=True))
            at(term, offset)
            term.meta.update(value=output.value, output=True)
            return True
    return False


def _order_by_expression(
    query: Node, term: Node, scope: Scope, outputs: Sequence[Output] | None, *,
    expressions: Expressions, report: Reporter,
) -> None:  # fmt: skip
    if outputs is not None and not isinstance(query, exp.Select):
        names = ", ".join(output.name for output in outputs)
        hint = f"its columns are {names}"
        raise report(term, "the result of a set operation is ordered by its own columns", hint=hint)
    expressions.value(term, scope)
    if query.args.get("distinct") and outputs is not None and isinstance(query, exp.Select):
        _order_of_distinct(query, term, report)


def _order_of_distinct(select: exp.Select, term: Node, report: Reporter) -> None:
    for position, item in enumerate(select.expressions, start=1):
        if _bare(item) == term:
            term.replace(exp.Literal.number(position))
            return
    raise report(term, "with SELECT DISTINCT the order must be by selected columns")


def _position(term: Node) -> int | None:
    if isinstance(term, exp.Literal) and not term.is_string and term.this.isdecimal():
        return int(term.this)
    return None


def _at_position(term: Node, position: int, items: Sequence[object], clause: str, report: Reporter) -> Node:
    if not 1 <= position <= len(items):
        raise _no_position(term, position, len(items), clause, report)
    return items[position - 1]  # type: ignore[return-value]


def _no_position(term: Node, position: int, count: int, clause: str, report: Reporter) -> AdqlError:
    return report(term, f"{clause} {position}: the query selects {count} columns")


def _bare(item: Node) -> Node:
    inner: Node = item.this if isinstance(item, exp.Alias) else item
    return inner

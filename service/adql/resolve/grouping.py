"""What may be selected beside aggregates (SQL-92, section 7.9), and where aggregates may stand."""

from __future__ import annotations

from sqlglot import expressions as exp

from service.adql.functions import FUNCTIONS
from service.adql.resolve.problems import Reporter
from service.adql.tree import QUERIES, Call, Node


def is_aggregate(node: Node) -> bool:
    """Tell whether `node` is the call of an aggregate function."""
    return isinstance(node, Call) and node.this in FUNCTIONS and FUNCTIONS[node.this].aggregate


def aggregates_in(node: Node) -> list[Node]:
    """Give the aggregate calls in `node`, those in subqueries left out."""
    if is_aggregate(node):
        return [node]
    if isinstance(node, QUERIES):
        return []
    return [found for child in node.iter_expressions() for found in aggregates_in(child)]


def forbid_aggregates(node: Node | None, clause: str, report: Reporter) -> None:
    """Refuse aggregates in a clause that sees single rows."""
    for found in aggregates_in(node) if node is not None else ():
        hint = "move the condition to HAVING" if clause in {"WHERE", "ON"} else None
        raise report(found, f"{found.this} cannot stand in {clause}", hint=hint)


def forbid_nesting(select: exp.Select, report: Reporter) -> None:
    """Refuse aggregates within aggregates."""
    for call in (call for part in _parts(select) for call in aggregates_in(part)):
        for argument in call.iter_expressions():
            for found in aggregates_in(argument):
                raise report(found, f"{found.this} cannot stand within {call.this}", hint="use a subquery")


def _parts(select: exp.Select) -> list[Node]:
    """Give the parts of a SELECT that see groups."""
    order = select.args.get("order")
    parts = [*select.expressions, select.args.get("having"), *(order.expressions if order else ())]
    return [part for part in parts if part is not None]


def check_grouping(select: exp.Select, report: Reporter) -> None:
    """Refuse columns that have no single value in a group.

    Raises
    ------
    AdqlError
        At the first such column.
    """
    group, parts = select.args.get("group"), _parts(select)
    aggregated = any(aggregates_in(part) for part in parts)
    if group is None and not aggregated and select.args.get("having") is None:
        return
    terms = {_key(term) for term in (group.expressions if group else ())}
    for part in parts:
        _check(part, terms, report)


def _check(node: Node, terms: set[str], report: Reporter) -> None:
    if is_aggregate(node) or isinstance(node, QUERIES) or _key(node) in terms:
        return
    if isinstance(node, exp.Column) and not node.meta.get("output"):
        hint = f"add it to GROUP BY, or select MIN({node.name}) or COUNT({node.name})"
        raise report(node, f"{node.name} has more than one value in a group", hint=hint)
    for child in node.iter_expressions():
        _check(child, terms, report)


def _key(node: Node) -> str:
    """Give a text that is equal for equal expressions."""
    while isinstance(node, exp.Paren):
        node = node.this
    if isinstance(node, exp.Identifier):
        return str(node.this).lower()
    parts = [
        f"{name}=({','.join(map(_key, value))})" if isinstance(value, list)
        else f"{name}={_key(value) if isinstance(value, exp.Expression) else value}"
        for name, value in sorted(node.args.items()) if value is not None and value is not False
    ]  # fmt: skip
    return f"{type(node).__name__}[{';'.join(parts)}]"

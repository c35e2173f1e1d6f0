"""Going through a whole query: names, types, and the columns it gives."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from service.adql.errors import Reporter
from service.adql.lexer import is_regular
from service.adql.names import Catalogue, Field, Relation, Scope, dotted
from service.adql.nodes import (
    AllColumns,
    BoundColumn,
    Call,
    ColumnName,
    EnclosedQuery,
    Expression,
    Item,
    Query,
    Reference,
    Select,
    Selected,
    SetOperation,
    Star,
    Statement,
)
from service.adql.resolve.clauses import (
    check_aggregates,
    check_grouping,
    forbid_aggregates,
    group_terms,
    order_terms,
)
from service.adql.resolve.expressions import Expressions, bound
from service.adql.resolve.sources import FromClause, Known, joins
from service.adql.values import NUMBERS, OPEN, Kind, Value

MAX_COLUMNS: Final = 1000
"""Columns that a query, or any part of it, may give."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """What is known of a query before it runs."""

    statement: Statement
    """Its tree, in which every name and value is known."""
    outputs: Sequence[Field] | None
    """Its columns; ``None`` where ``*`` stands for columns that were not looked up."""
    tables: frozenset[str]
    """Qualified names of the tables it reads."""


def resolve(statement: Statement, query: str, *, catalogue: Catalogue | None) -> Resolved:
    """Find out what every name and value of a query means.

    Parameters
    ----------
    statement
        The tree that the parser made.
    query
        Its text, for the places of errors.
    catalogue
        The tables there are; with ``None`` any table and column will do.

    Raises
    ------
    AdqlError
        For unknown names, and for what the grammar cannot see: wrong arguments,
        values that cannot be compared, ungrouped columns.
    """
    return _Resolver(query, catalogue).statement(statement)


Outputs = tuple[Field, ...] | None


class _Resolver:
    def __init__(self, query: str, catalogue: Catalogue | None) -> None:
        self._report = Reporter(query)
        self._common: dict[str, Known] = {}
        self._lookup = catalogue is not None
        self._expressions = Expressions(self._report, subquery=self._condition_query)
        self._sources = FromClause(
            self._report, catalogue=catalogue, common=self._common, expressions=self._expressions,
            subquery=lambda node: self._query(node, None),
        )  # fmt: skip

    def statement(self, node: Statement) -> Resolved:
        common = []
        for table in node.common:
            key = table.name.text.lower()
            if key in self._common:
                message = f"the common table expression {table.name.text} is defined twice"
                raise self._report(table, message)
            before = self._sources.reads
            query, outputs = self._query(table.query, None)
            self._common[key] = Known(table.name, outputs, self._sources.reads - before)
            common.append(replace(table, query=query))
        query, outputs = self._query(node.query, None)
        tables = frozenset(self._sources.tables)
        return Resolved(replace(node, common=tuple(common), query=query), outputs, tables)

    def _condition_query(self, node: EnclosedQuery, scope: Scope) -> tuple[EnclosedQuery, int | None]:
        query, outputs = self._query(node.inner, scope)
        return replace(node, inner=query), None if outputs is None else len(outputs)

    def _query(self, node: Query, outer: Scope | None) -> tuple[Query, Outputs]:
        match node:
            case Select():
                return self._select(node, outer)
            case EnclosedQuery(inner):
                inner, outputs = self._query(inner, outer)
                found: Query = replace(node, inner=inner)
            case SetOperation():
                found, outputs = self._set_operation(node, outer)
        scope = Scope(outer=outer, relations=[Relation(name="", fields=None, sql_name="")])
        order = order_terms(found, outputs, scope, expressions=self._expressions, report=self._report)
        return replace(found, order=order), outputs

    def _set_operation(self, node: SetOperation, outer: Scope | None) -> tuple[Query, Outputs]:
        left, mine = self._query(node.left, outer)
        right, other = self._query(node.right, outer)
        found = replace(node, left=left, right=right)
        if mine is None or other is None:
            return found, mine
        if len(mine) != len(other):
            message = f"the queries around {node.word} give {len(mine)} and {len(other)} columns"
            raise self._report(node, message)
        for one, two in zip(mine, other, strict=True):
            if not _compatible(one.value, two.value):
                kinds = f"{one.value.kind.value} and {two.value.kind.value}"
                raise self._report(node, f"column {one.name} of the queries around {node.word} is {kinds}")
        outputs = [
            Field(one.name, _wider(one.value, two.value)) for one, two in zip(mine, other, strict=True)
        ]
        return found, tuple(outputs)

    def _select(self, node: Select, outer: Scope | None) -> tuple[Query, Outputs]:
        scope = Scope(outer=outer)
        sources = self._sources.resolve(node.sources, scope)
        self._check_conditions(node, sources)
        where = node.where and self._expressions.condition(node.where, scope)
        items = self._items(node, scope)
        node = replace(node, sources=sources, where=where, items=items, outputs=_outputs(items))
        known, report = self._expressions, self._report
        group = group_terms(node.group, items, scope, expressions=known, report=report)
        having = node.having and known.condition(node.having, scope)
        order = order_terms(node, node.outputs, scope, expressions=known, report=report)
        node = replace(node, group=group, having=having, order=order)
        check_aggregates(node, report)
        if self._lookup:
            check_grouping(node, report)
        return node, node.outputs

    def _check_conditions(self, node: Select, sources: Sequence[Reference]) -> None:
        forbid_aggregates(node.where, "WHERE", self._report)
        for join in (join for reference in sources for join in joins(reference)):
            forbid_aggregates(join.on, "ON", self._report)

    def _items(self, node: Select, scope: Scope) -> tuple[Item, ...]:
        """Put the columns in place of ``*``, where they are known, and resolve all others."""
        expanded: list[Item] = []
        for item in node.items:
            columns = self._all_columns(item, scope) if isinstance(item, AllColumns) else None
            expanded.extend([item] if columns is None else map(Selected, columns))
            if len(expanded) > MAX_COLUMNS:
                raise self._report(item, f"the query gives more than {MAX_COLUMNS} columns")
        return tuple(
            item if isinstance(item, AllColumns)
            else replace(item, expression=self._expressions.value(item.expression, scope))
            for item in expanded
        )  # fmt: skip

    def _all_columns(self, item: AllColumns, scope: Scope) -> list[Expression] | None:
        if not item.qualifier:
            return _every_column(scope) if scope.known else None
        relations = [relation for relation in scope.relations if relation.answers(item.qualifier)]
        if len(relations) != 1:
            if not self._lookup:
                return None
            raise self._report(item, f"{dotted(item.qualifier)}.* must name one table of FROM")
        fields = relations[0].fields
        return None if fields is None else [bound(field, relations[0]) for field in fields]


def _every_column(scope: Scope) -> list[Expression]:
    """Give the columns of ``*``: those merged by USING once and first, then all others (SQL-92, 7.5)."""
    merged = [bound(field, None) for field in scope.merged.values()]
    others = [
        bound(field, relation)
        for relation in scope.relations
        for field in relation.fields or ()
        if field.name.lower() not in scope.merged
    ]
    return [*merged, *others]


# The columns a query gives, and their names


def _outputs(items: Sequence[Item]) -> Outputs:
    """Give the columns of a select list; ``None`` where not all are known."""
    names = _unique(_name_of(item, position) for position, item in enumerate(items, start=1))
    found = []
    for item, name in zip(items, names, strict=True):
        if isinstance(item, AllColumns):
            return None
        found.append(Field(name, item.expression.value))
    return tuple(found)


def _unique(names: Iterable[str]) -> list[str]:
    """Give the names, each once in any case: repeated ones get _2, _3 and so on."""
    taken: set[str] = set()
    result = []
    for name in names:
        candidate, count = name, 1
        while candidate.lower() in taken:
            count += 1
            candidate = f"{name}_{count}"
        taken.add(candidate.lower())
        result.append(candidate)
    return result


def _name_of(item: Item, position: int) -> str:
    """Give the name of a select item: its alias, its column, or one made of its function."""
    if isinstance(item, AllColumns):
        return f"col_{position}"
    if item.alias is not None:
        return item.alias.text
    match item.expression:
        case BoundColumn(name):
            return name
        case ColumnName(names):
            return names[-1].text
        case Call(function, arguments):
            return _name_of_call(function.lower(), arguments, position)
        case _:
            return f"col_{position}"


def _name_of_call(function: str, arguments: Sequence[Expression | Star], position: int) -> str:
    columns = [each.name for each in arguments if isinstance(each, BoundColumn)]
    made = "_".join([function, *columns[:1]])
    if columns and len(arguments) == 1 and is_regular(made):
        return made
    return "count_all" if function == "count" and not columns else f"{function}_{position}"


def _compatible(left: Value, right: Value) -> bool:
    """Tell whether two columns may meet in a set operation."""
    kinds = {left.kind, right.kind}
    return left.kind is right.kind or kinds <= NUMBERS or bool(kinds & OPEN)


def _wider(left: Value, right: Value) -> Value:
    """Give the value that holds both of a set operation; meaning and unit are those of the left one."""
    if left.kind is Kind.NULL:
        return right
    order = ("short", "int", "long", "float", "double")
    types = (left.column.datatype, right.column.datatype)
    if not all(each in order for each in types) or left.column.arraysize or types[0] == types[1]:
        return left
    datatype = "double" if set(types) == {"long", "float"} else max(types, key=order.index)
    kind = Kind.REAL if Kind.REAL in {left.kind, right.kind} else Kind.INTEGER
    return replace(left, kind=kind, column=replace(left.column, datatype=datatype))

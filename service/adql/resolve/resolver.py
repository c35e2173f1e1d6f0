"""Going through a query: names, types, result columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlglot import expressions as exp

from service.adql.catalogue import Catalogue
from service.adql.resolve.columns import bound
from service.adql.resolve.expressions import Expressions
from service.adql.resolve.grouping import check_grouping, forbid_aggregates, forbid_nesting
from service.adql.resolve.outputs import Output, compatible, name_of, unique, wider
from service.adql.resolve.problems import Reporter
from service.adql.resolve.scope import Field, Relation, Scope
from service.adql.resolve.sources import CommonTables, FromClause
from service.adql.resolve.terms import group_terms, order_terms
from service.adql.tree import Joined, Node, Qualified


@dataclass(frozen=True, slots=True)
class Resolved:
    """What is known of a query before it runs."""

    outputs: Sequence[Output] | None
    """Its columns; ``None`` where ``*`` stands for columns that were not looked up."""
    tables: frozenset[str]
    """Qualified names of the tables it reads."""


def resolve(tree: Node, query: str, *, catalogue: Catalogue | None) -> Resolved:
    """Find out what every name and value in `tree` means, and write it into the tree.

    Parameters
    ----------
    tree
        A query as the grammar made it.
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
    resolver = _Resolver(query, catalogue)
    outputs = resolver.whole(tree)
    return Resolved(outputs, frozenset(resolver.sources.tables))


class _Resolver:
    def __init__(self, query: str, catalogue: Catalogue | None) -> None:
        self._report = Reporter(query)
        self._common: CommonTables = {}
        self._lookup = catalogue is not None
        self._expressions = Expressions(self._report, subquery=self._width)
        self.sources = FromClause(
            self._report, catalogue=catalogue, common=self._common, expressions=self._expressions,
            subquery=lambda node: self._query(node, None),
        )  # fmt: skip

    def whole(self, tree: Node) -> Sequence[Output] | None:
        common = tree.args.get("with_")
        for table in common.expressions if common is not None else ():
            name = table.args["alias"].this
            if name.this.lower() in self._common:
                raise self._report(table, f"the common table expression {name.this} is defined twice")
            outputs = self._query(table.this, None)
            self._common[name.this.lower()] = (name, outputs)
        return self._query(tree, None)

    def _width(self, node: Node, scope: Scope) -> int | None:
        outputs = self._query(node.this, scope)
        return None if outputs is None else len(outputs)

    def _query(self, node: Node, outer: Scope | None) -> Sequence[Output] | None:
        if isinstance(node, exp.Select):
            return self._select(node, outer)
        if isinstance(node, exp.Subquery):
            outputs = self._query(node.this, outer)
        else:
            outputs = self._set_operation(node, outer)
        scope = Scope(outer=outer, relations=[Relation(name="", fields=None, sql_name="")])
        order_terms(node, outputs, scope, expressions=self._expressions, report=self._report)
        return outputs

    def _set_operation(self, node: Node, outer: Scope | None) -> Sequence[Output] | None:
        left, right = self._query(node.this, outer), self._query(node.expression, outer)
        if left is None or right is None:
            return left
        word = type(node).__name__.upper()
        if len(left) != len(right):
            raise self._report(node, f"the queries around {word} give {len(left)} and {len(right)} columns")
        for mine, other in zip(left, right, strict=True):
            if not compatible(mine.value, other.value):
                kinds = f"{mine.value.kind.value} and {other.value.kind.value}"
                raise self._report(node, f"column {mine.name} of the queries around {word} is {kinds}")
        return [
            Output(mine.name, wider(mine.value, other.value)) for mine, other in zip(left, right, strict=True)
        ]

    def _select(self, node: exp.Select, outer: Scope | None) -> Sequence[Output] | None:
        scope = Scope(outer=outer)
        self.sources.resolve(node.args["from_"], scope)
        node.meta["scope"] = scope
        self._conditions(node, scope)
        expanded = self._expand(node, scope)
        for item in node.expressions:
            if not isinstance(item, (exp.Star, Qualified)):
                self._expressions.value(item.this if isinstance(item, exp.Alias) else item, scope)
        outputs = self._outputs(node) if expanded else None
        group_terms(node, scope, expressions=self._expressions, report=self._report)
        if node.args.get("having") is not None:
            self._expressions.condition(node.args["having"].this, scope)
        order_terms(node, outputs, scope, expressions=self._expressions, report=self._report)
        forbid_nesting(node, self._report)
        if self._lookup:
            check_grouping(node, self._report)
        return outputs

    def _conditions(self, node: exp.Select, scope: Scope) -> None:
        where = node.args.get("where")
        forbid_aggregates(where, "WHERE", self._report)
        for joined in node.args["from_"].find_all(Joined):
            forbid_aggregates(joined.args.get("on"), "ON", self._report)
        if where is not None:
            self._expressions.condition(where.this, scope)

    def _expand(self, node: exp.Select, scope: Scope) -> bool:
        """Put the columns in place of ``*``; tell whether all could be."""
        items: list[Node] = []
        complete = True
        for item in node.expressions:
            if isinstance(item, exp.Star):
                columns = _all_columns(scope) if scope.known else None
            elif isinstance(item, Qualified):
                columns = self._columns_of(item, scope)
            else:
                columns = [item]
            complete = complete and columns is not None
            items.extend([item] if columns is None else columns)
        node.set("expressions", items)
        return complete

    def _columns_of(self, item: Qualified, scope: Scope) -> list[Node] | None:
        relations = [relation for relation in scope.relations if relation.answers(item.expressions)]
        name = ".".join(part.this for part in item.expressions)
        if len(relations) != 1:
            if not self._lookup:
                return None
            raise self._report(item, f"{name}.* must name one table of FROM")
        fields = relations[0].fields
        return None if fields is None else [bound(field, relations[0]) for field in fields]

    def _outputs(self, node: exp.Select) -> list[Output]:
        items = node.expressions
        names = unique(name_of(item, position) for position, item in enumerate(items, start=1))
        outputs = []
        for item, name in zip(items, names, strict=True):
            value = item.this if isinstance(item, exp.Alias) else item
            outputs.append(Output(name, self._expressions.known(value)))
        node.meta["outputs"] = outputs
        return outputs


def _all_columns(scope: Scope) -> list[Node]:
    """Give the columns of ``*``: those merged by USING once and first, then all others (SQL-92, 7.5)."""
    merged: list[Node] = [bound(field, None) for field in scope.merged.values()]
    others = [
        bound(field, relation)
        for relation in scope.relations
        for field in _fields_of(relation)
        if field.name.lower() not in scope.merged
    ]
    return [*merged, *others]


def _fields_of(relation: Relation) -> Sequence[Field]:
    return relation.fields or ()

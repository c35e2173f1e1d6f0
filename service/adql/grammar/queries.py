"""Queries (ADQL 2.1, appendix A: ``query_specification`` and ``select_expression``)."""

from __future__ import annotations

from typing import Final

from sqlglot import expressions as exp

from service.adql.errors import AdqlError
from service.adql.grammar.tables import Tables
from service.adql.grammar.values import MAX_CHAIN
from service.adql.lexer import Kind
from service.adql.tree import Node, Qualified, at, offset_of

MAX_TREE_DEPTH: Final = 110
"""How deep the finished tree may be: the passes over it are recursive."""

_SET_OPERATORS: Final[dict[str, type[exp.Expression]]] = {"UNION": exp.Union, "EXCEPT": exp.Except}


class Queries(Tables):
    """Reads a whole query."""

    def query_specification(self) -> Node:
        """Read everything: one query, and nothing after it.

        Raises
        ------
        AdqlError
            Where the text leaves the grammar.
        """
        common = self._common_tables() if self.at("WITH") else None
        query = self.query_after(None)
        if self.token.kind is not Kind.END:
            raise self.bad_end()
        if common is not None:
            query.set("with_", common)
        self._check_depth(query)
        return query

    def query_after(self, first: Node | None) -> Node:
        """Read a ``select_expression``, given its first operand if that has been read already."""
        query = self._set_expression(first)
        if self.at("ORDER"):
            query.set("order", self._order())
        if self.offset_ahead():
            start = self.take()
            node = exp.Offset(expression=exp.Literal.number(self.unsigned_integer("OFFSET")))
            query.set("offset", at(node, start.offset))
        return query

    def subquery(self) -> exp.Subquery:
        """Read a query between parentheses, as IN and EXISTS take it."""
        start = self.expect("(")
        self.enter()
        query = self.query_after(None)
        self.leave()
        self.expect(")")
        node = exp.Subquery(this=query)
        at(node, start.offset)
        return node

    def _common_tables(self) -> exp.With:
        self.expect("WITH")
        if self.at("RECURSIVE") and self.ahead().kind is Kind.WORD and self.ahead().upper != "AS":
            raise self.unexpected("common table expressions cannot be recursive")
        tables = [self._common_table()]
        while self.accept(","):
            tables.append(self._common_table())
        return exp.With(expressions=tables)

    def _common_table(self) -> Node:
        start = self.token
        name = self.identifier("a name for the common table expression")
        self.expect("AS", hint="write WITH name AS (SELECT ...)")
        return at(exp.CTE(this=self.subquery().this, alias=exp.TableAlias(this=name)), start.offset)

    def _set_expression(self, first: Node | None) -> Node:
        node, count = self._set_term(first), 1
        while self.at(*_SET_OPERATORS):
            operator = self.take()
            count += 1
            if count > MAX_CHAIN:
                raise self.fail(operator, f"more than {MAX_CHAIN} queries in a row", hint="use parentheses")
            distinct = not self.accept("ALL")
            right = self._set_term(None)
            node = _SET_OPERATORS[operator.upper](this=node, expression=right, distinct=distinct)
            at(node, operator.offset)
        return node

    def _set_term(self, first: Node | None) -> Node:
        node, count = first or self._set_primary(), 1
        while self.at("INTERSECT"):
            operator = self.take()
            count += 1
            if count > MAX_CHAIN:
                raise self.fail(operator, f"more than {MAX_CHAIN} queries in a row", hint="use parentheses")
            distinct = not self.accept("ALL")
            node = exp.Intersect(this=node, expression=self._set_primary(), distinct=distinct)
            at(node, operator.offset)
        return node

    def _set_primary(self) -> Node:
        return self.subquery() if self.at("(") else self._select()

    def _select(self) -> Node:
        start = self.expect("SELECT")
        select = exp.Select()
        at(select, start.offset)
        if not self.accept("ALL") and self.accept("DISTINCT"):
            select.set("distinct", exp.Distinct())
        if self.accept("TOP"):
            top = exp.Literal.number(self.unsigned_integer("TOP"))
            select.set("limit", exp.Limit(expression=top))
        select.set("expressions", self._select_list())
        self.expect("FROM", hint="separate the selected columns with commas" if not self.at("FROM") else None)
        select.set("from_", self.sources())
        self._clauses(select)
        return select

    def _select_list(self) -> list[Node]:
        if self.at("FROM"):
            raise self.unexpected("nothing is selected", hint="write SELECT * for all columns")
        items = [self._item()]
        while self.accept(","):
            items.append(self._item())
        return items

    def _item(self) -> Node:
        token = self.token
        if self.accept("*"):
            return at(exp.Star(), token.offset)
        if self._qualified_star_ahead():
            chain = self.name_chain("a table", 3)
            self.expect(".")
            self.expect("*")
            return at(Qualified(expressions=chain), token.offset)
        value = self.strict_value()
        named = self.token.kind is Kind.DELIMITED or (
            self.token.kind is Kind.WORD and not self.token.reserved
        )
        if self.accept("AS") or named:
            value = exp.Alias(this=value, alias=self.identifier("a name for the column"))
        return at(value, token.offset) if isinstance(value, exp.Alias) else value

    def _qualified_star_ahead(self) -> bool:
        count = 0
        while self.ahead(count).kind in {Kind.WORD, Kind.DELIMITED} and self.ahead(count + 1).upper == ".":
            count += 2
        return count > 0 and self.ahead(count).upper == "*"

    def _clauses(self, select: Node) -> None:
        if self.accept("WHERE"):
            select.set("where", exp.Where(this=self.condition("WHERE")))
        if self.at("GROUP"):
            self.take()
            self.expect("BY")
            select.set("group", exp.Group(expressions=self._list_of_values()))
        if self.accept("HAVING"):
            select.set("having", exp.Having(this=self.condition("HAVING")))

    def _list_of_values(self) -> list[Node]:
        values = [self.strict_value()]
        while self.accept(","):
            values.append(self.strict_value())
        return values

    def _order(self) -> Node:
        start = self.take()
        self.expect("BY")
        terms = [self._order_term()]
        while self.accept(","):
            terms.append(self._order_term())
        return at(exp.Order(expressions=terms), start.offset)

    def _order_term(self) -> Node:
        value = self.strict_value()
        descending = not self.accept("ASC") and self.accept("DESC")
        return at(exp.Ordered(this=value, desc=descending, nulls_first=False), offset_of(value))

    def _check_depth(self, query: Node) -> None:
        level, depth = [query], 0
        while level:
            depth += 1
            if depth > MAX_TREE_DEPTH:
                raise AdqlError("the query is nested too deep", hint="use fewer parentheses and subqueries")
            level = [child for node in level for child in node.iter_expressions()]


def parse(query: str, *, foreign_functions: bool = False) -> Node:
    """Read `query` into a tree.

    Parameters
    ----------
    query
        The text.
    foreign_functions
        Whether user-defined functions of other services may be called.

    Raises
    ------
    AdqlError
        If it is not ADQL 2.1.
    """
    return Queries(query, foreign_functions=foreign_functions).query_specification()

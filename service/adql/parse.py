"""Queries (ADQL 2.1, appendix A: ``query_specification`` and below, ``from_clause``): text to tree.

What is accepted is ADQL 2.1 and nothing else. Where the standard's text and its grammar differ,
or practice is older than both, the choice is: ``*`` may stand among other select items; a join
needs ON or USING; ``IS NULL`` follows a column; there are no scalar subqueries.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, Literal, cast

from service.adql.errors import AdqlError
from service.adql.lexer import Cursor, Kind, Token
from service.adql.names import Name
from service.adql.nodes import (
    AllColumns,
    CommonTable,
    Condition,
    Derived,
    EnclosedJoin,
    EnclosedQuery,
    Expression,
    Item,
    Join,
    Node,
    Ordered,
    Query,
    Reference,
    Select,
    Selected,
    SetOperation,
    Statement,
    TableName,
    parts,
)
from service.adql.parse_values import COMPARATORS, MAX_CHAIN, ValueParser

MAX_TREE_DEPTH: Final = 110
"""How deep the finished tree may be: the passes over it are recursive."""

MAX_NODES: Final = 40_000
"""Nodes that the finished tree may have: names, literals, operators, clauses."""

_JOINS: Final = ("NATURAL", "INNER", "LEFT", "RIGHT", "FULL", "JOIN")
_SET_OPERATORS: Final = ("UNION", "EXCEPT", "INTERSECT")

_SetWord = Literal["UNION", "EXCEPT", "INTERSECT"]
_JoinKind = Literal["INNER", "LEFT", "RIGHT", "FULL"]


def parse(query: str, *, foreign_functions: bool = False) -> Statement:
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
        If it is not ADQL 2.1, or larger than queries may be.
    """
    statement = _QueryParser(query, foreign_functions=foreign_functions).statement()
    _check_size(statement)
    return statement


class _QueryParser:
    def __init__(self, query: str, *, foreign_functions: bool) -> None:
        self._cursor = Cursor(query)
        self._values = ValueParser(self._cursor, subquery=self._subquery, foreign_functions=foreign_functions)

    def statement(self) -> Statement:
        """Read everything: one query, and nothing after it."""
        common = self._common_tables() if self._cursor.at("WITH") else ()
        query = self._query(None)
        if self._cursor.token.kind is not Kind.END:
            raise self._bad_end()
        return Statement(common, query, place=query.place)

    def _bad_end(self) -> AdqlError:
        if self._cursor.token.upper in COMPARATORS:
            hint = "join comparisons with AND or OR"
            return self._cursor.unexpected("a comparison stands alone", hint=hint)
        return self._cursor.unexpected("the query should end here")

    def _common_tables(self) -> tuple[CommonTable, ...]:
        self._cursor.expect("WITH")
        ahead = self._cursor.ahead()
        if self._cursor.at("RECURSIVE") and ahead.kind is Kind.WORD and ahead.upper != "AS":
            raise self._cursor.unexpected("common table expressions cannot be recursive")
        tables = [self._common_table()]
        while self._cursor.accept(","):
            tables.append(self._common_table())
        return tuple(tables)

    def _common_table(self) -> CommonTable:
        start = self._cursor.token
        name = self._values.identifier("a name for the common table expression")
        self._cursor.expect("AS", hint="write WITH name AS (SELECT ...)")
        return CommonTable(name, self._subquery().inner, place=start.place)

    # Queries and set operations

    def _query(self, first: Query | None) -> Query:
        """Read a ``select_expression``, given its first operand if that has been read already."""
        query = self._set_expression(first)
        if self._cursor.at("ORDER"):
            query = replace(query, order=self._order())
        if self._offset_ahead():
            self._cursor.take()
            query = replace(query, offset=self._cursor.unsigned_integer("OFFSET"))
        return query

    def _subquery(self) -> EnclosedQuery:
        """Read a query between parentheses."""
        start = self._cursor.expect("(")
        self._cursor.enter()
        query = self._query(None)
        self._cursor.leave()
        self._cursor.expect(")")
        return EnclosedQuery(query, place=start.place)

    def _set_expression(self, first: Query | None) -> Query:
        node, count = self._set_term(first), 1
        while self._cursor.at("UNION", "EXCEPT"):
            count += 1
            operator, keeps_all = self._set_operator(count)
            right = self._set_term(None)
            node = SetOperation(_set_word(operator), node, right, keeps_all, place=operator.place)
        return node

    def _set_term(self, first: Query | None) -> Query:
        node, count = first or self._set_primary(), 1
        while self._cursor.at("INTERSECT"):
            count += 1
            operator, keeps_all = self._set_operator(count)
            right = self._set_primary()
            node = SetOperation(_set_word(operator), node, right, keeps_all, place=operator.place)
        return node

    def _set_operator(self, count: int) -> tuple[Token, bool]:
        operator = self._cursor.take()
        if count > MAX_CHAIN:
            message = f"more than {MAX_CHAIN} queries in a row"
            raise self._cursor.fail(operator, message, hint="use parentheses")
        return operator, self._cursor.accept("ALL")

    def _set_primary(self) -> Query:
        return self._subquery() if self._cursor.at("(") else self._select()

    def _select(self) -> Select:
        start = self._cursor.expect("SELECT")
        distinct = not self._cursor.accept("ALL") and self._cursor.accept("DISTINCT")
        top = self._cursor.unsigned_integer("TOP") if self._cursor.accept("TOP") else None
        items = self._select_list()
        no_from = None if self._cursor.at("FROM") else "separate the selected columns with commas"
        self._cursor.expect("FROM", hint=no_from)
        sources = self._sources()
        where = self._values.condition("WHERE") if self._cursor.accept("WHERE") else None
        group: tuple[Expression, ...] = ()
        if self._cursor.accept("GROUP"):
            self._cursor.expect("BY")
            group = self._values.values()
        having = self._values.condition("HAVING") if self._cursor.accept("HAVING") else None
        return Select(items, sources, where, group, having, distinct, top, place=start.place)

    def _select_list(self) -> tuple[Item, ...]:
        if self._cursor.at("FROM"):
            raise self._cursor.unexpected("nothing is selected", hint="write SELECT * for all columns")
        items = [self._item()]
        while self._cursor.accept(","):
            items.append(self._item())
        return tuple(items)

    def _item(self) -> Item:
        start = self._cursor.token
        if self._cursor.accept("*"):
            return AllColumns(place=start.place)
        if self._qualified_star_ahead():
            chain = self._values.name_chain("a table", 3)
            self._cursor.expect(".")
            self._cursor.expect("*")
            return AllColumns(chain, place=start.place)
        value, alias = self._values.value(), None
        named = self._cursor.token.names
        if self._cursor.accept("AS") or named:
            alias = self._values.identifier("a name for the column")
        return Selected(value, alias, place=start.place)

    def _qualified_star_ahead(self) -> bool:
        count, ahead = 0, self._cursor.ahead
        while ahead(count).kind in {Kind.WORD, Kind.DELIMITED} and ahead(count + 1).upper == ".":
            count += 2
        return count > 0 and ahead(count).upper == "*"

    def _order(self) -> tuple[Ordered, ...]:
        self._cursor.take()
        self._cursor.expect("BY")
        terms = [self._order_term()]
        while self._cursor.accept(","):
            terms.append(self._order_term())
        return tuple(terms)

    def _order_term(self) -> Ordered:
        value = self._values.value()
        descending = not self._cursor.accept("ASC") and self._cursor.accept("DESC")
        return Ordered(value, descending, place=value.place)

    # The FROM clause

    def _sources(self) -> tuple[Reference, ...]:
        references = [self._reference()]
        while self._cursor.accept(","):
            references.append(self._reference())
        return tuple(references)

    def _reference(self) -> Reference:
        return self._joins(self._primary_reference())

    def _joins(self, left: Reference) -> Reference:
        while self._cursor.at(*_JOINS):
            left = self._join(left)
        if self._cursor.at("CROSS"):
            hint = "separate the tables with a comma"
            raise self._cursor.unexpected("CROSS JOIN is not part of ADQL", hint=hint)
        return left

    def _join(self, left: Reference) -> Join:
        start = self._cursor.token
        natural = self._cursor.accept("NATURAL")
        outer = self._cursor.at("LEFT", "RIGHT", "FULL")
        kind = self._cursor.take().upper if outer or self._cursor.at("INNER") else "INNER"
        if outer:
            self._cursor.accept("OUTER")
        self._cursor.expect("JOIN")
        right = self._primary_reference()
        if not natural and self._cursor.at(*_JOINS):
            right = self._join(right)
        on, using = (None, ()) if natural else self._join_condition()
        return Join(left, right, cast("_JoinKind", kind), natural, on, using, place=start.place)

    def _join_condition(self) -> tuple[Condition | None, tuple[Name, ...]]:
        if self._cursor.accept("ON"):
            return self._values.condition("ON"), ()
        if self._cursor.accept("USING"):
            self._cursor.expect("(")
            columns = [self._values.identifier("a column")]
            while self._cursor.accept(","):
                columns.append(self._values.identifier("a column"))
            self._cursor.expect(")")
            return None, tuple(columns)
        hint = "for all pairs separate the tables with a comma"
        raise self._cursor.unexpected("a join needs ON or USING", hint=hint)

    def _primary_reference(self) -> Reference:
        if not self._cursor.at("("):
            return self._table()
        start = self._cursor.token
        return self._named(self._inside(), start)

    def _named(self, inner: Query | Join, start: Token) -> Reference:
        """Give what stood between parentheses the name that follows; a join needs none."""
        if self._alias_ahead():
            return Derived(_as_query(inner), self._alias(), place=start.place)
        if isinstance(inner, Join):
            return EnclosedJoin(inner, place=start.place)
        raise self._cursor.unexpected("a subquery in FROM needs a name", hint="write (SELECT ...) AS name")

    def _inside(self) -> Query | Join:
        """Read parentheses in FROM: a query, or a join, and only its end tells which."""
        start = self._cursor.expect("(")
        self._cursor.enter()
        node = self._query(None) if self._cursor.at("SELECT", "WITH") else self._query_or_join()
        if not isinstance(node, (Join, Select, SetOperation)):
            raise self._cursor.fail(start, "parentheses around a single table", hint="leave them out")
        self._cursor.leave()
        self._cursor.expect(")")
        return node

    def _query_or_join(self) -> Query | Reference:
        if not self._cursor.at("("):
            return _unwrapped(self._reference())
        start = self._cursor.token
        inner = self._inside()
        ended = self._cursor.at(")", "ORDER", *_SET_OPERATORS) or self._offset_ahead()
        if ended and not isinstance(inner, Join):
            return self._query(EnclosedQuery(inner, place=start.place))
        return _unwrapped(self._joins(self._named(inner, start)))

    def _table(self) -> Reference:
        if self._cursor.at("SELECT", "VALUES", "UNNEST", "LATERAL", "TABLE"):
            hint = "a subquery stands between parentheses"
            raise self._cursor.unexpected("a table is expected", hint=hint)
        chain = self._values.name_chain("a table", 3)
        if self._cursor.at("("):
            hint = "table functions are not part of ADQL"
            raise self._cursor.unexpected("a table is expected", hint=hint)
        alias = self._alias() if self._alias_ahead() else None
        return TableName(chain, alias, place=chain[0].place)

    def _alias_ahead(self) -> bool:
        if self._offset_ahead():
            return False
        # LIMIT is the commonest word of other dialects, and no reserved one.
        limit = self._cursor.at("LIMIT") and self._cursor.ahead().kind is Kind.NUMBER
        return self._cursor.at("AS") or (self._cursor.token.names and not limit)

    def _offset_ahead(self) -> bool:
        """Tell whether an OFFSET clause comes next; OFFSET is not a reserved word."""
        ahead = self._cursor.ahead()
        return self._cursor.at("OFFSET") and (ahead.kind is Kind.NUMBER or ahead.upper in {"-", "+"})

    def _alias(self) -> Name:
        self._cursor.accept("AS")
        alias = self._values.identifier("a name for the table")
        if self._cursor.at("("):
            raise self._cursor.unexpected("column names after a table name are not part of ADQL")
        return alias


def _set_word(operator: Token) -> _SetWord:
    return cast("_SetWord", operator.upper)


def _unwrapped(node: Reference) -> Reference:
    return node.inner if isinstance(node, EnclosedJoin) else node


def _as_query(node: Query | Join) -> Query:
    return Select((AllColumns(),), (node,)) if isinstance(node, Join) else node


def _check_size(statement: Statement) -> None:
    level: Sequence[Node] = [statement]
    depth, count = 0, 0
    while level:
        depth, count = depth + 1, count + len(level)
        if depth > MAX_TREE_DEPTH:
            raise AdqlError("the query is nested too deep", hint="use fewer parentheses and subqueries")
        if count > MAX_NODES:
            hint = "upload long lists as a table and join it"
            raise AdqlError(f"the query has more than {MAX_NODES} names, values and operators", hint=hint)
        level = [below for node in level for below in parts(node)]

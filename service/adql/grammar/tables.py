"""The FROM clause (ADQL 2.1, appendix A: ``from_clause``, ``table_reference``, ``joined_table``)."""

from __future__ import annotations

from abc import abstractmethod

from sqlglot import expressions as exp

from service.adql.grammar.conditions import Conditions
from service.adql.lexer import Kind
from service.adql.tree import Joined, Node, Sources, at, offset_of

_JOINS = ("NATURAL", "INNER", "LEFT", "RIGHT", "FULL", "JOIN")
_SET_OPERATORS = ("UNION", "EXCEPT", "INTERSECT")


class Tables(Conditions):
    """Reads what stands after FROM."""

    @abstractmethod
    def query_after(self, first: Node | None) -> Node:
        """Read a query whose first operand has been read already (``None``: read it all)."""

    def sources(self) -> Sources:
        """Read the table references after FROM."""
        references = [self._reference()]
        while self.accept(","):
            references.append(self._reference())
        return Sources(expressions=references)

    def _reference(self) -> Node:
        return self._joins(self._primary_reference())

    def _joins(self, left: Node) -> Node:
        while self.at(*_JOINS):
            left = self._join(left)
        if self.at("CROSS"):
            raise self.unexpected("CROSS JOIN is not part of ADQL", hint="separate the tables with a comma")
        return left

    def _join(self, left: Node) -> Node:
        start = self.token
        natural = self.accept("NATURAL")
        kind = self.take().upper if self.at("INNER", "LEFT", "RIGHT", "FULL") else "INNER"
        if kind != "INNER":
            self.accept("OUTER")
        self.expect("JOIN")
        right = self._primary_reference()
        if not natural and self.at(*_JOINS):
            right = self._join(right)
        joined = Joined(this=left, expression=right, kind=kind, natural=natural)
        at(joined, start.offset)
        if not natural:
            self._join_condition(joined)
        return joined

    def _join_condition(self, joined: Joined) -> None:
        if self.accept("ON"):
            joined.set("on", self.condition("ON"))
        elif self.accept("USING"):
            self.expect("(")
            columns = [self.identifier("a column")]
            while self.accept(","):
                columns.append(self.identifier("a column"))
            self.expect(")")
            joined.set("using", columns)
        else:
            raise self.unexpected(
                "a join needs ON or USING", hint="for all pairs separate the tables with a comma"
            )

    def _primary_reference(self) -> Node:
        if not self.at("("):
            return self._table()
        start = self.token
        inner = self._inside()
        if isinstance(inner, Joined) and not self._alias_ahead():
            return at(exp.Paren(this=inner), start.offset)
        if not self._alias_ahead():
            raise self.unexpected("a subquery in FROM needs a name", hint="write (SELECT ...) AS name")
        if isinstance(inner, Joined):
            inner = exp.Select(expressions=[exp.Star()], from_=Sources(expressions=[inner]))
        return at(exp.Subquery(this=inner, alias=self._alias()), start.offset)

    def _inside(self) -> Node:
        """Read parentheses in FROM: a query, or a join, and only its end tells which."""
        start = self.expect("(")
        self.enter()
        if self.at("SELECT", "WITH"):
            node = self.query_after(None)
        else:
            node = self._query_or_join()
            if not isinstance(node, (Joined, *(exp.Select, exp.Union, exp.Except, exp.Intersect))):
                raise self.fail(start, "parentheses around a single table", hint="leave them out")
        self.leave()
        self.expect(")")
        return node

    def _query_or_join(self) -> Node:
        if not self.at("("):
            return _unwrapped(self._reference())
        start = self.token
        inner = self._inside()
        if not isinstance(inner, Joined) and (self.at(")", "ORDER", *_SET_OPERATORS) or self.offset_ahead()):
            return self.query_after(exp.Subquery(this=inner))
        if self._alias_ahead():
            inner = exp.Subquery(this=_as_query(inner), alias=self._alias())
        elif isinstance(inner, Joined):
            inner = exp.Paren(this=inner)
        else:
            raise self.unexpected("a subquery in FROM needs a name", hint="write (SELECT ...) AS name")
        return _unwrapped(self._joins(at(inner, start.offset)))

    def _table(self) -> Node:
        start = self.token
        if start.upper in {"SELECT", "VALUES", "UNNEST", "LATERAL", "TABLE"}:
            raise self.unexpected("a table is expected", hint="a subquery stands between parentheses")
        chain = self.name_chain("a table", 3)
        if self.at("("):
            raise self.unexpected("a table is expected", hint="table functions are not part of ADQL")
        parts = dict(zip(("this", "db", "catalog"), reversed(chain), strict=False))
        table = exp.Table(**parts, alias=self._alias() if self._alias_ahead() else None)
        return at(table, offset_of(chain[0]))

    def _alias_ahead(self) -> bool:
        token = self.token
        if self.offset_ahead():
            return False
        named = token.kind is Kind.DELIMITED or (token.kind is Kind.WORD and not token.reserved)
        return token.upper == "AS" or (named and not self._limit_ahead())

    def _limit_ahead(self) -> bool:
        """Tell whether the next word is a LIMIT of other dialects rather than a name."""
        return self.at("LIMIT") and self.ahead().kind is Kind.NUMBER

    def offset_ahead(self) -> bool:
        """Tell whether an OFFSET clause comes next; OFFSET is not a reserved word."""
        return self.at("OFFSET") and (self.ahead().kind is Kind.NUMBER or self.ahead().upper in {"-", "+"})

    def _alias(self) -> exp.TableAlias:
        self.accept("AS")
        alias = exp.TableAlias(this=self.identifier("a name for the table"))
        if self.at("("):
            raise self.unexpected("column names after a table name are not part of ADQL")
        return alias


def _unwrapped(node: Node) -> Node:
    return node.this if isinstance(node, exp.Paren) else node


def _as_query(node: Node) -> Node:
    if isinstance(node, Joined):
        return exp.Select(expressions=[exp.Star()], from_=Sources(expressions=[node]))
    return node

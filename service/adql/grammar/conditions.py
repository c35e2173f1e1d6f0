"""Search conditions and predicates (ADQL 2.1, appendix A: ``search_condition`` and below)."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable

from sqlglot import expressions as exp

from service.adql.errors import AdqlError
from service.adql.grammar.values import Values, balanced
from service.adql.lexer import Kind, Token
from service.adql.tree import COMPARISONS, Call, Node, at, is_condition, offset_of


class Conditions(Values):
    """Reads conditions."""

    @abstractmethod
    def subquery(self) -> exp.Subquery:
        """Read a query between parentheses."""

    def condition(self, clause: str) -> Node:
        """Read the ``search_condition`` of `clause`."""
        return self._condition(self.expression(), clause)

    def expression(self) -> Node:
        """Read a value or a condition: only what follows tells which it is."""
        return self._connected(exp.Or, "OR", self._conjunction)

    def _conjunction(self) -> Node:
        return self._connected(exp.And, "AND", self._factor_of_conjunction)

    def _connected(self, connector: type[exp.Expression], word: str, part: Callable[[], Node]) -> Node:
        parts = [part()]
        while self.accept(word):
            parts.append(part())
        if len(parts) > 1:
            parts = [self._condition(node, word) for node in parts]
        return balanced(connector, parts)

    def _condition(self, node: Node, where: str) -> Node:
        if is_condition(node):
            return node
        hint = "compare it with something"
        if isinstance(node, Call) and node.this in {"CONTAINS", "INTERSECTS"}:
            hint = f"write 1 = {node.this}(...)"
        token = Token(Kind.SYMBOL, "", offset_of(node))
        raise self.fail(token, f"{where} needs a condition, this is a value", hint=hint)

    def _factor_of_conjunction(self) -> Node:
        token = self.token
        if not self.accept("NOT"):
            return self._predicate()
        if self.at("NOT"):
            raise self.unexpected("NOT NOT is not a condition", hint="use parentheses")
        return at(exp.Not(this=self._condition(self._predicate(), "NOT")), token.offset)

    def _predicate(self) -> Node:
        token = self.token
        if self.accept("EXISTS"):
            return at(exp.Exists(this=self.subquery()), token.offset)
        left = self.value()
        operator = self.token
        if operator.upper in COMPARISONS:
            self.take()
            return self._compare(left, operator)
        if operator.upper == "IS":
            return self._null_test(left)
        negated = operator.upper == "NOT" and self.ahead().upper in {"BETWEEN", "IN", "LIKE", "ILIKE"}
        if negated:
            self.take()
        node = self._worded(left)
        return at(exp.Not(this=node), operator.offset) if negated else node

    def _worded(self, left: Node) -> Node:
        operator = self.token
        if not self.at("BETWEEN", "IN", "LIKE", "ILIKE"):
            return left
        self.take()
        self._no_condition(left)
        if operator.upper == "BETWEEN":
            low = self.strict_value()
            self.expect("AND")
            return at(exp.Between(this=left, low=low, high=self.strict_value()), operator.offset)
        if operator.upper == "IN":
            return at(exp.In(this=left, **self._members()), operator.offset)
        kind = exp.Like if operator.upper == "LIKE" else exp.ILike
        return at(kind(this=left, expression=self.strict_value()), operator.offset)

    def _compare(self, left: Node, operator: Token) -> Node:
        if self.at("="):
            raise self.unexpected(
                "a value is expected", hint=f"write {operator.text.rstrip('=') or '='} once"
            )
        if self.at("ALL", "ANY", "SOME"):
            raise self.unexpected("a value is expected", hint="use IN (SELECT ...) or EXISTS (SELECT ...)")
        self._no_condition(left)
        node = COMPARISONS[operator.upper](this=left, expression=self.strict_value())
        return at(node, operator.offset)

    def _null_test(self, left: Node) -> Node:
        token = self.take()
        if not isinstance(left, exp.Column):
            raise self.fail(
                token,
                "IS NULL follows a column",
                hint="name the expression in a subquery and test the column",
            )
        negated = self.accept("NOT")
        self.expect("NULL")
        node: Node = exp.Is(this=left, expression=exp.Null())
        at(node, token.offset)
        return at(exp.Not(this=node), token.offset) if negated else node

    def _members(self) -> dict[str, Node | list[Node]]:
        if self.at("(") and self._query_ahead():
            return {"query": self.subquery()}
        self.expect("(")
        self.enter()
        members = [self.strict_value()]
        while self.accept(","):
            members.append(self.strict_value())
        self.leave()
        self.expect(")")
        return {"expressions": members}

    def _query_ahead(self) -> bool:
        """Tell whether the parentheses that come next open a query rather than a value."""
        count = 0
        while self.ahead(count).upper == "(":
            count += 1
        return self.ahead(count).upper in {"SELECT", "WITH"}

    def bad_end(self) -> AdqlError:
        """Make the error for what is left over after a complete query."""
        if self.token.upper in COMPARISONS:
            return self.unexpected("a comparison stands alone", hint="join comparisons with AND or OR")
        return self.unexpected("the query should end here")

"""Values and conditions (ADQL 2.1, appendix A: ``value_expression``, ``search_condition`` and below).

By recursive descent, methods named after the rules. Whether parentheses hold a value or a
condition only their end tells, so the rules for values let conditions through, and those that
need one of the two say so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Literal, TypeVar, cast

from service.adql.errors import AdqlError, nearest
from service.adql.functions import COORDSYS_CALLS, FUNCTIONS, is_foreign
from service.adql.lexer import Cursor, Kind, Token
from service.adql.names import Name
from service.adql.nodes import (
    CAST_TARGETS,
    Arithmetic,
    Between,
    Call,
    Cast,
    ColumnName,
    Comparator,
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

MAX_CHAIN: Final = 60
"""Operands that ``+ - * /`` may join without parentheses."""

COMPARATORS: Final[dict[str, Comparator]] = {
    "=": "=", "<>": "<>", "!=": "<>", "<": "<", ">": ">", "<=": "<=", ">=": ">=",
}  # fmt: skip
"""The comparison operators as they may be written."""

_MAX_LENGTH_DIGITS: Final = 9

Either = Expression | Condition
T = TypeVar("T")


class ValueParser:
    """Reads values and conditions.

    Parameters
    ----------
    cursor
        The place in the query.
    subquery
        Reads a query between parentheses.
    foreign_functions
        Whether user-defined functions of other services may be called.
    """

    def __init__(
        self, cursor: Cursor, *, subquery: Callable[[], EnclosedQuery], foreign_functions: bool
    ) -> None:
        self._cursor = cursor
        self._subquery = subquery
        self._foreign_functions = foreign_functions

    def value(self) -> Expression:
        """Read a ``value_expression``."""
        return self._no_condition(self._value())

    def values(self) -> tuple[Expression, ...]:
        """Read values with commas between them."""
        found = [self.value()]
        while self._cursor.accept(","):
            found.append(self.value())
        return tuple(found)

    def condition(self, clause: str) -> Condition:
        """Read the ``search_condition`` of `clause`."""
        return self._condition(self._either(), clause)

    def identifier(self, what: str) -> Name:
        """Read a regular or delimited identifier."""
        token = self._cursor.token
        if not token.names:
            raise self._cursor.unexpected(f"{what} is expected")
        self._cursor.take()
        return Name(token.text, token.kind is Kind.DELIMITED, token.place)

    def name_chain(self, what: str, longest: int) -> tuple[Name, ...]:
        """Read identifiers joined by dots; a final ``.*`` is left unread."""
        chain = [self.identifier(what)]
        while self._cursor.at(".") and self._cursor.ahead().upper != "*":
            self._cursor.take()
            chain.append(self.identifier(what))
        if len(chain) > longest:
            hint = "catalogue.schema.table.column"
            raise self._cursor.fail(self._cursor.token, f"{what} has at most {longest} parts", hint=hint)
        return tuple(chain)

    # Conditions

    def _either(self) -> Either:
        return self._connected("OR", lambda: self._connected("AND", self._boolean_factor))

    def _connected(self, word: Literal["AND", "OR"], part: Callable[[], Either]) -> Either:
        first = part()
        if not self._cursor.at(word):
            return first
        operands = [first]
        while self._cursor.accept(word):
            operands.append(part())
        return _balanced(
            lambda left, right: Connected(word, left, right, place=left.place),
            [self._condition(node, word) for node in operands],
        )

    def _condition(self, node: Either, where: str) -> Condition:
        if isinstance(node, Condition):
            return node
        hint = "compare it with something"
        if isinstance(node, Call) and node.function in {"CONTAINS", "INTERSECTS"}:
            hint = f"write 1 = {node.function}(...)"
        raise self._cursor.fail(node, f"{where} needs a condition, this is a value", hint=hint)

    def _no_condition(self, node: Either) -> Expression:
        if isinstance(node, Condition):
            message = "a comparison cannot be used as a value"
            raise self._cursor.fail(node, message, hint="ADQL 2.1 has no boolean values")
        return node

    def _boolean_factor(self) -> Either:
        start = self._cursor.token
        if not self._cursor.accept("NOT"):
            return self._predicate()
        if self._cursor.at("NOT"):
            raise self._cursor.unexpected("NOT NOT is not a condition", hint="use parentheses")
        return Not(self._condition(self._predicate(), "NOT"), place=start.place)

    def _predicate(self) -> Either:
        start = self._cursor.token
        if self._cursor.accept("EXISTS"):
            return Exists(self._subquery(), place=start.place)
        left = self._value()
        operator = self._cursor.token
        if operator.upper in COMPARATORS:
            return self._comparison(left, self._cursor.take())
        if operator.upper == "IS":
            return self._null_test(left)
        worded = {"BETWEEN", "IN", "LIKE", "ILIKE"}
        if operator.upper == "NOT" and self._cursor.ahead().upper in worded:
            self._cursor.take()
            return Not(self._worded(self._no_condition(left)), place=operator.place)
        return self._worded(self._no_condition(left)) if operator.upper in worded else left

    def _worded(self, left: Expression) -> Condition:
        operator = self._cursor.take()
        match operator.upper:
            case "BETWEEN":
                low = self.value()
                self._cursor.expect("AND")
                return Between(left, low, self.value(), place=operator.place)
            case "IN":
                return Membership(left, self._members(), place=operator.place)
            case word:
                return Like(left, self.value(), word == "ILIKE", place=operator.place)

    def _comparison(self, left: Either, operator: Token) -> Condition:
        if self._cursor.at("="):
            hint = f"write {operator.text.rstrip('=') or '='} once"
            raise self._cursor.unexpected("a value is expected", hint=hint)
        if self._cursor.at("ALL", "ANY", "SOME"):
            hint = "use IN (SELECT ...) or EXISTS (SELECT ...)"
            raise self._cursor.unexpected("a value is expected", hint=hint)
        plain = self._no_condition(left)
        return Comparison(COMPARATORS[operator.upper], plain, self.value(), place=operator.place)

    def _null_test(self, left: Either) -> Condition:
        token = self._cursor.take()
        if not isinstance(left, ColumnName):
            hint = "name the expression in a subquery and test the column"
            raise self._cursor.fail(token, "IS NULL follows a column", hint=hint)
        negated = self._cursor.accept("NOT")
        self._cursor.expect("NULL")
        node = IsNull(left, place=token.place)
        return Not(node, place=token.place) if negated else node

    def _members(self) -> tuple[Expression, ...] | EnclosedQuery:
        if self._cursor.at("(") and self._query_ahead():
            return self._subquery()
        self._cursor.expect("(")
        self._cursor.enter()
        members = self.values()
        self._cursor.leave()
        self._cursor.expect(")")
        return members

    def _query_ahead(self) -> bool:
        """Tell whether the parentheses that come next open a query rather than a value."""
        count = 0
        while self._cursor.ahead(count).upper == "(":
            count += 1
        return self._cursor.ahead(count).upper in {"SELECT", "WITH"}

    # Values

    def _value(self) -> Either:
        if self._cursor.at("NULL"):
            return Null(place=self._cursor.take().place)
        first = self._sum()
        return self._concatenation(first) if self._cursor.at("||") else first

    def _sum(self) -> Either:
        return self._chain(("+", "-"), self._product)

    def _product(self) -> Either:
        return self._chain(("*", "/"), self._factor)

    def _chain(self, operators: Sequence[str], operand: Callable[[], Either]) -> Either:
        node, count = operand(), 1
        while self._cursor.at(*operators):
            operator = self._cursor.take()
            count += 1
            if count > MAX_CHAIN:
                message = f"more than {MAX_CHAIN} operands in a row"
                raise self._cursor.fail(operator, message, hint="use parentheses")
            right = self._no_condition(operand())
            sign = cast("Literal['+', '-', '*', '/']", operator.upper)
            node = Arithmetic(sign, self._no_condition(node), right, place=operator.place)
        return node

    def _concatenation(self, first: Either) -> Expression:
        if isinstance(first, (Arithmetic, Negative)):
            hint = "use CAST(... AS VARCHAR)"
            raise self._cursor.unexpected("arithmetic cannot be joined to a string", hint=hint)
        operands: list[Either] = [first]
        while self._cursor.accept("||"):
            operands.append(self._primary())
        return _balanced(
            lambda left, right: Concatenation(left, right, place=left.place),
            [self._no_condition(operand) for operand in operands],
        )

    def _factor(self) -> Either:
        sign = self._cursor.token
        if not self._cursor.accept("+", "-"):
            return self._primary()
        node = self._no_condition(self._primary())
        return Negative(node, place=sign.place) if sign.text == "-" else node

    def _primary(self) -> Either:
        token = self._cursor.token
        if token.kind is Kind.NUMBER:
            return Number(self._cursor.take().text, place=token.place)
        if token.kind is Kind.STRING:
            return Text(self._cursor.take().text, place=token.place)
        if self._cursor.at("("):
            return self._parenthesis()
        if token.kind is Kind.WORD and self._cursor.ahead().upper == "(":
            return self._call()
        chain = self.name_chain("a value", 4)
        return ColumnName(chain, place=chain[0].place)

    def _parenthesis(self) -> Either:
        start = self._cursor.take()
        self._cursor.enter()
        inner = self._either()
        self._cursor.leave()
        self._cursor.expect(")")
        if isinstance(inner, Condition):
            return Enclosed(inner, place=start.place)
        return Parenthesis(inner, place=start.place)

    def _call(self) -> Expression:
        name = self._cursor.take()
        if name.upper == "CAST":
            return self._cast(name)
        if name.upper not in FUNCTIONS and not (self._foreign_functions and is_foreign(name.upper)):
            raise self._unknown_function(name)
        self._cursor.take()
        self._cursor.enter()
        distinct, frame = self._quantifier(name), self._frame(name)
        arguments = self._arguments(name, empty_allowed=frame is None)
        self._cursor.leave()
        self._cursor.expect(")")
        return Call(name.upper, arguments, distinct, frame, place=name.place)

    def _unknown_function(self, name: Token) -> AdqlError:
        if name.reserved:
            self._cursor.back()
            return self._cursor.unexpected("a value is expected")
        guess = nearest(name.text, FUNCTIONS)
        hint = f"did you mean {guess}?" if guess else _WHERE_FUNCTIONS_ARE
        return self._cursor.fail(name, f"there is no function {name.text}", hint=hint)

    def _quantifier(self, name: Token) -> bool:
        aggregate = name.upper in FUNCTIONS and FUNCTIONS[name.upper].aggregate
        if self._cursor.at("DISTINCT", "ALL") and not aggregate:
            raise self._cursor.unexpected(f"{name.upper} takes no DISTINCT or ALL")
        return not self._cursor.accept("ALL") and self._cursor.accept("DISTINCT")

    def _frame(self, name: Token) -> Text | Null | None:
        """Read the deprecated first argument of the geometry constructors (section 4.2.5)."""
        token = self._cursor.token
        given = token.kind is Kind.STRING or token.upper == "NULL"
        if name.upper not in COORDSYS_CALLS or not given:
            return None
        self._cursor.take()
        self._cursor.expect(",")
        return Null(place=token.place) if token.upper else Text(token.text, place=token.place)

    def _arguments(self, name: Token, *, empty_allowed: bool) -> tuple[Expression | Star, ...]:
        if self._cursor.at("*") and name.upper == "COUNT" and self._cursor.ahead(-1).upper == "(":
            self._cursor.take()
            return (Star(),)
        return () if empty_allowed and self._cursor.at(")") else self.values()

    def _cast(self, name: Token) -> Expression:
        self._cursor.expect("(")
        self._cursor.enter()
        operand = self.value()
        self._cursor.expect("AS", hint="write CAST(value AS type)")
        target = self._cursor.take().upper
        if target == "DOUBLE" and self._cursor.accept("PRECISION"):
            target = "DOUBLE PRECISION"
        if target not in CAST_TARGETS:
            self._cursor.back()
            hint = f"types are {', '.join(sorted(CAST_TARGETS))}"
            raise self._cursor.unexpected("a type is expected", hint=hint)
        length = self._length() if target in {"CHAR", "VARCHAR"} else None
        self._cursor.leave()
        self._cursor.expect(")")
        return Cast(operand, target, length, place=name.place)

    def _length(self) -> int | None:
        if not self._cursor.accept("("):
            return None
        token = self._cursor.token
        length = self._cursor.unsigned_integer("a length")
        if not 0 < length < 10**_MAX_LENGTH_DIGITS:
            raise self._cursor.fail(token, "this length is not possible")
        self._cursor.expect(")")
        return length


_WHERE_FUNCTIONS_ARE: Final = "GET /tap/capabilities lists the functions of this service"


def _balanced(join: Callable[[T, T], T], operands: list[T]) -> T:
    """Join the operands of an associative operator into a tree of least depth, in order."""
    while len(operands) > 1:
        pairs = [operands[i : i + 2] for i in range(0, len(operands), 2)]
        operands = [join(*pair) if len(pair) > 1 else pair[0] for pair in pairs]
    return operands[0]

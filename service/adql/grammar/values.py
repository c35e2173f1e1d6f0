"""Value expressions (ADQL 2.1, appendix A: ``value_expression`` and below)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Final

from sqlglot import expressions as exp

from service.adql.errors import AdqlError
from service.adql.functions import COORDSYS_CALLS, FUNCTIONS, is_foreign
from service.adql.grammar.cursor import Cursor
from service.adql.lexer import Kind, Token
from service.adql.suggest import nearest
from service.adql.tree import CAST_TARGETS, Call, CastTo, Node, at, is_condition, offset_of

MAX_CHAIN: Final = 60
"""Operands that ``+ - * /`` may join without parentheses."""

_SUMS: Final[dict[str, type[exp.Expression]]] = {"+": exp.Add, "-": exp.Sub}
_PRODUCTS: Final[dict[str, type[exp.Expression]]] = {"*": exp.Mul, "/": exp.Div}
_MAX_LENGTH_DIGITS: Final = 9


class Values(Cursor, ABC):
    """Reads values.

    Parameters
    ----------
    query
        The text of the query.
    foreign_functions
        Whether user-defined functions of other services may be called.
    """

    def __init__(self, query: str, *, foreign_functions: bool = False) -> None:
        super().__init__(query)
        self._foreign_functions = foreign_functions

    @abstractmethod
    def expression(self) -> Node:
        """Read a value or a condition."""

    def value(self) -> Node:
        """Read a ``value_expression``; parentheses around conditions come out as they are."""
        if self.at("NULL"):
            return at(exp.Null(), self.take().offset)
        first = self._sum()
        if not self.at("||"):
            return first
        return self._concatenation(first)

    def strict_value(self) -> Node:
        """Read a value that must not be a condition."""
        return self._no_condition(self.value())

    def identifier(self, what: str) -> exp.Identifier:
        """Read a regular or delimited identifier."""
        token = self.token
        if token.kind is Kind.DELIMITED or (token.kind is Kind.WORD and not token.reserved):
            self.take()
            node = exp.Identifier(this=token.text, quoted=token.kind is Kind.DELIMITED)
            at(node, token.offset)
            return node
        raise self.unexpected(f"{what} is expected")

    def name_chain(self, what: str, longest: int) -> list[exp.Identifier]:
        """Read identifiers joined by dots; a final ``.*`` is left unread."""
        chain = [self.identifier(what)]
        while self.at(".") and self.ahead().upper != "*":
            self.take()
            chain.append(self.identifier(what))
        if len(chain) > longest:
            raise self.fail(
                self.token, f"{what} has at most {longest} parts", hint="catalogue.schema.table.column"
            )
        return chain

    def _no_condition(self, node: Node) -> Node:
        if is_condition(node):
            message = "a comparison cannot be used as a value"
            raise self.fail(
                Token(Kind.SYMBOL, "", offset_of(node)), message, hint="ADQL 2.1 has no boolean values"
            )
        return node

    def _sum(self) -> Node:
        return self._chain(_SUMS, self._product)

    def _product(self) -> Node:
        return self._chain(_PRODUCTS, self._factor)

    def _chain(self, operators: dict[str, type[exp.Expression]], operand: Callable[[], Node]) -> Node:
        node, count = operand(), 1
        while self.at(*operators):
            operator = self.take()
            count += 1
            if count > MAX_CHAIN:
                raise self.fail(operator, f"more than {MAX_CHAIN} operands in a row", hint="use parentheses")
            right = self._no_condition(operand())
            node = operators[operator.upper](this=self._no_condition(node), expression=right)
            at(node, operator.offset)
        return node

    def _concatenation(self, first: Node) -> Node:
        operands = [first]
        if isinstance(first, (exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Neg)):
            raise self.unexpected("arithmetic cannot be joined to a string", hint="use CAST(... AS VARCHAR)")
        while self.accept("||"):
            operands.append(self._primary())
        for operand in operands:
            self._no_condition(operand)
        return balanced(exp.DPipe, operands)

    def _factor(self) -> Node:
        sign = self.token
        if not self.accept("+", "-"):
            return self._primary()
        node = self._no_condition(self._primary())
        return at(exp.Neg(this=node), sign.offset) if sign.text == "-" else node

    def _primary(self) -> Node:
        token = self.token
        if token.kind is Kind.NUMBER:
            return at(exp.Literal.number(self.take().text), token.offset)
        if token.kind is Kind.STRING:
            return at(exp.Literal.string(self.take().text), token.offset)
        if self.at("("):
            return self._parenthesis()
        if token.kind is Kind.WORD and self.ahead().upper == "(":
            return self._call()
        return self._column()

    def _parenthesis(self) -> Node:
        start = self.take()
        self.enter()
        node = at(exp.Paren(this=self.expression()), start.offset)
        self.leave()
        self.expect(")")
        return node

    def _column(self) -> Node:
        chain = self.name_chain("a value", 4)
        parts = dict(zip(("this", "table", "db", "catalog"), reversed(chain), strict=False))
        return at(exp.Column(**parts), offset_of(chain[0]))

    def _call(self) -> Node:
        name = self.take()
        if name.upper == "CAST":
            return self._cast(name)
        if name.upper not in FUNCTIONS and not (self._foreign_functions and is_foreign(name.upper)):
            raise self._unknown_function(name)
        self.take()
        self.enter()
        call = Call(this=name.upper, distinct=self._quantifier(name), coordsys=self._coordsys(name))
        call.set("expressions", self._arguments(name, empty_allowed=call.args["coordsys"] is None))
        self.leave()
        self.expect(")")
        at(call, name.offset)
        return call

    def _unknown_function(self, name: Token) -> AdqlError:
        if name.reserved:
            return self.unexpected_word(name)
        guess = nearest(name.text, FUNCTIONS)
        hint = (
            f"did you mean {guess}?" if guess else "GET /tap/capabilities lists the functions of this service"
        )
        return self.fail(name, f"there is no function {name.text}", hint=hint)

    def unexpected_word(self, word: Token) -> AdqlError:
        """Make the error for a reserved word where a value is expected."""
        self._index -= 1
        return self.unexpected("a value is expected")

    def _quantifier(self, name: Token) -> bool:
        aggregate = name.upper in FUNCTIONS and FUNCTIONS[name.upper].aggregate
        if self.at("DISTINCT", "ALL") and not aggregate:
            raise self.unexpected(f"{name.upper} takes no DISTINCT or ALL")
        return not self.accept("ALL") and self.accept("DISTINCT")

    def _coordsys(self, name: Token) -> Node | None:
        """Read the deprecated first argument of the geometry constructors (section 4.2.5)."""
        if name.upper not in COORDSYS_CALLS or not (self.token.kind is Kind.STRING or self.at("NULL")):
            return None
        token = self.take()
        self.expect(",")
        return at(exp.Null() if token.upper else exp.Literal.string(token.text), token.offset)

    def _arguments(self, name: Token, *, empty_allowed: bool) -> list[Node]:
        if self.at("*") and name.upper == "COUNT" and self.ahead(-1).upper == "(":
            self.take()
            return [exp.Star()]
        if empty_allowed and self.at(")"):
            return []
        arguments = [self.strict_value()]
        while self.accept(","):
            arguments.append(self.strict_value())
        return arguments

    def _cast(self, name: Token) -> Node:
        self.expect("(")
        self.enter()
        value = self.strict_value()
        self.expect("AS", hint="write CAST(value AS type)")
        target = self.take().upper
        if target == "DOUBLE" and self.accept("PRECISION"):
            target = "DOUBLE PRECISION"
        if target not in CAST_TARGETS:
            self._index -= 1
            raise self.unexpected("a type is expected", hint=f"types are {', '.join(sorted(CAST_TARGETS))}")
        length = self._length() if target in {"CHAR", "VARCHAR"} else None
        self.leave()
        self.expect(")")
        return at(CastTo(this=value, target=target, length=length), name.offset)

    def _length(self) -> int | None:
        if not self.accept("("):
            return None
        token = self.token
        length = self.unsigned_integer("a length")
        if not 0 < length < 10**_MAX_LENGTH_DIGITS:
            raise self.fail(token, "this length is not possible")
        self.expect(")")
        return length


def balanced(connector: type[exp.Expression], operands: list[Node]) -> Node:
    """Join the operands of an associative operator into a tree of least depth, in order."""
    while len(operands) > 1:
        pairs = [operands[i : i + 2] for i in range(0, len(operands), 2)]
        operands = [
            connector(this=pair[0], expression=pair[1]) if len(pair) > 1 else pair[0] for pair in pairs
        ]
    return operands[0]

"""Reading tokens one after the other, and saying what was expected where."""

from __future__ import annotations

from typing import Final

from service.adql.errors import AdqlError
from service.adql.lexer import Kind, Token, error_at, tokenize

MAX_NESTING: Final = 40
"""How deep parentheses, calls and subqueries may be nested."""


class Cursor:
    """A place in the tokens of a query.

    Parameters
    ----------
    query
        The text of the query.
    """

    def __init__(self, query: str) -> None:
        self.query = query
        self._tokens: Final = tokenize(query)
        self._index = 0
        self._nesting = 0

    @property
    def token(self) -> Token:
        """The token that comes next."""
        return self._tokens[self._index]

    def ahead(self, count: int = 1) -> Token:
        """Give the token `count` places after the next one."""
        return self._tokens[min(self._index + count, len(self._tokens) - 1)]

    def at(self, *words: str) -> bool:
        """Tell whether the next token is one of these words or symbols (upper case)."""
        return self.token.upper in words

    def take(self) -> Token:
        """Step over the next token."""
        token = self.token
        self._index = min(self._index + 1, len(self._tokens) - 1)
        return token

    def accept(self, *words: str) -> bool:
        """Step over the next token if it is one of these words or symbols."""
        found = self.at(*words)
        if found:
            self.take()
        return found

    def expect(self, word: str, *, hint: str | None = None) -> Token:
        """Step over this word or symbol, which must come next."""
        if not self.at(word):
            raise self.unexpected(f"{word} is expected", hint=hint)
        return self.take()

    def unsigned_integer(self, what: str) -> int:
        """Read an unsigned whole number."""
        token = self.token
        if token.kind is not Kind.NUMBER or not token.text.isdecimal():
            raise self.unexpected(f"{what} must be followed by a whole number without sign")
        if len(token.text) > 18:
            raise self.fail(token, f"the number after {what} is too large")
        return int(self.take().text)

    def enter(self) -> None:
        """Go one level down in the nesting."""
        self._nesting += 1
        if self._nesting > MAX_NESTING:
            raise self.fail(self.token, f"the query is nested more than {MAX_NESTING} levels deep")

    def leave(self) -> None:
        """Come up one level in the nesting."""
        self._nesting -= 1

    def fail(self, token: Token, message: str, *, hint: str | None = None) -> AdqlError:
        """Make the error that points at `token`."""
        return error_at(self.query, token.offset, message, hint=hint)

    def unexpected(self, message: str, *, hint: str | None = None) -> AdqlError:
        """Make the error for the next token, which does not fit."""
        token = self.token
        found = "the end of the query" if token.kind is Kind.END else repr(token.text)
        return self.fail(token, f"{message}, found {found}", hint=hint or _habit(token))


_HABITS: Final = {
    "LIMIT": "use SELECT TOP n",
    "FETCH": "use SELECT TOP n",
    "TOP": "TOP follows SELECT, SELECT DISTINCT or SELECT ALL",
    "DISTINCT": "DISTINCT follows SELECT and comes before TOP",
    "WITH": "common table expressions stand before the first SELECT only",
    "CASE": "CASE is not part of ADQL 2.1; combine queries with UNION, or use COALESCE",
    "SIMILAR": "use LIKE",
    "REGEXP": "use LIKE",
    "ESCAPE": "LIKE has no ESCAPE in ADQL",
    "TRUE": "ADQL 2.1 has no boolean values; compare with 1",
    "FALSE": "ADQL 2.1 has no boolean values; compare with 0",
    "MINUS": "write EXCEPT",
    "NULLS": "NULL values are sorted last",
    "OVER": "window functions are not part of ADQL 2.1",
    "WHERE": "the order of clauses is SELECT, FROM, WHERE, GROUP BY, HAVING, ORDER BY, OFFSET",
    "GROUP": "the order of clauses is SELECT, FROM, WHERE, GROUP BY, HAVING, ORDER BY, OFFSET",
    "HAVING": "the order of clauses is SELECT, FROM, WHERE, GROUP BY, HAVING, ORDER BY, OFFSET",
    "ORDER": "a query in a set operation that has its own ORDER BY stands between parentheses",
    "=": "one = compares, <= and >= are the other way round",
    "SELECT": "a subquery stands in FROM, IN (...) or EXISTS (...) only; ADQL has no scalar subqueries",
}


def _habit(token: Token) -> str | None:
    """Say what to write instead of a frequent mistake."""
    if token.upper in _HABITS:
        return _HABITS[token.upper]
    if token.reserved:
        return f'{token.upper} is a reserved word; as a name write "{token.text}"'
    return None

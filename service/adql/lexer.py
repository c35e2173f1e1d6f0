"""From the text of a query to its tokens, one after the other (ADQL 2.1, section 2.1 and appendix A)."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

from service.adql.errors import AdqlError, Placed, error_at

MAX_LENGTH: Final = 100_000
"""Characters a query may have."""

MAX_NESTING: Final = 40
"""How deep parentheses, calls and subqueries may be nested."""

_SQL: Final = """
ABSOLUTE ACTION ADD ALL ALLOCATE ALTER AND ANY ARE AS ASC ASSERTION AT AUTHORIZATION AVG BEGIN BETWEEN
BIT BIT_LENGTH BOTH BY CASCADE CASCADED CASE CATALOG CHARACTER CHAR_LENGTH CHARACTER_LENGTH CHECK CLOSE
COLLATE COLLATION COLUMN COMMIT CONNECT CONNECTION CONSTRAINT CONSTRAINTS CONTINUE CONVERT CORRESPONDING
COUNT CREATE CROSS CURRENT CURRENT_DATE CURRENT_TIME CURRENT_TIMESTAMP CURRENT_USER CURSOR DATE DAY
DEALLOCATE DECIMAL DECLARE DEFAULT DEFERRABLE DEFERRED DELETE DESC DESCRIBE DESCRIPTOR DIAGNOSTICS
DISCONNECT DISTINCT DOMAIN DROP ELSE END ESCAPE EXCEPT EXCEPTION EXEC EXECUTE EXISTS EXTERNAL EXTRACT
FALSE FETCH FIRST FLOAT FOR FOREIGN FOUND FROM FULL GET GLOBAL GO GOTO GRANT GROUP HAVING HOUR IDENTITY
ILIKE IMMEDIATE IN INDICATOR INITIALLY INNER INPUT INSENSITIVE INSERT INT INTERSECT INTERVAL INTO IS
ISOLATION JOIN KEY LANGUAGE LAST LEADING LEFT LEVEL LIKE LOCAL LOWER MATCH MAX MIN MINUTE MODULE MONTH
NAMES NATIONAL NATURAL NCHAR NEXT NO NOT NULLIF NUMERIC OCTET_LENGTH OF ON ONLY OPEN OPTION OR ORDER
OUTER OUTPUT OVERLAPS PAD PARTIAL POSITION PREPARE PRESERVE PRIMARY PRIOR PRIVILEGES PROCEDURE PUBLIC
READ REFERENCES RELATIVE RESTRICT REVOKE RIGHT ROLLBACK ROWS SCHEMA SCROLL SECOND SECTION SELECT SESSION
SESSION_USER SET SIZE SOME SPACE SQL SQLCODE SQLERROR SQLSTATE SUBSTRING SUM SYSTEM_USER TABLE TEMPORARY
THEN TIME TIMEZONE_HOUR TIMEZONE_MINUTE TO TRAILING TRANSACTION TRANSLATE TRANSLATION TRIM TRUE UNION
UNIQUE UNKNOWN UPDATE UPPER USAGE USER USING VALUE VALUES VARYING VIEW WHEN WHENEVER WHERE WITH WORK
WRITE YEAR ZONE
"""

_ADQL: Final = """
ABS ACOS AREA ASIN ATAN ATAN2 BIGINT BOX CAST CEILING CENTROID CHAR CIRCLE COALESCE CONTAINS COORD1 COORD2
COORDSYS COS DEGREES DISTANCE DOUBLE EXP FLOOR INTEGER INTERSECTS IN_UNIT LOG LOG10 MOD NULL PI POINT POLYGON
POWER PRECISION RADIANS REAL REGION RAND ROUND SIN SMALLINT SQRT TIMESTAMP TOP TAN TRUNCATE VARCHAR
"""

RESERVED: Final = frozenset((_SQL + _ADQL).split())
"""Words that cannot name a table or column unless written between double quotes."""

_REGULAR: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


def is_regular(name: str) -> bool:
    """Tell whether `name` can be written without double quotes (ADQL 2.1, section 2.1.6)."""
    return bool(_REGULAR.fullmatch(name)) and name.upper() not in RESERVED


def as_identifier(name: str) -> str:
    """Write `name` as a query (and TAP_SCHEMA) must: between double quotes where it is not regular."""
    return name if is_regular(name) else '"' + name.replace('"', '""') + '"'


class Kind(Enum):
    """What a token is."""

    WORD = "word"
    DELIMITED = "delimited"
    NUMBER = "number"
    STRING = "string"
    SYMBOL = "symbol"
    END = "end"


@dataclass(frozen=True, slots=True)
class Token:
    """One token: `text` as it means (quotes removed), `place` in characters from the start of the query."""

    kind: Kind
    text: str
    place: int
    upper: str = ""
    """The text in upper case for words, the symbol itself for symbols, empty for all others."""
    end: int = 0
    """The character after its last one, for strings."""

    @property
    def reserved(self) -> bool:
        """Whether this is one of the words of the language."""
        return self.kind is Kind.WORD and self.upper in RESERVED

    @property
    def names(self) -> bool:
        """Whether it can name a table or column."""
        return self.kind is Kind.DELIMITED or (self.kind is Kind.WORD and not self.reserved)


_PATTERN: Final = re.compile(
    r"""(?P<space>(?:[ \t\r\n\f\v]+|--[^\r\n]*)+)
      |(?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)
      |(?P<word>[A-Za-z][A-Za-z0-9_]*)
      |(?P<string>'(?:[^']|'')*')
      |(?P<delimited>"(?:[^"]|"")+")
      |(?P<symbol><>|!=|<=|>=|\|\||[()*+\-,./<>=])
    """,
    re.VERBOSE,
)

_HINTS: Final = {
    "'": "close the string with a single quote, and double a quote within it ('it''s')",
    '"': 'close the delimited identifier with a double quote ("name")',
    ";": "leave out the semicolon: one query is one statement",
    "%": "write MOD(a, b) for the remainder",
    "_": 'a name that starts with an underscore must stand between double quotes ("_name")',
    "`": 'names that need quoting stand between double quotes ("name")',
    "[": 'names that need quoting stand between double quotes ("name")',
    "!": "write NOT, or <> for unequal",
    ":": "write CAST(value AS type) to change a type",
    "|": "strings are joined with ||; there are no bitwise operators in ADQL 2.1",
    "&": "there are no bitwise operators in ADQL 2.1; write AND",
    "^": "write POWER(x, y)",
    "‘": "write the straight single quote '",
    "’": "write the straight single quote '",
    "“": 'write the straight double quote "',
    "”": 'write the straight double quote "',
    "\u00a0": "replace the no-break space by a space",
}


def tokenize(query: str) -> list[Token]:
    """Split `query` into tokens, the last of kind ``END``.

    Raises
    ------
    AdqlError
        If the query is too long, not Unicode text, or holds a character that starts no token.
    """
    _check_text(query)
    tokens: list[Token] = []
    place = 0
    while place < len(query):
        match = _PATTERN.match(query, place)
        if match is None:
            raise _no_token(query, place)
        if match.lastgroup != "space":
            _append(tokens, _token(match, query), query)
        place = match.end()
    tokens.append(Token(Kind.END, "", len(query)))
    return tokens


def _append(tokens: list[Token], token: Token, query: str) -> None:
    """Add a token; a string that follows another on a new line goes on with it (SQL-92, section 5.3)."""
    last = tokens[-1] if tokens else None
    if last is not None and last.kind is token.kind is Kind.STRING:
        between = query[last.end : token.place]
        if "\n" in between or "\r" in between:
            tokens[-1] = replace(last, text=last.text + token.text, end=token.end)
            return
    tokens.append(token)


def _check_text(query: str) -> None:
    if len(query) > MAX_LENGTH:
        raise AdqlError(
            f"the query has {len(query)} characters, {MAX_LENGTH} are allowed",
            hint="upload long lists as a table and join it",
        )
    if "\0" in query:
        raise error_at(query, query.index("\0"), "the query holds a NUL character")
    try:
        query.encode()
    except UnicodeEncodeError as error:
        raise error_at(query, error.start, "the query is not valid Unicode text") from error


def _token(match: re.Match[str], query: str) -> Token:
    kind, text, place = Kind(match.lastgroup), match.group(), match.start()
    if kind is Kind.NUMBER and _continues(query, match.end()):
        raise error_at(
            query, place, f"a number must not run into the next word: {query[place : match.end() + 1]!r}",
            hint="names start with a letter; hexadecimal numbers are not part of ADQL 2.1",
        )  # fmt: skip
    if kind is Kind.STRING:
        return Token(kind, text[1:-1].replace("''", "'"), place, end=match.end())
    if kind is Kind.DELIMITED:
        return Token(kind, text[1:-1].replace('""', '"'), place)
    return Token(kind, text, place, text.upper() if kind is not Kind.NUMBER else "")


def _continues(query: str, end: int) -> bool:
    return query[end : end + 1].isalnum() or query[end : end + 1] in {"_", "."}


def _no_token(query: str, place: int) -> AdqlError:
    character = query[place]
    if query.startswith('""', place):
        return error_at(query, place, "an empty delimited identifier")
    what = {"'": "a string that does not end", '"': "a delimited identifier that does not end"}
    message = what.get(character, f"{character!r} has no meaning here")
    return error_at(query, place, message, hint=_HINTS.get(character))


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

    def back(self) -> None:
        """Step back to the token before."""
        self._index -= 1

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

    def fail(self, token: Placed, message: str, *, hint: str | None = None) -> AdqlError:
        """Make the error that points at a token or node."""
        return error_at(self.query, token.place, message, hint=hint)

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

"""From the text of a query to its tokens (ADQL 2.1, section 2.1 and appendix A)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final

from service.adql.errors import AdqlError
from service.adql.words import RESERVED

MAX_LENGTH: Final = 100_000
"""Characters a query may have."""


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
    """One token: `text` as it means (quotes removed), `offset` in characters from the start of the query."""

    kind: Kind
    text: str
    offset: int
    upper: str = ""
    """The text in upper case for words, the symbol itself for symbols, empty for all others."""

    @property
    def reserved(self) -> bool:
        """Whether this is one of the words of the language."""
        return self.kind is Kind.WORD and self.upper in RESERVED


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


def place(query: str, offset: int) -> tuple[int, int]:
    """Give line and column (from 1) of a character of `query`."""
    before = query[:offset]
    return before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1


def error_at(query: str, offset: int, message: str, *, hint: str | None = None) -> AdqlError:
    """Make the error that points at one character of `query`."""
    line, column = place(query, offset)
    return AdqlError(message, line=line, column=column, hint=hint)


def tokenize(query: str) -> list[Token]:
    """Split `query` into tokens, the last of kind ``END``.

    Raises
    ------
    AdqlError
        If the query is too long, not Unicode text, or holds a character that starts no token.
    """
    _check_text(query)
    tokens: list[Token] = []
    offset = 0
    while offset < len(query):
        match = _PATTERN.match(query, offset)
        if match is None:
            raise _no_token(query, offset)
        if match.lastgroup != "space":
            tokens.append(_token(match, query))
        offset = match.end()
    tokens.append(Token(Kind.END, "", len(query)))
    return tokens


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
    kind, text, offset = Kind(match.lastgroup), match.group(), match.start()
    if kind is Kind.NUMBER and _continues(query, match.end()):
        raise error_at(
            query, offset, f"a number must not run into the next word: {query[offset : match.end() + 1]!r}",
            hint="names start with a letter; hexadecimal numbers are not part of ADQL 2.1",
        )  # fmt: skip
    if kind is Kind.STRING:
        return Token(kind, text[1:-1].replace("''", "'"), offset)
    if kind is Kind.DELIMITED:
        return Token(kind, text[1:-1].replace('""', '"'), offset)
    return Token(kind, text, offset, text.upper() if kind is not Kind.NUMBER else "")


def _continues(query: str, end: int) -> bool:
    return query[end : end + 1].isalnum() or query[end : end + 1] in {"_", "."}


def _no_token(query: str, offset: int) -> AdqlError:
    character = query[offset]
    if query.startswith('""', offset):
        return error_at(query, offset, "an empty delimited identifier")
    what = {"'": "a string that does not end", '"': "a delimited identifier that does not end"}
    message = what.get(character, f"{character!r} has no meaning here")
    return error_at(query, offset, message, hint=_HINTS.get(character))

"""What is said when a query is not ADQL, or names what is not there: message, place and hint."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Protocol

from vo_emline.errors import UserError


class AdqlError(UserError):
    """A query cannot be accepted.

    Parameters
    ----------
    message
        What is wrong, in one sentence without a full stop.
    line, column
        Where in the query, counted from 1; ``None`` where no place is to blame.
    hint
        What to write instead.
    """

    def __init__(
        self, message: str, *, line: int | None = None, column: int | None = None, hint: str | None = None
    ) -> None:
        self.message = message
        self.line = line
        self.column = column
        self.hint = hint
        where = f"line {line}, column {column}: " if line is not None else ""
        super().__init__(f"{where}{message}" + (f"; {hint}" if hint else ""))


def error_at(query: str, place: int, message: str, *, hint: str | None = None) -> AdqlError:
    """Make the error that points at one character of `query` (counted from 0)."""
    before = query[:place]
    line, column = before.count("\n") + 1, place - (before.rfind("\n") + 1) + 1
    return AdqlError(message, line=line, column=column, hint=hint)


class Placed(Protocol):
    """What stands somewhere in a query."""

    @property
    def place(self) -> int:
        """The character where it starts, counted from 0."""


class Reporter:
    """Makes errors for nodes of one query.

    Parameters
    ----------
    query
        The text of the query.
    """

    def __init__(self, query: str) -> None:
        self._query = query

    def __call__(self, node: Placed, message: str, *, hint: str | None = None) -> AdqlError:
        """Make the error that points at the start of `node`."""
        return error_at(self._query, node.place, message, hint=hint)


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Give the known name most like `name`, in its own spelling; ``None`` where none is near."""
    spelling = {candidate.lower(): candidate for candidate in known}
    found = get_close_matches(name.lower(), spelling, n=1, cutoff=0.6)
    return spelling[found[0]] if found else None

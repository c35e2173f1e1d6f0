"""Errors that point into the query."""

from __future__ import annotations

from service.adql.errors import AdqlError
from service.adql.lexer import error_at
from service.adql.tree import Node, offset_of


class Reporter:
    """Makes errors for nodes of one query.

    Parameters
    ----------
    query
        The text of the query.
    """

    def __init__(self, query: str) -> None:
        self._query = query

    def __call__(self, node: Node, message: str, *, hint: str | None = None) -> AdqlError:
        """Make the error that points at the start of `node`."""
        return error_at(self._query, offset_of(node), message, hint=hint)

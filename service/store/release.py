"""What is published, and the ways to ask it, whichever database holds it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property, lru_cache
from typing import Any, Final

import pyarrow as pa

from service.adql import CompiledQuery, compile_query
from service.adql.write import Dialect
from service.deadline import Deadline
from service.store.running import RunningQuery
from vo_emline.tables import Table

KEPT: Final = 512
"""Compiled queries that are kept of a release."""
LONGEST_KEPT: Final = 2000
"""Characters of a query that is kept compiled."""


class Release(ABC):
    """An open release."""

    dialect: Dialect
    """The SQL it understands."""
    tables: tuple[Table, ...]
    """The published tables that it has, TAP_SCHEMA included."""
    metadata: Mapping[str, str]
    """Facts about the run: identifier, versions, dates, counts."""
    counts: Mapping[str, int]
    """Number of rows of each published table, by qualified name."""
    index: str
    """The index of spectra, as SQL of the service names it."""
    cutouts: str | None
    """The pictures of candidates, as SQL of the service names them; None where the release has none."""

    def table(self, qualified_name: str) -> Table | None:
        """Give the published table of this name, in any case; None where there is none."""
        wanted = qualified_name.lower()
        return next((table for table in self.tables if table.qualified_name.lower() == wanted), None)

    def compile(self, query: str, *, uploads: Iterable[Table] = ()) -> CompiledQuery:
        """Make SQL of an ADQL query.

        Raises
        ------
        AdqlError
            See :func:`service.adql.compile_query`.
        """
        given = tuple(uploads)
        if given or len(query) > LONGEST_KEPT:
            return self._compile(query, given)
        return self._kept(query)

    @cached_property
    def _kept(self) -> Callable[[str], CompiledQuery]:
        """Compile a query, and keep what was asked last: the same ones come again and again."""
        return lru_cache(maxsize=KEPT)(lambda query: self._compile(query, ()))

    def _compile(self, query: str, uploads: Sequence[Table]) -> CompiledQuery:
        return compile_query(
            query, tables=self.tables, uploads=uploads, dialect=self.dialect, sources=self._sources()
        )

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """Answer a query of the service itself, rows as dictionaries (never SQL made of user input).

        `sql` is what both databases understand, with ``?`` for `parameters`.
        """
        rows: list[dict[str, Any]] = self.arrow(sql, parameters).to_pylist()
        return rows

    @abstractmethod
    def arrow(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> pa.Table:
        """Answer a query of the service itself; the parameters may have names (``$name``)."""

    @abstractmethod
    def run(self, *, deadline: Deadline) -> RunningQuery:
        """Prepare to run one compiled query; close it afterwards."""

    def warm(self) -> None:  # noqa: B027 - nothing, where nothing need be made ready
        """Make ready for the first query before it comes."""

    @abstractmethod
    def close(self) -> None:
        """Close the release; every query must have ended."""

    def _sources(self) -> Mapping[str, str]:
        """Give the SQL that stands for a table in FROM, where that is not its name."""
        return {}

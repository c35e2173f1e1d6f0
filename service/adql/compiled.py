"""From the text of a query to SQL and the meaning of its columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from service.adql.errors import Reporter
from service.adql.names import Catalogue
from service.adql.nodes import Select
from service.adql.parse import parse
from service.adql.resolve import resolve
from service.adql.write import DATABASES, Dialect, StatementWriter
from vo_emline.tables import Column, Table


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledQuery:
    """A query that may run."""

    sql: str
    """One SELECT; of the user's text it holds literals and new names only."""
    columns: tuple[Column, ...]
    """The result columns in order; their names are unique in any case."""
    tables: frozenset[str]
    """Qualified names (``schema.name``) of the tables that are read."""
    top: int | None
    """Rows that ``TOP`` of the outermost query allows; ``None`` where there is none."""


def compile_query(
    query: str, *, tables: Iterable[Table], uploads: Iterable[Table] = (), dialect: Dialect = "duckdb",
    sources: Mapping[str, str] | None = None,
) -> CompiledQuery:  # fmt: skip
    """Make SQL of an ADQL query.

    Parameters
    ----------
    query
        ADQL 2.1.
    tables
        The tables it may read.
    uploads
        Tables uploaded with it (schema ``TAP_UPLOAD``); the database knows each
        under the one identifier ``"TAP_UPLOAD.name"``.
    dialect
        The database: ``duckdb`` or ``postgresql``.
    sources
        SQL that stands for a table in FROM, by its qualified name; without, the
        database knows it as ``"schema"."name"``.

    Raises
    ------
    AdqlError
        The query is not ADQL, names what is not there, or asks what cannot be computed.
    """
    resolved = resolve(parse(query), query, catalogue=Catalogue(tables, uploads=uploads, sources=sources))
    outputs = resolved.outputs or ()
    statement = resolved.statement
    return CompiledQuery(
        sql=StatementWriter(DATABASES[dialect], Reporter(query)).statement(statement, outputs),
        columns=tuple(output.column for output in outputs),
        tables=resolved.tables,
        top=statement.query.top if isinstance(statement.query, Select) else None,
    )


def check_query(query: str, *, tables: Iterable[Table] | None) -> None:
    """Refuse what is not ADQL 2.1.

    Parameters
    ----------
    query
        The text to check.
    tables
        The tables it may read; with ``None`` any table and column will do, and so
        will the user-defined functions of other services.

    Raises
    ------
    AdqlError
        If it is not.
    """
    statement = parse(query, foreign_functions=tables is None)
    resolve(statement, query, catalogue=None if tables is None else Catalogue(tables))

"""From the text of a query to SQL and the meaning of its columns."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlglot import expressions as exp

from service.adql.catalogue import Catalogue
from service.adql.databases import Dialect
from service.adql.errors import AdqlError
from service.adql.grammar import parse
from service.adql.resolve import resolve
from service.adql.resolve.problems import Reporter
from service.adql.tree import ALLOWED, Node
from service.adql.write import DATABASES, StatementWriter
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
    query: str, *, tables: Iterable[Table], uploads: Iterable[Table] = (), dialect: Dialect = "duckdb"
) -> CompiledQuery:
    """Make SQL of an ADQL query.

    Parameters
    ----------
    query
        ADQL 2.1.
    tables
        The tables it may read; the database knows them as ``"schema"."name"``.
    uploads
        Tables uploaded with it (schema ``TAP_UPLOAD``); the database knows each
        under the one identifier ``"TAP_UPLOAD.name"``.
    dialect
        The database: ``duckdb`` or ``postgresql``.

    Raises
    ------
    AdqlError
        The query is not ADQL, names what is not there, or asks what cannot be computed.
    """
    tree = parse(query)
    resolved = resolve(tree, query, catalogue=Catalogue(tables, uploads=uploads))
    require_allowed(tree)
    outputs = resolved.outputs or ()
    writer = StatementWriter(DATABASES[dialect], Reporter(query))
    limit = tree.args.get("limit")
    return CompiledQuery(
        sql=writer.statement(tree, outputs),
        columns=tuple(output.column for output in outputs),
        tables=resolved.tables,
        top=int(limit.expression.this) if isinstance(limit, exp.Limit) else None,
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
    tree = parse(query, foreign_functions=tables is None)
    resolve(tree, query, catalogue=None if tables is None else Catalogue(tables))
    require_allowed(tree)


def require_allowed(tree: Node) -> None:
    """Refuse a tree that holds a node outside the closed list (a defect of the parser, never of a user).

    Raises
    ------
    AdqlError
        At the first such node.
    """
    for node in tree.walk():
        if type(node) not in ALLOWED:
            raise AdqlError(f"{type(node).__name__} is not allowed in a query")

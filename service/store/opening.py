"""Opening a release file in DuckDB: read-only, behind views with the columns that are published.

The database itself is in memory; the file is attached to it read-only. Before
the first query, access to files, network and extensions is switched off and
the configuration is locked (DuckDB, "Securing DuckDB").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import duckdb
import pyarrow as pa

from service.adql import register_functions
from service.store import tap_schema
from vo_emline.candidates.citation import Citation
from vo_emline.candidates.columns import PUBLISHED, SPECTRA
from vo_emline.candidates.obscore import OBSCORE
from vo_emline.errors import DataError
from vo_emline.tables import Column, Table

CATALOG: Final = "release"
"""Name under which the file is attached; no published name starts with it."""

LOOKUPS: Final = 1000
"""Identifiers up to which each is looked up in the index; above, reading the column once is quicker."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """How a release is opened."""

    path: str
    """The DuckDB file. DuckDB opens no path twice in one process."""
    base_url: str
    """Address of the service, for the computed columns."""
    memory: int
    """Bytes for all queries of this opening together."""
    threads: int
    """Threads of the database; 0 for one per core."""
    spill: int
    """Bytes of disk for sorts larger than the memory."""
    spill_directory: str
    """Where."""


def connect(opening: Opening) -> duckdb.DuckDBPyConnection:
    """Open a release.

    Raises
    ------
    DataError
        The file is no release.
    duckdb.Error
        It cannot be opened.
    """
    database = _database(opening)
    try:
        location = opening.path.replace("'", "''")
        database.execute(f"ATTACH '{location}' AS {CATALOG} (READ_ONLY)")
        _publish(database, opening)
        register_functions(database)
        database.execute("SET enable_external_access = false")
        database.execute("SET lock_configuration = true")
    except BaseException:
        database.close()
        raise
    return database


def published_tables(database: duckdb.DuckDBPyConnection) -> tuple[Table, ...]:
    """Give the published tables that an attached release has, TAP_SCHEMA included."""
    present = _present(database)
    if SPECTRA.qualified_name not in present:
        raise DataError("", "not_a_release", f"it has no table {SPECTRA.qualified_name}")
    data = (*(table for table in PUBLISHED if table.qualified_name in present), OBSCORE)
    columns = database.execute(
        "SELECT schema_name || '.' || table_name || '.' || column_name FROM duckdb_columns() "
        "WHERE database_name = ?", [CATALOG],
    )  # fmt: skip
    require_columns(data[:-1], {name for (name,) in columns.fetchall()})
    return (*data, *tap_schema.TAP_SCHEMA)


def require_columns(tables: Sequence[Table], present: set[str]) -> None:
    """See that a release has every column that is published now.

    Parameters
    ----------
    tables
        Those that it has.
    present
        ``schema.table.column`` of the columns that it has.

    Raises
    ------
    DataError
        It lacks some: an older version made it.
    """
    wanted = [f"{table.qualified_name}.{column.name}" for table in tables for column in table.stored]
    if missing := [name for name in wanted if name not in present]:
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        raise DataError(
            "", "old_release",
            f"an older version of this program made it: it lacks {', '.join(missing[:3])}{more}; classify "
            "the survey again, and publish it again (vo-emline publish)",
        )  # fmt: skip


def has_table(database: duckdb.DuckDBPyConnection, table: Table) -> bool:
    """Tell whether an attached release has a table."""
    return table.qualified_name in _present(database)


def _present(database: duckdb.DuckDBPyConnection) -> set[str]:
    found = database.execute(
        "SELECT schema_name || '.' || table_name FROM duckdb_tables() WHERE database_name = ?", [CATALOG]
    )
    return {name for (name,) in found.fetchall()}


def _database(opening: Opening) -> duckdb.DuckDBPyConnection:
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": f"{opening.memory}B",
        "temp_directory": opening.spill_directory,
        "max_temp_directory_size": f"{opening.spill}B",
        "dynamic_or_filter_threshold": LOOKUPS,
        "python_enable_replacements": False,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "allow_community_extensions": False,
    }
    if opening.threads:
        config["threads"] = opening.threads
    return duckdb.connect(":memory:", config=config)


def _publish(database: duckdb.DuckDBPyConnection, opening: Opening) -> None:
    """Make the schemas, views and tables that queries may name."""
    tables = published_tables(database)
    for schema in tap_schema.schema_names(tables):
        database.execute(f"CREATE SCHEMA {schema}")
    for table in tables:
        if table not in tap_schema.TAP_SCHEMA:
            source = SPECTRA if table is OBSCORE else table
            database.execute(
                view_sql(table, source=f"{CATALOG}.{source.qualified_name}", base_url=opening.base_url)
            )
    facts = dict(database.execute(f"SELECT key, value FROM {CATALOG}.internal.metadata").fetchall())  # noqa: S608
    about = Citation.of(facts).summary
    for name, rows in tap_schema.rows(tables, about=about).items():
        _fill(database, tap_schema.TAP_SCHEMA, name, rows)


def _fill(
    database: duckdb.DuckDBPyConnection, tables: Sequence[Table], name: str, rows: list[dict[str, Any]]
) -> None:
    table = next(item for item in tables if item.name == name)
    columns = ", ".join(f'"{column.name}" {column.sql_type}' for column in table.columns)
    database.execute(f"CREATE TABLE {table.qualified_name} ({columns})")
    names = [column.name for column in table.columns]
    complete = [{key: row.get(key) for key in names} for row in rows]
    database.register("incoming", pa.Table.from_pylist(complete))
    database.execute(f"INSERT INTO {table.qualified_name} BY NAME SELECT * FROM incoming")  # noqa: S608
    database.unregister("incoming")


def view_sql(table: Table, *, source: str, base_url: str) -> str:
    """Give the ``CREATE VIEW`` of a published table over the stored columns of `source`."""
    columns = ", ".join(_select_item(column, base_url) for column in table.columns)
    return f"CREATE VIEW {table.qualified_name} AS SELECT {columns} FROM {source}"  # noqa: S608


def _select_item(column: Column, base_url: str) -> str:
    if column.computed is None:
        return f'"{column.name}"'
    expression = column.computed.replace("{base_url}", base_url.replace("'", "''"))
    return f'CAST({expression} AS {column.sql_type}) AS "{column.name}"'

"""One open release: the DuckDB file, read-only, behind views with the columns that are published.

The database itself is in memory; the file is attached to it read-only. Before
the first query, access to files, network and extensions is switched off and
the configuration is locked (DuckDB, "Securing DuckDB").
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa

from service.adql import register_functions
from service.config import Settings
from service.store import tap_schema
from service.urls import Urls
from vo_emline.candidates.columns import PUBLISHED, SPECTRA
from vo_emline.candidates.obscore import OBSCORE
from vo_emline.errors import DataError
from vo_emline.tables import Column, Table

CATALOG: Final = "release"
"""Name under which the file is attached; no published name starts with it."""

LOOKUPS: Final = 1000
"""Identifiers up to which each is looked up in the index; above, reading the column once is quicker."""


class Release:
    """An open release.

    Parameters
    ----------
    path
        The DuckDB file, made by :func:`vo_emline.candidates.release.build_release`.
    link
        Path under which to open it: DuckDB opens no path twice in one process.
    settings
        Limits on memory, threads and disk.
    urls
        Addresses for the computed columns.
    spill_directory
        Folder for sorts larger than the memory.

    Raises
    ------
    DataError
        The file is no release, or cannot be opened.
    """

    def __init__(
        self, path: Path, *, link: Path, settings: Settings, urls: Urls, spill_directory: Path
    ) -> None:
        self._database = _connect(settings=settings, spill_directory=spill_directory)
        try:
            _attach(self._database, link)
            self.tables = self._publish(path, urls=urls)
            """The published tables that this release has, TAP_SCHEMA included."""
            self.metadata: dict[str, str] = dict(
                self._fetch(f"SELECT key, value FROM {CATALOG}.internal.metadata")  # noqa: S608
            )
            """Facts about the run: identifier, versions, dates, counts."""
            self.counts = {table.qualified_name: self._count(table) for table in self.tables}
            """Number of rows of each published table, by qualified name."""
            register_functions(self._database)
            _lock(self._database)
        except duckdb.Error as error:
            self._database.close()
            reason = str(error).replace(str(link), str(path))
            raise DataError(str(path), "not_a_release", f"no release of this program: {reason}") from error
        except DataError:
            self._database.close()
            raise

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """Give a connection of its own for one query; close it afterwards."""
        return self._database.cursor()

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """Answer a query of the service itself, rows as dictionaries (never SQL made of user input)."""
        with self.cursor() as cursor:
            result = cursor.execute(sql, list(parameters))
            names = [item[0] for item in result.description]
            return [dict(zip(names, row, strict=True)) for row in result.fetchall()]

    def table(self, qualified_name: str) -> Table | None:
        """Give the published table of this name, in any case; None where there is none."""
        wanted = qualified_name.lower()
        return next((table for table in self.tables if table.qualified_name.lower() == wanted), None)

    def close(self) -> None:
        """Close the database; every query must have ended."""
        self._database.close()

    def _publish(self, path: Path, *, urls: Urls) -> tuple[Table, ...]:
        present = {
            f"{schema}.{name}"
            for schema, name in self._fetch(
                "SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = ?", [CATALOG]
            )
        }
        if SPECTRA.qualified_name not in present:
            raise DataError(str(path), "not_a_release", f"it has no table {SPECTRA.qualified_name}")
        data = (*(table for table in PUBLISHED if table.qualified_name in present), OBSCORE)
        tables = (*data, *tap_schema.TAP_SCHEMA)
        for schema in tap_schema.schema_names(tables):
            self._database.execute(f"CREATE SCHEMA {schema}")
        for table in data:
            source = SPECTRA if table is OBSCORE else table
            self._database.execute(view_sql(table, source=f"{CATALOG}.{source.qualified_name}", urls=urls))
        for name, rows in tap_schema.rows(tables).items():
            self._fill(tap_schema.TAP_SCHEMA, name, rows)
        return tables

    def _fill(self, tables: Sequence[Table], name: str, rows: list[dict[str, Any]]) -> None:
        table = next(item for item in tables if item.name == name)
        columns = ", ".join(f'"{column.name}" {column.sql_type}' for column in table.columns)
        self._database.execute(f"CREATE TABLE {table.qualified_name} ({columns})")
        names = [column.name for column in table.columns]
        complete = [{key: row.get(key) for key in names} for row in rows]
        self._database.register("incoming", pa.Table.from_pylist(complete))
        self._database.execute(f"INSERT INTO {table.qualified_name} BY NAME SELECT * FROM incoming")  # noqa: S608
        self._database.unregister("incoming")

    def _count(self, table: Table) -> int:
        return int(self._fetch(f"SELECT count(*) FROM {table.qualified_name}")[0][0])  # noqa: S608

    def _fetch(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        return self._database.execute(sql, list(parameters)).fetchall()


def view_sql(table: Table, *, source: str, urls: Urls) -> str:
    """Give the ``CREATE VIEW`` of a published table over the stored columns of `source`."""
    columns = ", ".join(_select_item(column, urls=urls) for column in table.columns)
    return f"CREATE VIEW {table.qualified_name} AS SELECT {columns} FROM {source}"  # noqa: S608


def _select_item(column: Column, *, urls: Urls) -> str:
    if column.computed is None:
        return f'"{column.name}"'
    expression = column.computed.replace("{base_url}", urls.base.replace("'", "''"))
    return f'CAST({expression} AS {column.sql_type}) AS "{column.name}"'


def _connect(*, settings: Settings, spill_directory: Path) -> duckdb.DuckDBPyConnection:
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": settings.memory,
        "temp_directory": str(spill_directory),
        "max_temp_directory_size": settings.spill,
        "dynamic_or_filter_threshold": LOOKUPS,
        "python_enable_replacements": False,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "allow_community_extensions": False,
    }
    if settings.threads:
        config["threads"] = settings.threads
    return duckdb.connect(":memory:", config=config)


def _attach(database: duckdb.DuckDBPyConnection, path: Path) -> None:
    location = str(path).replace("'", "''")
    database.execute(f"ATTACH '{location}' AS {CATALOG} (READ_ONLY)")


def _lock(database: duckdb.DuckDBPyConnection) -> None:
    database.execute("SET enable_external_access = false")
    database.execute("SET lock_configuration = true")

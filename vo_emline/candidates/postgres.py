"""The tables of a release in a PostgreSQL database: loaded beside the old ones, checked, exchanged.

The new tables are filled in one transaction, so that readers see the old ones until they see the new
ones, and an interrupted load leaves nothing behind.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pyarrow as pa
from pyarrow import csv

from vo_emline.candidates.columns import CUTOUTS, PUBLISHED, SPECTRA
from vo_emline.candidates.database import identifier, literal
from vo_emline.candidates.postgres_grants import copy_grants
from vo_emline.errors import ArchiveError, EmlineError, UserError
from vo_emline.tables import Column, Datatype, Table

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection
    from psycopg import Connection, Cursor

logger = logging.getLogger(__name__)

TYPES: Final[dict[Datatype, str]] = {
    "char": "text",
    "unicodeChar": "text",
    "boolean": "boolean",
    "short": "int2",
    "int": "int4",
    "long": "int8",
    "float": "float4",
    "double": "float8",
}
"""PostgreSQL column type of each VOTable type."""

BATCH: Final = 100_000
"""Rows that are sent in one piece."""

PATIENCE_S: Final = 60
"""How long dropping the old tables waits for their readers."""

LOADED: Final = "loaded"
"""Fact of the release in PostgreSQL: when it was loaded, ISO 8601."""

_METADATA: Final = "metadata"
_LOCK: Final = 0x656D6C696E65  # "emline": two loads into one database wait for each other


def load_postgres(release: Path, url: str) -> dict[str, int]:
    """Load the tables of a release into PostgreSQL, in place of those that are there.

    The schemas ``emline`` and ``internal`` are made anew, and what they held is
    dropped: nothing else should live in them. Who could read the old tables can
    read the new ones. Where the extension q3c is installed, positions are indexed with it.

    Parameters
    ----------
    release
        A release (DuckDB file).
    url
        Connection string: ``postgresql://user@host/name``, or ``host=… dbname=…``.

    Returns
    -------
    dict
        Rows of each table, by qualified name.

    Raises
    ------
    UserError
        The file is no release, or the connection string is wrong.
    ArchiveError
        The database cannot be reached, or refuses.
    EmlineError
        Rows were lost on the way.
    """
    import psycopg

    with _reading(release) as source:
        tables = _tables(source, release)
        try:
            with psycopg.connect(url) as connection:
                rows = _load(connection, source, tables)
        except psycopg.ProgrammingError as error:
            raise UserError(f"PostgreSQL refuses: {error}".rstrip()) from error
        except psycopg.Error as error:
            raise ArchiveError(
                f"loading into PostgreSQL failed, the old tables stay: {error}".rstrip()
            ) from error
    return rows


@contextmanager
def _reading(release: Path) -> Iterator[DuckDBPyConnection]:
    import duckdb

    try:
        with duckdb.connect(str(release), read_only=True) as source:
            yield source
    except duckdb.Error as error:
        raise UserError(f"{release} is no release: {error}") from error


def _tables(source: DuckDBPyConnection, release: Path) -> list[Table]:
    """Give the described tables that a release has."""
    sql = "SELECT schema_name || '.' || table_name FROM duckdb_tables()"
    present = {row[0] for row in source.sql(sql).fetchall()}
    if SPECTRA.qualified_name not in present:
        raise UserError(f"{release} is no release: it has no table {SPECTRA.qualified_name}")
    return [table for table in (*PUBLISHED, SPECTRA, CUTOUTS) if table.qualified_name in present]


def _load(connection: Connection, source: DuckDBPyConnection, tables: list[Table]) -> dict[str, int]:
    """Fill new schemas, put them in the place of the old ones, and drop those."""
    schemas = sorted({table.schema for table in tables})
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        has_q3c = cursor.execute("SELECT 1 FROM pg_extension WHERE extname = 'q3c'").fetchone() is not None
        for schema in schemas:
            cursor.execute(f"DROP SCHEMA IF EXISTS {_old(schema)} CASCADE")
            cursor.execute(f"CREATE SCHEMA {_new(schema)}")
        for table in tables:
            _create(cursor, table)
            _fill(cursor, source, table)
            _index(cursor, table, has_q3c=has_q3c)
        _copy_metadata(cursor, source)
        rows = {table.qualified_name: _require_all(cursor, source, table) for table in tables}
        for schema in schemas:
            _exchange(cursor, schema)
    _drop_old(connection, schemas)
    return rows


def _create(cursor: Cursor, table: Table) -> None:
    """Create an empty table that is described as TAP_SCHEMA will describe it."""
    name = _new(table.schema) + "." + identifier(table.name)
    columns = ", ".join(f"{identifier(column.name)} {TYPES[column.datatype]}" for column in table.stored)
    cursor.execute(f"CREATE TABLE {name} ({columns})")
    cursor.execute(f"COMMENT ON TABLE {name} IS {literal(table.description)}")
    for column in table.stored:
        text = literal(_comment(column))
        cursor.execute(f"COMMENT ON COLUMN {name}.{identifier(column.name)} IS {text}")


def _comment(column: Column) -> str:
    facts = [f"unit: {column.unit}" if column.unit else "", f"UCD: {column.ucd}" if column.ucd else ""]
    said = "; ".join(filter(None, facts))
    return f"{column.description} [{said}]" if said else column.description


def _fill(cursor: Cursor, source: DuckDBPyConnection, table: Table) -> None:
    """Send the rows of a table, a batch at a time."""
    names = ", ".join(identifier(column.name) for column in table.stored)
    target = f"{_new(table.schema)}.{identifier(table.name)}"
    rows = source.sql(f"SELECT {names} FROM {table.qualified_name}").to_arrow_reader(BATCH)  # noqa: S608
    with cursor.copy(f"COPY {target} ({names}) FROM STDIN (FORMAT csv, ENCODING 'UTF8')") as copy:
        for batch in rows:
            copy.write(csv_rows(batch))
    logger.info("%s is loaded", table.qualified_name)


def csv_rows(batch: pa.RecordBatch) -> memoryview:
    """Give rows as the CSV that ``COPY`` reads: texts in quotes, NULL as nothing.

    PostgreSQL holds no character 0 in a text; it is left out.
    """
    columns = [
        pa.compute.replace_substring(column, "\0", "") if pa.types.is_string(column.type) else column
        for column in batch.columns
    ]
    options = csv.WriteOptions(include_header=False, quoting_style="all_valid")
    buffer = io.BytesIO()
    csv.write_csv(pa.RecordBatch.from_arrays(columns, names=batch.schema.names), buffer, options)
    return buffer.getbuffer()


def _index(cursor: Cursor, table: Table, *, has_q3c: bool) -> None:
    """Index identifiers (each one only once), pixels and positions, and let the planner count."""
    name = f"{_new(table.schema)}.{identifier(table.name)}"
    indexed = [column for column in table.stored if column.indexed]
    places = {"ra", "dec"} & {column.name for column in indexed}
    for column in indexed:
        if not (has_q3c and column.name in places):
            unique = "UNIQUE " if column.unique else ""
            cursor.execute(f"CREATE {unique}INDEX ON {name} ({identifier(column.name)})")
    if has_q3c and places:
        cursor.execute(f"CREATE INDEX ON {name} (q3c_ang2ipix(ra, dec))")
    cursor.execute(f"ANALYZE {name}")


def _copy_metadata(cursor: Cursor, source: DuckDBPyConnection) -> None:
    name = f"{_new(SPECTRA.schema)}.{_METADATA}"
    cursor.execute(f"CREATE TABLE {name} (key text PRIMARY KEY, value text)")
    facts = source.sql(f"SELECT key, value FROM {SPECTRA.schema}.{_METADATA}").fetchall()  # noqa: S608
    facts = [*(fact for fact in facts if fact[0] != LOADED), (LOADED, datetime.now(UTC).isoformat())]
    cursor.executemany(f"INSERT INTO {name} VALUES (%s, %s)", facts)  # noqa: S608 - names of ours


def _exchange(cursor: Cursor, schema: str) -> None:
    """Put the new schema in the place of the old one. No table is locked: readers keep what they read."""
    if cursor.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", [schema]).fetchone():
        copy_grants(cursor, schema, f"{schema}_new")
        cursor.execute(f"ALTER SCHEMA {identifier(schema)} RENAME TO {_old(schema)}")
    cursor.execute(f"ALTER SCHEMA {_new(schema)} RENAME TO {identifier(schema)}")


def _drop_old(connection: Connection, schemas: list[str]) -> None:
    """Drop the old schemas when their last reader has ended; where that lasts, leave it to the next load."""
    import psycopg

    try:
        with connection.transaction(), connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL lock_timeout = '{PATIENCE_S}s'")
            for schema in schemas:
                cursor.execute(f"DROP SCHEMA IF EXISTS {_old(schema)} CASCADE")
    except psycopg.errors.LockNotAvailable:
        kept = ", ".join(f"{schema}_old" for schema in schemas)
        logger.warning("the old tables (%s) are still being read; the next load drops them", kept)


def _require_all(cursor: Cursor, source: DuckDBPyConnection, table: Table) -> int:
    """See that all rows have arrived; give their number."""
    sent = source.sql(f"SELECT count(*) FROM {table.qualified_name}").fetchall()[0][0]  # noqa: S608
    target = f"{_new(table.schema)}.{identifier(table.name)}"
    found = cursor.execute(f"SELECT count(*) FROM {target}").fetchone()  # noqa: S608
    if found is None or found[0] != sent:
        raise EmlineError(f"{table.qualified_name}: {sent} rows were sent, PostgreSQL has {found}")
    return int(sent)


def _new(schema: str) -> str:
    return identifier(f"{schema}_new")


def _old(schema: str) -> str:
    return identifier(f"{schema}_old")

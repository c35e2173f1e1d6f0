"""Building the DuckDB file that the service publishes: sorted by position, indexed, checked, immutable."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from vo_emline.candidates.columns import CANDIDATES, PUBLISHED, REJECTS, SCORES, SPECTRA
from vo_emline.candidates.output import write_table
from vo_emline.candidates.quoting import identifier, literal
from vo_emline.candidates.rows import FROM_FILES, table_select
from vo_emline.candidates.workshop import Limits, workshop
from vo_emline.errors import UserError
from vo_emline.labels import LABELS
from vo_emline.tables import Table

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

PIXEL: Final = "hpx10"
BY_PLACE: Final = "ORDER BY hpx10, dec, obs_publisher_did"
"""Order of the rows of every table with positions; the last column makes it the same every time."""


def build_release(
    path: Path,
    *,
    spectra: pa.Table,
    scores: pa.Table | None = None,
    rejects: pa.Table | None = None,
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Write a release: ``emline.candidates``, ``emline.scores``, ``emline.rejects``, ``internal.spectra``.

    Parameters
    ----------
    path
        The DuckDB file; it is replaced in one step when everything is in it.
    spectra
        Index of the spectra, columns of :data:`SPECTRA` (``hpx10`` is computed here).
    scores
        Every classified spectrum, stored columns of :data:`SCORES` (``hpx10`` is computed here).
        Candidates are the rows whose label is not absorption. None where nothing was classified.
    rejects
        What could not be classified, columns of :data:`REJECTS`.
    metadata
        Facts about the run that the service shows (run id, model version, dates, counts).

    Raises
    ------
    UserError
        A table lacks a column, or an identifier occurs twice.
    """
    given = {SPECTRA: spectra}
    if scores is not None:
        given |= {
            SCORES: scores,
            REJECTS: arrow_schema(REJECTS).empty_table() if rejects is None else rejects,
        }
    with workshop(path, limits=Limits()) as database:
        for table, rows in given.items():
            database.register("incoming", rows)
            create_table(database, table, complete(database, table, "incoming"), order=BY_PLACE)
            database.unregister("incoming")
        finish(database, metadata=metadata or {})


def create_table(database: DuckDBPyConnection, table: Table, relation: str, *, order: str = "") -> None:
    """Write a published table.

    Parameters
    ----------
    database
        Where to.
    table
        Description of the table.
    relation
        What has its stored columns; others are left out.
    order
        ``ORDER BY …`` where the rows do not come in order; left out for tables without positions.
    """
    database.execute(f"CREATE SCHEMA IF NOT EXISTS {table.schema}")
    placed = order if PIXEL in (column.name for column in table.stored) else ""
    database.execute(f"CREATE TABLE {table.qualified_name} AS {table_select(table, relation)} {placed}")


def complete(database: DuckDBPyConnection, table: Table, relation: str) -> str:
    """See that `relation` has every stored column of `table`; give it, with pixels if they are missing.

    Raises
    ------
    UserError
        A column is missing.
    """
    present = set(database.sql(f"SELECT * FROM {relation}").columns)  # noqa: S608 - a name of ours
    missing = [column.name for column in table.stored if column.name not in present | {PIXEL}]
    if missing:
        raise UserError(f"rows for {table.qualified_name} lack the columns {', '.join(missing)}")
    if PIXEL in present or PIXEL not in (column.name for column in table.stored):
        return relation
    return f"(SELECT *, {FROM_FILES[PIXEL]} AS {PIXEL} FROM {relation})"  # noqa: S608


def finish(database: DuckDBPyConnection, *, metadata: Mapping[str, str]) -> None:
    """Add what follows from spectra, scores and rejects: candidates, indexes and the facts about the run.

    Raises
    ------
    UserError
        An identifier occurs twice.
    """
    index_identifiers(database, SPECTRA)
    if _exists(database, SCORES):
        candidates = f"(SELECT * FROM {SCORES.qualified_name} WHERE label <> {literal(LABELS[0])})"  # noqa: S608
        create_table(database, CANDIDATES, candidates)
        for table in (SCORES, CANDIDATES):
            index_identifiers(database, table)
    database.execute("CREATE TABLE internal.metadata (key VARCHAR PRIMARY KEY, value VARCHAR)")
    for fact in metadata.items():
        database.execute("INSERT INTO internal.metadata VALUES (?, ?)", list(fact))


def index_identifiers(database: DuckDBPyConnection, table: Table) -> None:
    """Let a row be found by its identifiers without reading the others, and make sure there is one only.

    Raises
    ------
    UserError
        An identifier occurs twice.
    """
    import duckdb

    name = table.qualified_name
    for column in (column.name for column in table.stored if column.indexed and column.is_text):
        try:
            database.execute(f"CREATE UNIQUE INDEX {table.name}_{column} ON {name} ({identifier(column)})")
        except duckdb.ConstraintException as error:
            sql = f"SELECT {column} FROM {name} GROUP BY 1 HAVING count(*) > 1 LIMIT 1"  # noqa: S608
            twice = database.execute(sql).fetchall()[0][0]
            raise UserError(f"{column} {twice} occurs twice in {name}: identifiers are unique") from error


def read_release(path: Path, table: Table) -> pa.Table:
    """Read the stored columns of a table of a release, rows in its order."""
    import duckdb

    with duckdb.connect(str(path), read_only=True) as database:
        rows: pa.Table = database.sql(f"FROM {table.qualified_name}").to_arrow_reader().read_all()
    return rows


def arrow_schema(table: Table) -> pa.Schema:
    """Give the Arrow schema of the stored columns of `table`."""
    types = {
        "VARCHAR": pa.string(), "BOOLEAN": pa.bool_(), "SMALLINT": pa.int16(), "INTEGER": pa.int32(),
        "BIGINT": pa.int64(), "REAL": pa.float32(), "DOUBLE": pa.float64(),
    }  # fmt: skip
    return pa.schema([(column.name, types[column.sql_type]) for column in table.stored])


def _exists(database: DuckDBPyConnection, table: Table) -> bool:
    sql = "SELECT count(*) FROM duckdb_tables() WHERE schema_name = ? AND table_name = ?"
    return bool(database.execute(sql, [table.schema, table.name]).fetchall()[0][0])


def write_tables(release: Path, folder: Path) -> None:
    """Write the published tables of a release for other programs, as Parquet and VOTable."""
    for table in PUBLISHED:
        rows = read_release(release, table)
        for suffix in (".parquet", ".vot"):
            write_table(rows, folder / f"{table.name}{suffix}", description=table)

"""Building the DuckDB file that the service publishes: sorted by position, immutable, renamed into place."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from vo_emline.candidates.columns import CANDIDATES, HPX_ORDER, REJECTS, SCORES, SPECTRA
from vo_emline.errors import UserError
from vo_emline.files import atomic_path
from vo_emline.labels import LABELS
from vo_emline.tables import Table

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def healpix(ra: npt.NDArray[Any], dec: npt.NDArray[Any]) -> pa.Array:
    """Give the HEALPix pixels (order 10, NESTED) of positions.

    Parameters
    ----------
    ra, dec
        ICRS, deg, shape (n,); NaN where unknown.

    Returns
    -------
    pyarrow.Array
        int32, NULL where the position is unknown.
    """
    from astropy import units as u
    from astropy.coordinates import Latitude, Longitude
    from cdshealpix.nested import lonlat_to_healpix

    known = np.isfinite(ra) & np.isfinite(dec)
    pixels = np.zeros(len(ra), dtype=np.int32)
    if known.any():
        pixels[known] = lonlat_to_healpix(
            Longitude(ra[known] * u.deg), Latitude(dec[known] * u.deg), depth=HPX_ORDER
        )
    return pa.array(pixels, mask=~known)


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
        A table lacks a column, or a publisher DID occurs twice.
    """
    import duckdb

    with atomic_path(path) as temporary:
        temporary.unlink()
        with duckdb.connect(str(temporary)) as database:
            database.execute("CREATE SCHEMA emline; CREATE SCHEMA internal")
            _create(database, SPECTRA, spectra)
            _index_identifiers(database, SPECTRA)
            if scores is not None:
                _create(database, SCORES, scores)
                _index_identifiers(database, SCORES)
                database.execute(
                    f"CREATE TABLE {CANDIDATES.qualified_name} AS SELECT * FROM {SCORES.qualified_name} "  # noqa: S608
                    "WHERE label <> ? ORDER BY hpx10, dec",
                    [LABELS[0]],
                )
                _create(database, REJECTS, REJECTS_EMPTY if rejects is None else rejects)
            _create_metadata(database, metadata or {})


def arrow_schema(table: Table) -> pa.Schema:
    """Give the Arrow schema of the stored columns of `table`."""
    types = {
        "VARCHAR": pa.string(), "BOOLEAN": pa.bool_(), "SMALLINT": pa.int16(), "INTEGER": pa.int32(),
        "BIGINT": pa.int64(), "REAL": pa.float32(), "DOUBLE": pa.float64(),
    }  # fmt: skip
    return pa.schema([(column.name, types[column.sql_type]) for column in table.stored])


REJECTS_EMPTY = arrow_schema(REJECTS).empty_table()


def conform(table: Table, rows: pa.Table) -> pa.Table:
    """Bring `rows` to the stored columns of `table`: order, types, computed HEALPix pixel.

    Raises
    ------
    UserError
        A column is missing.
    """
    names = [column.name for column in table.stored]
    if "hpx10" in names and "hpx10" not in rows.column_names:
        position = [rows[name].to_numpy(zero_copy_only=False).astype(float) for name in ("ra", "dec")]
        rows = rows.append_column("hpx10", healpix(*position))
    missing = [name for name in names if name not in rows.column_names]
    if missing:
        raise UserError(f"rows for {table.qualified_name} lack the columns {', '.join(missing)}")
    return rows.select(names).cast(arrow_schema(table))


def _create(database: DuckDBPyConnection, table: Table, rows: pa.Table) -> None:
    conformed = conform(table, rows)
    order = "ORDER BY hpx10, dec" if "hpx10" in conformed.column_names else ""
    database.register("incoming", conformed)
    database.execute(f"CREATE TABLE {table.qualified_name} AS SELECT * FROM incoming {order}")  # noqa: S608
    database.unregister("incoming")


def _index_identifiers(database: DuckDBPyConnection, table: Table) -> None:
    """Let a row be found by its publisher DID without reading the others, and make sure there is one only."""
    import duckdb

    name = table.qualified_name
    try:
        database.execute(f"CREATE UNIQUE INDEX {table.name}_did ON {name} (obs_publisher_did)")
    except duckdb.ConstraintException as error:
        twice = database.execute(
            f"SELECT obs_publisher_did FROM {name} GROUP BY 1 HAVING count(*) > 1 LIMIT 1"  # noqa: S608
        ).fetchall()
        raise UserError(
            f"publisher DID {twice[0][0]} occurs twice in {name}: identifiers are unique"
        ) from error


def _create_metadata(database: DuckDBPyConnection, metadata: Mapping[str, str]) -> None:
    database.execute("CREATE TABLE internal.metadata (key VARCHAR PRIMARY KEY, value VARCHAR)")
    if metadata:
        database.executemany("INSERT INTO internal.metadata VALUES (?, ?)", list(metadata.items()))

"""A release as a HATS catalogue, which LSDB cross-matches with Gaia and others of its size.

HATS (Hierarchical Adaptive Tiling Scheme, IVOA Note 2025) is a folder of
Parquet files, one for each HEALPix pixel that holds no more than so many rows.
A release is sorted by position already, so that each of these files is one
range of its rows.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from vo_emline.candidates.columns import HPX_ORDER, OBJECTS, SCORES
from vo_emline.candidates.database import identifier
from vo_emline.candidates.nested import COLUMNS, NESTED, gather_spectra, nested_field, nested_select
from vo_emline.errors import EmlineError, UserError
from vo_emline.progress import track
from vo_emline.tables import Column, Table

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

ROWS: Final = 500_000
"""Most rows of a partition: some 100 MB in memory."""

SKYMAP_ORDER: Final = 7
"""HEALPix order of the map of the density of rows (0.46°)."""

INDEX: Final = "_healpix_29"
"""Column by which the rows of a partition are sorted: the pixel of order 29."""

_ROW_GROUP: Final = 100_000
_MEMORY: Final = "1GB"
"""What the database may hold of the release."""

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Tile:
    """A HEALPix pixel (NESTED) whose rows make one file."""

    order: int
    pixel: int

    def range(self, order: int) -> tuple[int, int]:
        """Give the first and last pixel of a finer `order` inside."""
        width = 4 ** (order - self.order)
        return self.pixel * width, (self.pixel + 1) * width - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class HatsSummary:
    """What was written."""

    rows: int
    partitions: int
    without_position: int
    """Rows that are left out, as they have no place on the sky."""


def write_hats(
    release: Path,
    directory: Path,
    *,
    table: Table = SCORES,
    rows_per_partition: int = ROWS,
    nested: bool = False,
) -> HatsSummary:
    """Write a table of a release as a HATS catalogue.

    The memory needed depends on `rows_per_partition`, not on the size of the
    table. The folder appears when it is complete; an older catalogue in its
    place is replaced.

    Parameters
    ----------
    release
        The DuckDB file (:func:`~vo_emline.candidates.build_release`).
    directory
        The catalogue; its name becomes the name of the catalogue.
    table
        Which of the published tables with positions.
    rows_per_partition
        A pixel with more rows is divided into four, down to order 10.
    nested
        Whether each star comes with its spectra (:mod:`vo_emline.candidates.nested`); of objects only.

    Returns
    -------
    HatsSummary
        Counts.

    Raises
    ------
    UserError
        The library ``hats`` is not installed, the release lacks the table or
        has no row with a position, `directory` holds something else, or spectra are asked for of spectra.
    """
    if nested and table is not OBJECTS:
        raise UserError(f"{table.qualified_name} has no spectra to nest: choose the table objects")
    _require_library()
    _require_free(directory)
    draft = directory.with_name(f".{directory.name}.part")
    shutil.rmtree(draft, ignore_errors=True)
    with _open(release, table, spill=draft) as database:
        counts, without_position = _count(database, table)
        if not counts.any():
            raise UserError(f"{table.qualified_name} of {release} has no row with a position")
        tiles = partition(counts, rows_per_partition)
        if nested:
            gather_spectra(database)
        for tile in track(tiles, "writing HATS", unit="partitions"):
            _write_tile(draft, tile, _rows(database, table, tile, nested=nested))
    defaults = [column.name for column in table.stored if column.principal] + [NESTED] * nested
    _write_metadata(
        draft, directory.name, table, tiles=tiles, counts=counts, most=rows_per_partition, defaults=defaults
    )
    shutil.rmtree(draft / ".spill", ignore_errors=True)
    shutil.rmtree(directory, ignore_errors=True)
    draft.rename(directory)
    return HatsSummary(rows=int(counts.sum()), partitions=len(tiles), without_position=without_position)


def partition(counts: Counts, most: int) -> list[Tile]:
    """Divide the sky so that no pixel has more than `most` rows, unless it is one of the finest.

    Parameters
    ----------
    counts
        Rows in each pixel of order 10, NESTED, shape (12 · 4¹⁰,).
    most
        Rows of a pixel.

    Returns
    -------
    list of Tile
        The pixels with rows, in the order of the sky.
    """
    tiles: list[Tile] = []
    open_pixels = np.arange(12)
    for order in range(HPX_ORDER + 1):
        rows = _coarser(counts, order)
        open_pixels = open_pixels[rows[open_pixels] > 0]
        small = rows[open_pixels] <= most if order < HPX_ORDER else np.ones(len(open_pixels), dtype=bool)
        tiles += [Tile(order, pixel) for pixel in open_pixels[small].tolist()]
        open_pixels = (4 * open_pixels[~small][:, None] + np.arange(4)).ravel()
    return sorted(tiles, key=lambda tile: tile.range(HPX_ORDER))


def schema(table: Table, *, nested: bool = False) -> pa.Schema:
    """Give the columns of the files, each with unit, UCD and description in its metadata."""
    fields = [pa.field(INDEX, pa.int64(), metadata={"description": "HEALPix pixel of order 29, NESTED"})]
    fields += map(_field, table.stored)
    return pa.schema([*fields, nested_field(list(map(_field, COLUMNS)))] if nested else fields)


def _field(column: Column) -> pa.Field:
    facts = {"description": column.description, "ucd": column.ucd, "unit": column.unit}
    return pa.field(column.name, column.arrow_type, metadata={k: v for k, v in facts.items() if v})


def _open(release: Path, table: Table, *, spill: Path) -> DuckDBPyConnection:
    import duckdb

    try:
        database = duckdb.connect(
            str(release),
            read_only=True,
            config={"memory_limit": _MEMORY, "temp_directory": str(spill / ".spill")},
        )
    except duckdb.Error as error:
        raise UserError(f"{release} is no release: {error}") from error
    sql = "SELECT count(*) FROM duckdb_tables() WHERE schema_name = ? AND table_name = ?"
    if database.execute(sql, [table.schema, table.name]).fetchall() == [(0,)]:
        database.close()
        raise UserError(f"{release} has no table {table.qualified_name}: nothing was classified")
    return database


def _count(database: DuckDBPyConnection, table: Table) -> tuple[Counts, int]:
    """Count the rows of each pixel of order 10, and those without a position."""
    sql = f"SELECT hpx10, count(*) AS n FROM {table.qualified_name} GROUP BY hpx10"  # noqa: S608 - names of ours
    found = database.sql(sql).to_arrow_table()
    placed = found.filter(found["hpx10"].is_valid())
    counts = np.zeros(12 * 4**HPX_ORDER, dtype=np.int64)
    counts[placed["hpx10"].to_numpy()] = placed["n"].to_numpy()
    return counts, sum(found["n"].to_pylist()) - int(counts.sum())


def _coarser(counts: Counts, order: int) -> Counts:
    """Count the rows of the pixels of a coarser order."""
    return np.asarray(counts.reshape(12 * 4**order, -1).sum(axis=1))


def _rows(database: DuckDBPyConnection, table: Table, tile: Tile, *, nested: bool) -> pa.Table:
    """Read the rows of a pixel, sorted by their pixel of order 29."""
    from hats.pixel_math.spatial_index import compute_spatial_index

    columns = ", ".join(identifier(column.name) for column in table.stored)
    sql = f"SELECT {columns} FROM {table.qualified_name} WHERE hpx10 BETWEEN $1 AND $2"  # noqa: S608
    sql = nested_select(columns) if nested else sql
    rows = database.sql(sql, params=list(tile.range(HPX_ORDER))).to_arrow_table()
    index = compute_spatial_index(rows["ra"].to_numpy(), rows["dec"].to_numpy()).astype(np.int64)
    indexed = rows.add_column(0, INDEX, pa.array(index)).cast(schema(table, nested=nested))
    return indexed.take(pa.array(np.argsort(index, kind="stable")))


def _write_tile(directory: Path, tile: Tile, rows: pa.Table) -> None:
    from hats.io import paths
    from hats.pixel_math.healpix_pixel import HealpixPixel

    path = Path(str(paths.pixel_catalog_file(directory, HealpixPixel(tile.order, tile.pixel))))
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(rows, path, compression="zstd", row_group_size=_ROW_GROUP)


def _write_metadata(
    directory: Path,
    name: str,
    table: Table,
    *,
    tiles: list[Tile],
    counts: Counts,
    most: int,
    defaults: list[str],
) -> None:
    from hats.catalog.dataset.table_properties import TableProperties
    from hats.catalog.partition_info import PartitionInfo
    from hats.io import paths
    from hats.io.file_io.file_io import write_fits_image
    from hats.io.parquet_metadata import write_parquet_metadata
    from hats.io.skymap import write_skymap
    from hats.pixel_math.healpix_pixel import HealpixPixel

    rows = write_parquet_metadata(directory, create_thumbnail=False)
    if rows != counts.sum():
        raise EmlineError(f"{rows} rows of {counts.sum()} are in {directory}: the release changed meanwhile")
    partitions = PartitionInfo([HealpixPixel(tile.order, tile.pixel) for tile in tiles])
    partitions.write_to_file(catalog_path=directory)
    sky = _coarser(counts, SKYMAP_ORDER)
    write_fits_image(sky, paths.get_point_map_file_pointer(directory))
    write_skymap(sky, directory)
    facts: dict[str, Any] = {
        "catalog_name": name,
        "catalog_type": "object" if table is OBJECTS else "source",
        "total_rows": int(rows),
        "ra_column": "ra",
        "dec_column": "dec",
        "healpix_column": INDEX,
        "healpix_order": 29,
        "default_columns": defaults,
        "skymap_order": SKYMAP_ORDER,
        "hats_max_rows": most,
        "moc_sky_fraction": partitions.calculate_fractional_coverage(),
    }
    provenance = TableProperties.new_provenance_dict(
        directory, builder=f"vo-emline v{version('vo-emline')}", obs_description=table.description
    )
    TableProperties(**facts, **provenance).to_properties_file(directory)


def _require_library() -> None:
    try:
        import hats  # noqa: F401
    except ImportError as error:
        raise UserError("the library hats is not installed; pip install 'vo-emline[hats]'") from error


def _require_free(directory: Path) -> None:
    """See that only an older catalogue would be replaced."""
    if directory.exists() and not (directory / "hats.properties").is_file() and any(_entries(directory)):
        raise UserError(f"{directory} holds something else than a HATS catalogue; give another folder")


def _entries(directory: Path) -> Iterator[Path]:
    if not directory.is_dir():
        raise UserError(f"{directory} is a file; give the name of a folder")
    return directory.iterdir()

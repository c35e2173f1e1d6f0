"""Described tables as files: CSV, VOTable, Parquet, FITS, ECSV by the suffix; of any size as a stream."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from vo_emline.candidates.columns import CANDIDATES
from vo_emline.candidates.database import Limits, connect, literal, naming_damage
from vo_emline.candidates.rows import SHARED, Provenance, classified_select, shared_dids_sql, table_select
from vo_emline.candidates.votable import write_votable
from vo_emline.errors import UserError
from vo_emline.files import atomic_path, room_for
from vo_emline.labels import LABELS
from vo_emline.tables import Column, Table

if TYPE_CHECKING:
    from astropy.table import Table as AstropyTable
    from duckdb import DuckDBPyConnection

_SPELT: Final = str.maketrans({"Å": "Angstrom", "–": "-", "−": "-", "α": "alpha"})
"""Characters of our own texts in ASCII."""


def write_table(rows: pa.Table, path: Path, *, description: Table) -> None:
    """Write `rows` to `path` in one step; the suffix chooses the format.

    Parameters
    ----------
    rows
        At least the columns of `description`, in any order.
    path
        ``.csv``, ``.vot``/``.xml``/``.votable``, ``.parquet``, ``.fits`` or ``.ecsv``.
    description
        Names, units, UCDs and texts, which go into every format that can hold them.

    Raises
    ------
    UserError
        The suffix is none of these.
    """
    writer = output_writer(path)
    names = [column.name for column in description.columns if column.name in rows.column_names]
    with atomic_path(path) as temporary:
        writer(rows.select(names), temporary, description)


def output_writer(path: Path) -> Callable[[pa.Table, Path, Table], None]:
    """Give the writer for the suffix of `path`, so that a wrong one is refused before the work begins.

    Raises
    ------
    UserError
        The suffix is not known.
    """
    writer = _WRITERS.get(path.suffix.lower())
    if writer is None:
        raise UserError(
            f"{path}: cannot write {path.suffix or 'a file without suffix'}; use {', '.join(_WRITERS)}"
        )
    return writer


def to_astropy(rows: pa.Table, description: Table) -> AstropyTable:
    """Turn `rows` into an astropy table with units, UCDs and descriptions; NULLs are masked (text: empty)."""
    from astropy.table import Table as AstropyTable

    table = AstropyTable(masked=True)
    for name in rows.column_names:
        column = description[name]
        table[name] = _masked(rows[name], column)
        table[name].unit = column.unit
        table[name].description = column.description
        table[name].meta["ucd"] = column.ucd
    return table


def described_schema(schema: pa.Schema, description: Table) -> pa.Schema:
    """Give `schema` with the unit, UCD and text of each column in the metadata of its field."""
    fields = []
    for field in schema:
        column = description[field.name]
        facts = {"unit": column.unit, "ucd": column.ucd, "description": column.description}
        fields.append(field.with_metadata({key: text for key, text in facts.items() if text}))
    return pa.schema(fields)


def arrow_schema(table: Table) -> pa.Schema:
    """Give the Arrow schema of the stored columns of `table`."""
    return pa.schema([(column.name, column.arrow_type) for column in table.stored])


def _masked(values: pa.ChunkedArray, column: Column) -> Any:
    if column.arraysize is not None:
        return np.ma.array([value or "" for value in values.to_pylist()], dtype=str)
    null = np.asarray(values.is_null())
    filled = values.fill_null(0).to_numpy()
    return np.ma.array(filled, mask=null)


def _write_csv(rows: pa.Table, path: Path, _: Table) -> None:
    from pyarrow import csv

    csv.write_csv(rows, path, csv.WriteOptions(quoting_style="needed"))


def _write_parquet(rows: pa.Table, path: Path, description: Table) -> None:
    from pyarrow import parquet

    parquet.write_table(rows.cast(described_schema(rows.schema, description)), path, compression="zstd")


def _write_votable(rows: pa.Table, path: Path, description: Table) -> None:
    write_votable(rows.to_batches(), path, description, names=rows.column_names)


def _write_ecsv(rows: pa.Table, path: Path, description: Table) -> None:
    to_astropy(rows, description).write(path, format="ascii.ecsv", overwrite=True)


def _write_fits(rows: pa.Table, path: Path, description: Table) -> None:
    """Write FITS, whose text is ASCII (FITS 4.0, section 7.3.1): other characters as ``\\xe9``."""
    for index, field in enumerate(rows.schema):
        if field.type == pa.string():
            texts = [_ascii(text or "") for text in rows[index].to_pylist()]
            rows = rows.set_column(index, field, pa.array(texts, pa.string()))
    to_astropy(rows, description).write(path, format="fits", overwrite=True)


def _ascii(text: str) -> str:
    return text.translate(_SPELT).encode("ascii", "backslashreplace").decode()


_WRITERS: dict[str, Callable[[pa.Table, Path, Table], None]] = {
    ".csv": _write_csv,
    ".vot": _write_votable,
    ".votable": _write_votable,
    ".xml": _write_votable,
    ".parquet": _write_parquet,
    ".fits": _write_fits,
    ".ecsv": _write_ecsv,
}


SPILL: Final = ".spill"
"""Folder in the directory of the survey for what the memory does not hold; removed at the end."""

BATCH: Final = 65_536
"""Rows that are held at a time."""


def write_candidates(survey: Path, *, provenance: Provenance, limits: Limits | None = None) -> int:
    """Write the candidates of a survey beside its shards: ``candidates.parquet`` and ``candidates.vot``.

    They are in the order of the inputs and have the identifiers that a
    release of the survey gives them.

    Parameters
    ----------
    survey
        Directory of the survey; its shards are finished.
    provenance
        Authority, run and model.
    limits
        Memory of the database.

    Returns
    -------
    int
        Number of candidates.

    Raises
    ------
    UserError
        There is no room for the tables, or a shard is damaged.
    """
    with naming_damage(survey), _candidates(survey, provenance, limits or Limits()) as batches:
        return stream_tables(batches, survey, description=CANDIDATES)


def stream_tables(batches: Iterable[pa.RecordBatch], folder: Path, *, description: Table) -> int:
    """Write a table as Parquet and VOTable, its stored columns, holding a batch at a time.

    Parameters
    ----------
    batches
        The rows, in batches of any size.
    folder
        Gets ``NAME.parquet`` and ``NAME.vot``.
    description
        The table.

    Returns
    -------
    int
        Number of rows.

    Raises
    ------
    UserError
        There is no room.
    """
    schema = arrow_schema(description)
    described = described_schema(schema, description)
    as_parquet, as_votable = (folder / f"{description.name}{suffix}" for suffix in (".parquet", ".vot"))
    with (
        room_for(as_parquet),
        atomic_path(as_parquet) as temporary,
        pq.ParquetWriter(temporary, described, compression="zstd") as writer,
    ):
        for batch in _even(batches):
            writer.write_batch(batch.cast(described))
    with room_for(as_votable), atomic_path(as_votable) as temporary, pq.ParquetFile(as_parquet) as file:
        write_votable(file.iter_batches(BATCH), temporary, description, names=schema.names)
    return int(pq.read_metadata(as_parquet).num_rows)


@contextmanager
def _candidates(survey: Path, provenance: Provenance, limits: Limits) -> Iterator[Iterable[pa.RecordBatch]]:
    """Give the candidates in batches of one size, in the order of the shards."""
    spill = survey / SPILL
    try:
        with connect(limits=limits, spill=spill) as database:
            files = sorted(map(str, survey.glob("scores-*.parquet")))
            database.read_parquet(files).create_view("described")
            shared = shared_dids_sql("described", authority=provenance.authority)
            database.execute(f"CREATE TEMP TABLE {SHARED} AS {shared}")
            yield _in_order(database, provenance)
    finally:
        shutil.rmtree(spill, ignore_errors=True)


def _in_order(database: DuckDBPyConnection, provenance: Provenance) -> Iterator[pa.RecordBatch]:
    found = f"(SELECT *, NULL AS known_as FROM described WHERE label <> {literal(LABELS[0])})"  # noqa: S608
    published = table_select(CANDIDATES, f"({classified_select(found, provenance)})")
    database.execute("SET threads = 1")  # one thread gives rows in the order of the files
    yield from database.sql(published).to_arrow_reader(BATCH)


def _even(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Give rows in batches of one size, so that equal rows make equal files."""
    rest: list[pa.RecordBatch] = []
    for batch in batches:
        rest.append(batch)
        if sum(map(len, rest)) >= BATCH:
            whole = pa.Table.from_batches(rest).combine_chunks()
            yield from whole.slice(0, BATCH).to_batches()
            rest = whole.slice(BATCH).to_batches()
    if rest:
        yield from pa.Table.from_batches(rest).combine_chunks().to_batches()

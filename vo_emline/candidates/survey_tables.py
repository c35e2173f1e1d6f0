"""The candidates of a survey as files for other programs: rows go through in batches, however many."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.parquet as pq

from vo_emline.candidates.columns import CANDIDATES
from vo_emline.candidates.identifiers import SHARED, shared_dids_sql
from vo_emline.candidates.output import described_schema
from vo_emline.candidates.quoting import literal
from vo_emline.candidates.release import arrow_schema
from vo_emline.candidates.rows import Provenance, classified_select, table_select
from vo_emline.candidates.votable import write_votable
from vo_emline.candidates.workshop import Limits, connect
from vo_emline.files import atomic_path, room_for
from vo_emline.labels import LABELS

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

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
        There is no room for the tables.
    """
    schema = arrow_schema(CANDIDATES)
    as_parquet, as_votable = (survey / f"{CANDIDATES.name}{suffix}" for suffix in (".parquet", ".vot"))
    described = described_schema(schema, CANDIDATES)
    with (
        room_for(as_parquet),
        atomic_path(as_parquet) as temporary,
        pq.ParquetWriter(temporary, described, compression="zstd") as writer,
        _candidates(survey, provenance, limits or Limits()) as batches,
    ):
        for batch in batches:
            writer.write_batch(batch.cast(described))
    with room_for(as_votable), atomic_path(as_votable) as temporary, pq.ParquetFile(as_parquet) as file:
        write_votable(file.iter_batches(BATCH), temporary, CANDIDATES, names=schema.names)
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
    rest: list[pa.RecordBatch] = []
    for batch in database.sql(published).to_arrow_reader(BATCH):
        rest.append(batch)
        if sum(map(len, rest)) >= BATCH:
            whole = pa.Table.from_batches(rest).combine_chunks()
            yield from whole.slice(0, BATCH).to_batches()
            rest = whole.slice(BATCH).to_batches()
    if rest:
        yield from pa.Table.from_batches(rest).combine_chunks().to_batches()

"""Building the DuckDB file that the service publishes: sorted by position, indexed, checked, immutable.

A release is made of tables in memory (:func:`build_release`) or of the shards of a classified survey
(:func:`release_survey`), whatever their number: the rows stay in the database. There they are read from the
shards once, given their identifiers and pixels, sorted, and kept in a draft; the published tables are taken
from it in order.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from vo_emline.candidates.changes import CHANGES_DRAFT, draft_changes
from vo_emline.candidates.columns import (
    CANDIDATES,
    CHANGES,
    COVERAGE,
    CUTOUTS,
    EPOCHS,
    KNOWN,
    OBJECTS,
    PUBLISHED,
    REJECTS,
    SAID,
    SCORES,
    SPECTRA,
)
from vo_emline.candidates.counted import ReleaseCounts, check, read_summary
from vo_emline.candidates.database import DRAFT, Limits, building, identifier, literal, naming_damage
from vo_emline.candidates.known import (
    KNOWN_DRAFT,
    Answers,
    NameKnown,
    keep_matches,
    prepare_matches,
    said_of_objects,
)
from vo_emline.candidates.moc import coverage_select
from vo_emline.candidates.objects import EPOCHS_DRAFT, OBJECTS_DRAFT, draft_objects
from vo_emline.candidates.output import BATCH, arrow_schema, stream_tables
from vo_emline.candidates.rows import (
    FROM_FILES,
    SHARED,
    Provenance,
    classified_select,
    missing_columns,
    rejects_select,
    shared_dids_sql,
    table_select,
)
from vo_emline.candidates.said import write_said
from vo_emline.errors import UserError
from vo_emline.files import require_space
from vo_emline.labels import LABELS
from vo_emline.tables import Table

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

PIXEL: Final = "hpx10"
_LONGEST: Final = 80
"""Characters up to which the releases of a survey are listed."""

BY_PLACE: Final = "ORDER BY hpx10, dec, obs_publisher_did"
"""Order of the rows of every table of spectra; the last column makes it the same every time."""


def build_release(
    path: Path,
    *,
    spectra: pa.Table,
    scores: pa.Table | None = None,
    rejects: pa.Table | None = None,
    cutouts: pa.Table | None = None,
    known: Answers | None = None,
    labels: pa.Table | None = None,
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
        What could not be read or classified, columns of :data:`REJECTS`.
    cutouts
        Pictures of candidates, columns of :data:`CUTOUTS`; None where there are none.
    known
        What catalogues say of the rows of `scores`; None where none was asked.
    labels
        What people say of them (:func:`~vo_emline.candidates.said.write_said`).
    metadata
        Facts about the run that the service shows (run id, model version, dates, counts).

    Raises
    ------
    UserError
        A table lacks a column, or an identifier occurs twice.
    """
    given = {SPECTRA: spectra}
    if scores is not None:
        empty = arrow_schema(CUTOUTS).empty_table()
        given |= {SCORES: scores, CUTOUTS: empty if cutouts is None else cutouts}
    if rejects is not None or scores is not None:
        given[REJECTS] = arrow_schema(REJECTS).empty_table() if rejects is None else rejects
    with building(path, limits=Limits()) as database:
        for table, rows in given.items():
            database.register("incoming", rows)
            create_table(database, table, complete(database, table, "incoming"), order=BY_PLACE)
            database.unregister("incoming")
        prepare_matches(database)
        if known is not None and scores is not None:
            files = dict(zip(spectra["obs_publisher_did"].to_pylist(), spectra["path"], strict=True))
            named = [files[did].as_py() for did in scores["obs_publisher_did"].to_pylist()]
            keep_matches(database, pa.chunked_array([named], pa.string()), known)
        collections = f"SELECT obs_publisher_did, collection, path FROM {SPECTRA.qualified_name}"  # noqa: S608
        classified = f"(FROM {SCORES.qualified_name} JOIN ({collections}) USING (obs_publisher_did))"
        finish(database, classified, metadata=metadata or {}, previous=path, labels=labels)


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


def finish(
    database: DuckDBPyConnection,
    classified: str,
    *,
    metadata: Mapping[str, str],
    previous: Path,
    labels: pa.Table | None = None,
) -> None:
    """Add what follows from spectra, scores and rejects: candidates, stars, indexes, facts about the run.

    Parameters
    ----------
    database
        The release.
    classified
        Relation of the scores with the ``collection`` of each.
    metadata
        Facts about the run.
    previous
        The release that this one replaces, where there is one: stars keep their identifiers.
    labels
        What people say of the spectra (:func:`~vo_emline.candidates.said.write_said`).

    Raises
    ------
    UserError
        An identifier occurs twice.
    """
    index_identifiers(database, SPECTRA)
    changed: dict[str, str] = {}
    if _exists(database, SCORES):
        candidates = f"(SELECT * FROM {SCORES.qualified_name} WHERE label <> {literal(LABELS[0])})"  # noqa: S608
        create_table(database, CANDIDATES, candidates)
        write_stars(database, classified, previous=previous)
        changed = draft_changes(database, run_id=metadata.get("run_id", ""), previous=previous)
        create_table(database, CHANGES, f"(FROM {CHANGES_DRAFT} ORDER BY change, candidate_id)")
        create_table(database, COVERAGE, f"({coverage_select(classified)})")
        write_said(database, labels)
        for table in (SCORES, CANDIDATES, CUTOUTS, CHANGES, SAID):
            index_identifiers(database, table)
    database.execute("CREATE TABLE internal.metadata (key VARCHAR PRIMARY KEY, value VARCHAR)")
    for fact in (made_facts(database) | changed | dict(metadata)).items():
        database.execute("INSERT INTO internal.metadata VALUES (?, ?)", list(fact))


def write_stars(database: DuckDBPyConnection, classified: str, *, previous: Path) -> None:
    """Write the stars, which spectra are of which, and what catalogues call them.

    Parameters
    ----------
    database, classified, previous
        See :func:`finish`.

    Raises
    ------
    UserError
        An identifier occurs twice.
    """
    draft_objects(database, classified, previous=previous)
    said = f"({said_of_objects(database, OBJECTS_DRAFT)})"
    create_table(database, OBJECTS, complete(database, OBJECTS, said), order="ORDER BY hpx10, dec, object_id")
    epochs = f"(FROM {EPOCHS_DRAFT} ORDER BY object_id, epoch_mjd, candidate_id)"
    create_table(database, EPOCHS, epochs)
    create_table(database, KNOWN, f"(FROM {KNOWN_DRAFT} ORDER BY object_id, catalogue)")
    for table in (OBJECTS, EPOCHS):
        index_identifiers(database, table)


def made_facts(database: DuckDBPyConnection) -> dict[str, str]:
    """Say when a release was made, by which version of this program, and of whose spectra."""
    found = database.sql(
        f"SELECT collection, string_agg(DISTINCT nullif(release, ''), ', ' ORDER BY nullif(release, '')) "  # noqa: S608
        f"FROM {SPECTRA.qualified_name} WHERE collection <> '' GROUP BY 1 ORDER BY 1"
    ).fetchall()
    surveys = [
        f"{name} ({releases})" if releases and len(releases) < _LONGEST else name for name, releases in found
    ]
    facts = {
        "published": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "software": f"vo-emline {version('vo-emline')}",
    }
    return facts | ({"surveys": "; ".join(surveys)} if surveys else {})


def index_identifiers(database: DuckDBPyConnection, table: Table) -> None:
    """Let a row be found by its identifiers without reading the others, and make sure there is one only.

    Raises
    ------
    UserError
        An identifier occurs twice.
    """
    import duckdb

    name = table.qualified_name
    for column in (column.name for column in table.stored if column.unique):
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


def _exists(database: DuckDBPyConnection, table: Table) -> bool:
    sql = "SELECT count(*) FROM duckdb_tables() WHERE schema_name = ? AND table_name = ?"
    return bool(database.execute(sql, [table.schema, table.name]).fetchall()[0][0])


def write_tables(release: Path, folder: Path) -> None:
    """Write the published tables of a release for other programs, as Parquet and VOTable."""
    import duckdb

    with duckdb.connect(str(release), read_only=True) as database:
        for table in PUBLISHED:
            rows = database.sql(f"FROM {table.qualified_name}").to_arrow_reader(BATCH)
            stream_tables(rows, folder, description=table)


logger = logging.getLogger(__name__)

DISK_PER_ROW: Final = 1_000
"""Bytes of disk that are asked for per row: twice what building takes, sorting on the disk included."""

_CLASSIFIED: Final = f"{DRAFT}.classified"
_KNOWN: Final = f"{DRAFT}.known"
_BATCH: Final = 50_000


def release_survey(
    path: Path,
    survey: Path,
    *,
    provenance: Provenance,
    metadata: Mapping[str, str] | None = None,
    folder: Path | None = None,
    name_known: NameKnown | None = None,
    labels: pa.Table | None = None,
    limits: Limits | None = None,
    previous: Path | None = None,
) -> ReleaseCounts:
    """Write the release of a finished survey.

    Parameters
    ----------
    path
        The release; it is replaced in one step when all is in it and checked.
    survey
        Folder of the shards.
    provenance
        Authority, run and model.
    metadata
        More facts about the run that the service shows.
    folder
        From where relative paths of files start; by default the current folder.
    name_known
        Asked about candidates; None where no catalogue is.
    labels
        What people say of the spectra (:func:`~vo_emline.candidates.said.write_said`).
    limits
        Memory and threads.
    previous
        The release before this one; by default that which is replaced.

    Returns
    -------
    ReleaseCounts
        The rows, which agree with the survey's own summary.

    Raises
    ------
    UserError
        The survey is not finished, the disk is too small, or an identifier occurs twice.
    EmlineError
        The rows do not agree with the summary.
    """
    summary = read_summary(survey)
    require_space(path.parent, DISK_PER_ROW * summary["inputs"])
    with building(path, limits=limits or Limits()) as database, naming_damage(survey):
        open_shards(database, survey, folder=folder or Path.cwd())
        logger.info("sorting %d spectra", summary["inputs"])
        _draft(database, provenance=provenance, name_known=name_known)
        logger.info("writing the tables")
        for table in (SPECTRA, SCORES):
            create_table(database, table, _CLASSIFIED)
        create_table(database, CUTOUTS, f"(SELECT * FROM {_CLASSIFIED} WHERE cutout IS NOT NULL)")  # noqa: S608
        create_table(database, REJECTS, f"({rejects_select('missed', run_id=provenance.run_id)})")
        facts = {"authority": provenance.authority} | provenance.metadata() | dict(metadata or {})
        finish(database, _CLASSIFIED, metadata=facts, previous=previous or path, labels=labels)
        return check(database, summary)


def open_shards(database: DuckDBPyConnection, survey: Path, *, folder: Path) -> None:
    """Make the shards of a survey readable as ``described`` (its paths absolute) and ``missed``.

    Raises
    ------
    UserError
        There are none.
    """
    for relation, kind in (("found", "scores"), ("missed", "rejects")):
        files = sorted(map(str, survey.glob(f"{kind}-*.parquet")))
        if not files:
            raise UserError(f"{survey} holds no shards of {kind}")
        shards = database.read_parquet(files)
        if kind == "scores" and "cutout" not in shards.columns:  # a survey of before there were pictures
            shards = shards.project("*, CAST(NULL AS VARCHAR) AS cutout")
        shards.create_view(relation)
    start = literal(f"{folder.absolute()}/")
    source = f"CASE WHEN starts_with(source, '/') THEN source ELSE {start} || source END"
    database.execute(f"CREATE TEMP VIEW described AS SELECT * REPLACE ({source} AS source) FROM found")  # noqa: S608


def _draft(database: DuckDBPyConnection, *, provenance: Provenance, name_known: NameKnown | None) -> None:
    """Write all that is published of classified spectra, in order."""
    if missing := missing_columns(database.sql("FROM described").columns):
        raise UserError(
            f"the scores lack {', '.join(missing)}: they were made by an older version; classify again"
        )
    shared = shared_dids_sql("described", authority=provenance.authority)
    database.execute(f"CREATE TEMP TABLE {SHARED} AS {shared}")
    database.execute(f"CREATE TABLE {_KNOWN} (source VARCHAR, known_as VARCHAR)")
    prepare_matches(database)
    if name_known is not None:
        _ask(database, name_known)
    rows = classified_select(f"described LEFT JOIN {_KNOWN} USING (source)", provenance)
    database.execute(f"CREATE TABLE {_CLASSIFIED} AS {rows} {BY_PLACE}")


def _ask(database: DuckDBPyConnection, name_known: NameKnown) -> None:
    """Keep what catalogues say of the candidates, a batch at a time."""
    candidates = (
        f"SELECT source, label, designation, ra, dec FROM described WHERE label <> {literal(LABELS[0])}"  # noqa: S608
    )
    with database.cursor() as writer:
        for batch in database.sql(candidates).to_arrow_reader(_BATCH):
            rows = pa.Table.from_batches([batch])
            answers = name_known(rows)
            writer.register("named", pa.table({"source": rows["source"], "known_as": answers.said}))
            writer.execute(f"INSERT INTO {_KNOWN} FROM named")
            writer.unregister("named")
            keep_matches(writer, rows["source"], answers)

"""From the shards of a classified survey to a release, whatever their number: the rows stay in the database.

The rows are read from the shards once, given their identifiers and pixels,
sorted, and kept in a draft; the published tables are taken from it in order.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from vo_emline.candidates.columns import CANDIDATES, REJECTS, SCORES, SPECTRA
from vo_emline.candidates.identifiers import SHARED, shared_dids_sql
from vo_emline.candidates.quoting import literal
from vo_emline.candidates.release import BY_PLACE, create_table, finish
from vo_emline.candidates.rows import Provenance, classified_select, missing_columns, rejects_select
from vo_emline.candidates.workshop import DRAFT, Limits, workshop
from vo_emline.errors import EmlineError, UserError
from vo_emline.files import require_space
from vo_emline.labels import LABELS
from vo_emline.survey.summary import SUMMARY
from vo_emline.tables import Table

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

logger = logging.getLogger(__name__)

NameKnown = Callable[[pa.Table], pa.Array]
"""Says what catalogues call candidates: ``designation``, ``ra``, ``dec``, ``label`` → text or NULL."""

DISK_PER_ROW: Final = 1_000
"""Bytes of disk that are asked for per row: twice what building takes, sorting on the disk included."""

_CLASSIFIED: Final = f"{DRAFT}.classified"
_KNOWN: Final = f"{DRAFT}.known"
_BATCH: Final = 50_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseCounts:
    """Rows of a release."""

    scores: int
    candidates: int
    rejects: int

    @property
    def inputs(self) -> int:
        """Spectra that were to be classified."""
        return self.scores + self.rejects


def release_survey(
    path: Path,
    survey: Path,
    *,
    provenance: Provenance,
    metadata: Mapping[str, str] | None = None,
    folder: Path | None = None,
    name_known: NameKnown | None = None,
    limits: Limits | None = None,
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
    limits
        Memory and threads.

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
    with workshop(path, limits=limits or Limits()) as database:
        _open_shards(database, survey, folder=folder or Path.cwd())
        logger.info("sorting %d spectra", summary["inputs"])
        _draft(database, provenance=provenance, name_known=name_known)
        logger.info("writing the tables")
        for table in (SPECTRA, SCORES):
            create_table(database, table, _CLASSIFIED)
        create_table(database, REJECTS, f"({rejects_select('missed', run_id=provenance.run_id)})")
        finish(database, metadata=provenance.metadata() | dict(metadata or {}))
        return check(database, summary)


def read_summary(survey: Path) -> dict[str, Any]:
    """Read what became of the inputs of a survey.

    Raises
    ------
    UserError
        The survey is not finished.
    """
    path = survey / SUMMARY
    if not path.is_file():
        raise UserError(
            f"{survey} holds no finished survey (there is no {SUMMARY}); start the command that classifies "
            "it again, it goes on where it stood"
        )
    summary: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return summary


def check(database: DuckDBPyConnection, summary: Mapping[str, Any]) -> ReleaseCounts:
    """See that the tables hold what the survey says it found.

    Raises
    ------
    EmlineError
        They do not.
    """
    rows = {table: _count(database, table) for table in (SPECTRA, SCORES, CANDIDATES, REJECTS)}
    labels = database.sql(f"SELECT label, count(*) FROM {SCORES.qualified_name} GROUP BY 1").fetchall()  # noqa: S608
    stated = {label: count for label, count in summary["classes"].items() if count}
    found_and_stated = {
        "inputs": (rows[SCORES] + rows[REJECTS], summary["inputs"]),
        "classes": (dict(labels), stated),
        "candidates": (rows[CANDIDATES], sum(stated.values()) - stated.get(LABELS[0], 0)),
        "rejects": (rows[REJECTS], sum(summary["rejects"].values())),
        "spectra": (rows[SPECTRA], sum(stated.values())),
    }
    for what, (found, said) in found_and_stated.items():
        if found != said:
            raise EmlineError(
                f"the shards do not hold what their {SUMMARY} says: {what} {found}, not {said}; "
                "rows were lost or doubled, classify the survey again"
            )
    return ReleaseCounts(scores=rows[SCORES], candidates=rows[CANDIDATES], rejects=rows[REJECTS])


def _count(database: DuckDBPyConnection, table: Table) -> int:
    return int(database.sql(f"SELECT count(*) FROM {table.qualified_name}").fetchall()[0][0])  # noqa: S608


def _open_shards(database: DuckDBPyConnection, survey: Path, *, folder: Path) -> None:
    """Make the shards readable as ``described`` (its paths absolute) and ``missed``."""
    for relation, kind in (("found", "scores"), ("missed", "rejects")):
        files = sorted(map(str, survey.glob(f"{kind}-*.parquet")))
        if not files:
            raise UserError(f"{survey} holds no shards of {kind}")
        database.read_parquet(files).create_view(relation)
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
            writer.register("named", pa.table({"source": rows["source"], "known_as": name_known(rows)}))
            writer.execute(f"INSERT INTO {_KNOWN} FROM named")
            writer.unregister("named")

"""What became of the candidates since the release before: the table ``emline.changes``.

A spectrum is known by its ``candidate_id``, which stays from release to release. A row is made where a
candidate is of a spectrum that the release before did not have (*appeared*), where the label of a spectrum
differs (*label changed*), and where the spectrum of a candidate of the release before is not in this one any
more (*withdrawn*). Spectra that are no candidates come and go without a row; metadata say how many.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Final

from vo_emline.candidates.columns import CHANGES, EPOCHS, SCORES, SPECTRA
from vo_emline.candidates.database import DRAFT, literal
from vo_emline.labels import LABELS

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

logger = logging.getLogger(__name__)

CHANGES_DRAFT: Final = f"{DRAFT}.changes"
"""Relation made by :func:`draft_changes`, with the stored columns of the published table."""

_BEFORE: Final = "earlier"


def draft_changes(database: DuckDBPyConnection, *, run_id: str, previous: Path | None) -> dict[str, str]:
    """Make the rows of ``emline.changes``; none where there is no release before.

    Parameters
    ----------
    database
        The release, with its scores and epochs.
    run_id
        Its run. Where the release before is of the same run, what that one said of changes still holds.
    previous
        The release before this one; None, or no file, where there is none.

    Returns
    -------
    dict
        Facts for the metadata: the run before, and how many spectra came and went.
    """
    columns = ", ".join(f"{column.name} {column.sql_type}" for column in CHANGES.stored)
    database.execute(f"CREATE TABLE {CHANGES_DRAFT} ({columns})")
    if previous is None or not previous.is_file() or not _attach(database, previous):
        return {}
    try:
        before = _fact(database, "run_id")
        if before and before == run_id:
            return _keep(database)
        return _compare(database, before)
    finally:
        database.execute(f"DETACH {_BEFORE}")


def _attach(database: DuckDBPyConnection, previous: Path) -> bool:
    """Open the release before, if it is one that has scores."""
    import duckdb

    try:
        database.execute(f"ATTACH {literal(str(previous))} AS {_BEFORE} (READ_ONLY)")
        database.execute(
            f"SELECT candidate_id, label, score, designation FROM {_BEFORE}.{SCORES.qualified_name} LIMIT 0"  # noqa: S608
        )
        database.execute(f"SELECT key, value FROM {_BEFORE}.internal.metadata LIMIT 0")  # noqa: S608
    except duckdb.Error as error:
        logger.warning("%s is no release that this one could be compared with: %s", previous, error)
        database.execute(f"DETACH DATABASE IF EXISTS {_BEFORE}")
        return False
    return True


def _fact(database: DuckDBPyConnection, key: str) -> str:
    found = database.execute(
        f"SELECT value FROM {_BEFORE}.internal.metadata WHERE key = ?",  # noqa: S608 - a name of ours
        [key],
    ).fetchall()
    return str(found[0][0]) if found else ""


def _keep(database: DuckDBPyConnection) -> dict[str, str]:
    """Take over what the release before said, which was made of the same run."""
    names = ", ".join(column.name for column in CHANGES.stored)
    if _has(database, CHANGES.name):
        database.execute(
            f"INSERT INTO {CHANGES_DRAFT} SELECT {names} FROM {_BEFORE}.{CHANGES.qualified_name}"  # noqa: S608
        )
    facts = {key: _fact(database, key) for key in ("previous_run_id", "spectra_new", "spectra_gone")}
    return {key: text for key, text in facts.items() if text}


def _has(database: DuckDBPyConnection, table: str) -> bool:
    found = database.execute(
        "SELECT count(*) FROM duckdb_tables() "
        "WHERE database_name = ? AND schema_name = 'emline' AND table_name = ?",
        [_BEFORE, table],
    ).fetchall()
    return bool(found[0][0])


def _compare(database: DuckDBPyConnection, before: str) -> dict[str, str]:
    taken = "candidate_id, label, score, designation"
    absorption = literal(LABELS[0])
    database.execute(
        f"CREATE TEMP TABLE changed AS SELECT coalesce(n.candidate_id, o.candidate_id) AS candidate_id, "  # noqa: S608
        "coalesce(n.designation, o.designation) AS designation, "
        "CASE WHEN o.candidate_id IS NULL THEN 'appeared' WHEN n.candidate_id IS NULL THEN 'withdrawn' "
        "ELSE 'label changed' END AS change, o.label AS label_before, n.label AS label_now, "
        f"o.score AS score_before, n.score AS score_now, {literal(before)} AS run_before "
        f"FROM (SELECT {taken} FROM {SCORES.qualified_name}) n "
        f"FULL JOIN (SELECT {taken} FROM {_BEFORE}.{SCORES.qualified_name}) o USING (candidate_id) "
        f"WHERE coalesce(n.label, {absorption}) <> coalesce(o.label, {absorption})"
    )
    names = [column.name for column in CHANGES.stored if column.name != "object_id"]
    stars = [EPOCHS.qualified_name]
    if _has(database, EPOCHS.name):  # what was withdrawn is of a star of the release before
        stars.append(f"{_BEFORE}.{EPOCHS.qualified_name}")
    joins = " ".join(f"LEFT JOIN {star} e{at} USING (candidate_id)" for at, star in enumerate(stars))
    star = f"coalesce({', '.join(f'e{at}.object_id' for at in range(len(stars)))}, '')"
    database.execute(
        f"INSERT INTO {CHANGES_DRAFT} BY NAME "  # noqa: S608 - names of ours
        f"SELECT {', '.join(f'c.{name}' for name in names)}, {star} AS object_id FROM changed c {joins}"
    )
    database.execute("DROP TABLE changed")
    here, there = SPECTRA.qualified_name, f"{_BEFORE}.{SPECTRA.qualified_name}"
    return {
        "previous_run_id": before,
        "spectra_new": str(_only_in(database, here, there)),
        "spectra_gone": str(_only_in(database, there, here)),
    }


def _only_in(database: DuckDBPyConnection, one: str, other: str) -> int:
    """Count the spectra of one index that another does not have."""
    sql = f"SELECT count(*) FROM {one} ANTI JOIN {other} USING (obs_publisher_did)"  # noqa: S608 - our names
    return int(database.sql(sql).fetchall()[0][0])

"""What a survey says became of its inputs, and whether a release holds just that."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vo_emline.candidates.columns import CANDIDATES, REJECTS, SCORES, SPECTRA
from vo_emline.errors import EmlineError, UserError
from vo_emline.labels import LABELS
from vo_emline.rundir import SUMMARY
from vo_emline.tables import Table

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


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


def read_summary(survey: Path) -> dict[str, Any]:
    """Read what became of the inputs of a survey.

    Raises
    ------
    UserError
        The survey is not finished, or its summary is damaged.
    """
    path = survey / SUMMARY
    if not path.is_file():
        raise UserError(
            f"{survey} holds no finished survey (there is no {SUMMARY}); start the command that classifies "
            "it again, it goes on where it stood"
        )
    try:
        summary: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if summary.keys() >= {"inputs", "classes", "rejects", "model_version"}:
            return summary
    except (OSError, ValueError, AttributeError) as error:
        reason = str(error)
    else:
        reason = "it does not say what became of the inputs"
    raise UserError(
        f"{path} is damaged ({reason}); start the command that classifies the survey again: it writes the "
        "summary anew from the shards, which are kept"
    )


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

"""What became of a survey, in words."""

from __future__ import annotations

from pathlib import Path

from vo_emline.labels import LABELS
from vo_emline.survey import SurveySummary, Tally


def describe(result: SurveySummary | Tally, directory: Path) -> str:
    """Say in a few lines what became of the inputs, and where it is.

    Parameters
    ----------
    result
        Of the whole survey, or of a part.
    directory
        Directory of the survey.
    """
    lines = [f"{result.classes.get(label, 0):10d}  {label}" for label in LABELS]
    lines += [f"{count:10d}  rejected: {code}" for code, count in sorted(result.rejects.items())]
    lines += [f"{result.inputs:10d}  inputs"]
    if isinstance(result, SurveySummary):
        return "\n".join([*lines, f"all in {directory}: candidates.vot, candidates.parquet, summary.json"])
    return "\n".join([*lines, "this part is done; when all are, start with --finish"])

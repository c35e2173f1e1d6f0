"""From probabilities to rows: labels, scores, flags, and what is measured of the lines of candidates.

Lines are measured once for all who ask: the flags, the columns and the regression of the model.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from vo_emline.labels import DOUBLE_PEAK, LABELS, PROBABILITY_COLUMNS
from vo_emline.measure.lines import EmissionLines
from vo_emline.measure.quantities import QUANTITIES, Estimates, estimates
from vo_emline.preprocess.identity import COVERAGE_SCHEMA, IDENTITY_SCHEMA
from vo_emline.preprocess.windows import Prepared
from vo_emline.rejects import Reject
from vo_emline.survey.flags import Candidates, find_candidates, flag
from vo_emline.survey.model import Predicted
from vo_emline.survey.options import SurveyOptions

if TYPE_CHECKING:
    from vo_emline.training.regression import LineRegression

SIGNIFICANCE: Final = "line_significance"
METHOD: Final = "line_method"

LINE_FIELDS: Final = (
    *((name, pa.float32()) for quantity in QUANTITIES for name in (quantity.name, quantity.error_name)),
    (SIGNIFICANCE, pa.float32()),
    (METHOD, pa.string()),
)
"""Columns of measured lines; NULL for spectra that are no candidates."""

_DOUBLE: Final = np.array([quantity.double for quantity in QUANTITIES])

SCORE_FIELDS: Final = (
    ("label", pa.string()),
    *((name, pa.float32()) for name in PROBABILITY_COLUMNS),
    ("score", pa.float32()),
    ("flags", pa.string()),
    *LINE_FIELDS,
)

SCORES_SCHEMA: Final = pa.schema([*IDENTITY_SCHEMA, *COVERAGE_SCHEMA, *SCORE_FIELDS])
"""Columns of the scores: who the spectrum is, what its file holds, label, probabilities, score, flags, and
what was measured of the lines of candidates."""

REJECTS_SCHEMA: Final = pa.schema([(name, pa.string()) for name in ("source", "code", "message")])
"""Columns of the rejects (:class:`~vo_emline.rejects.Reject`)."""


def tabulate(
    prepared: Prepared,
    predicted: Predicted,
    *,
    options: SurveyOptions,
    regression: LineRegression | None = None,
) -> tuple[pa.Table, pa.Table]:
    """Make the rows of windows whose probabilities are known, and measure the lines of candidates.

    Parameters
    ----------
    prepared
        The windows, n of them, and the rejects.
    predicted
        Class probabilities, shape (n, 3), and which of them a cascade has settled.
    options
        Limits for the flags.
    regression
        What measures the lines beside the classical measurement; None for that alone.

    Returns
    -------
    scores, rejects
        One row per window, columns of :data:`SCORES_SCHEMA`, and one per file without a score, columns of
        :data:`REJECTS_SCHEMA`.
    """
    windows, probability = prepared.windows, predicted.probability
    label = probability.argmax(axis=1)
    candidates = find_candidates(windows, label)
    columns: dict[str, Any] = {
        "label": pa.array(LABELS).take(pa.array(label)),
        **{name: probability[:, index] for index, name in enumerate(PROBABILITY_COLUMNS)},
        "score": probability[:, 1:].sum(axis=1),
        "flags": flag(windows, predicted, candidates, options=options),
        **line_columns(candidates, label, regression),
    }
    scored = windows.identity
    for name in COVERAGE_SCHEMA.names:
        known = pa.nulls(len(windows), COVERAGE_SCHEMA.field(name).type)
        scored = scored.append_column(name, known if windows.coverage is None else windows.coverage[name])
    for name, kind in SCORE_FIELDS:
        scored = scored.append_column(name, pa.array(columns[name], kind))
    usable = np.isfinite(probability).all(axis=1)
    lost = [
        Reject(source, "not_a_number", "the network gave no finite probability")
        for source in scored["source"].filter(pa.array(~usable)).to_pylist()
    ]
    return scored.filter(pa.array(usable)), reject_table([*prepared.rejects, *lost])


def line_columns(
    candidates: Candidates, label: npt.NDArray[np.integer[Any]], regression: LineRegression | None
) -> dict[str, pa.Array]:
    """Give the columns of measured lines.

    Parameters
    ----------
    candidates
        The spectra that are measured, and their lines.
    label
        Index of the class of every spectrum, shape (n,); only double-peaked ones have separation and V/R.
    regression
        The regression of the model; None to measure classically.

    Returns
    -------
    dict
        An array of length n for each of :data:`LINE_FIELDS`; NULL where nothing was measured.
    """
    rows, n = candidates.rows, len(label)
    found = _measured(candidates.lines, label[rows], regression)
    value, error = found.value, found.error
    parts = {name: value[:, j] for j, name in enumerate(quantity.name for quantity in QUANTITIES)}
    parts |= {quantity.error_name: error[:, j] for j, quantity in enumerate(QUANTITIES)}
    parts[SIGNIFICANCE] = np.abs(value[:, 0]) / error[:, 0]
    columns = {name: _spread(parts[name], rows, n) for name, _ in LINE_FIELDS if name != METHOD}
    method = np.full(n, None, dtype=object)
    method[rows] = method_text(regression)
    return {**columns, METHOD: pa.array(method, pa.string())}


def method_text(regression: LineRegression | None) -> str:
    """Say by which method lines are measured: ``network``, ``classical``, or which quantity by which."""
    if regression is None:
        return "classical"
    by_method: dict[str, list[str]] = {}
    for quantity, method in regression.description.methods.items():
        by_method.setdefault(method, []).append(quantity)
    if len(by_method) == 1:
        return next(iter(by_method))
    return "; ".join(f"{method}: {' '.join(by_method[method])}" for method in sorted(by_method))


def regression_of(scorer: object) -> LineRegression | None:
    """Give the regression that lies beside the model a scorer was loaded from; None where there is none.

    Raises
    ------
    UserError
        It is of another version.
    DataError
        Its weights are missing or damaged.
    """
    directory = getattr(scorer, "directory", None)
    return None if directory is None else _load(directory, getattr(scorer, "version", ""))


@lru_cache(maxsize=2)
def _load(directory: Path, _version: str) -> LineRegression | None:
    """Load a regression once in a process, and again when the model has another version."""
    from vo_emline.training.regression import LineRegression

    return LineRegression.load(directory)


def _measured(
    lines: EmissionLines, label: npt.NDArray[np.integer[Any]], regression: LineRegression | None
) -> Estimates:
    found = estimates(lines.measured) if regression is None else regression.measure(lines)
    known = np.isfinite(found.value) & np.isfinite(found.error)
    wanted = known & (~_DOUBLE | (label == DOUBLE_PEAK)[:, None])
    return Estimates(value=np.where(wanted, found.value, np.nan), error=np.where(wanted, found.error, np.nan))


def _spread(values: npt.NDArray[np.float64], rows: npt.NDArray[np.intp], n: int) -> pa.Array:
    """Put values at `rows` of an array of length `n`; the rest, and NaN, is NULL."""
    column = np.full(n, np.nan, dtype=np.float32)
    column[rows] = values
    return pa.array(column, from_pandas=True)


def reject_table(rejects: Sequence[Reject]) -> pa.Table:
    """Make a table of rejects."""
    return pa.table(
        {name: [getattr(reject, name) for reject in rejects] for name in REJECTS_SCHEMA.names},
        schema=REJECTS_SCHEMA,
    )

"""Measured lines of candidates: the columns of a survey's scores beside the label."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from vo_emline.labels import ABSORPTION, DOUBLE_PEAK
from vo_emline.measure.quantities import QUANTITIES, Estimates, measure_emission
from vo_emline.preprocess.windows import WindowSet

if TYPE_CHECKING:
    from vo_emline.measure.regression import LineRegression

SIGNIFICANCE: Final = "line_significance"
METHOD: Final = "line_method"

LINE_FIELDS: Final = (
    *((name, pa.float32()) for quantity in QUANTITIES for name in (quantity.name, quantity.error_name)),
    (SIGNIFICANCE, pa.float32()),
    (METHOD, pa.string()),
)
"""Columns of measured lines; NULL for spectra that are no candidates."""

_DOUBLE: Final = np.array([quantity.double for quantity in QUANTITIES])


def line_columns(
    windows: WindowSet, label: npt.NDArray[np.integer[Any]], regression: LineRegression | None
) -> dict[str, pa.Array]:
    """Measure the lines of candidates.

    Parameters
    ----------
    windows
        Windows, n of them.
    label
        Index of the class of each, shape (n,); only emission and double-peak are measured, and only of
        the latter separation and V/R.
    regression
        The regression of the model; None to measure classically.

    Returns
    -------
    dict
        An array of length n for each of :data:`LINE_FIELDS`; NULL where nothing was measured.
    """
    rows = np.flatnonzero(label != ABSORPTION)
    found = _measured(windows.take(rows), label[rows], regression)
    value, error = found.value, found.error
    parts = {name: value[:, j] for j, name in enumerate(quantity.name for quantity in QUANTITIES)}
    parts |= {quantity.error_name: error[:, j] for j, quantity in enumerate(QUANTITIES)}
    parts[SIGNIFICANCE] = np.abs(value[:, 0]) / error[:, 0]
    columns = {name: _spread(parts[name], rows, len(windows)) for name, _ in LINE_FIELDS if name != METHOD}
    method = np.full(len(windows), None, dtype=object)
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
    from vo_emline.measure.regression import LineRegression

    return LineRegression.load(directory)


def _measured(
    windows: WindowSet, label: npt.NDArray[np.integer[Any]], regression: LineRegression | None
) -> Estimates:
    found = measure_emission(windows) if regression is None else regression.measure(windows)
    known = np.isfinite(found.value) & np.isfinite(found.error)
    wanted = known & (~_DOUBLE | (label == DOUBLE_PEAK)[:, None])
    return Estimates(value=np.where(wanted, found.value, np.nan), error=np.where(wanted, found.error, np.nan))


def _spread(values: npt.NDArray[np.float64], rows: npt.NDArray[np.intp], n: int) -> pa.Array:
    """Put values at `rows` of an array of length `n`; the rest, and NaN, is NULL."""
    column = np.full(n, np.nan, dtype=np.float32)
    column[rows] = values
    return pa.array(column, from_pandas=True)

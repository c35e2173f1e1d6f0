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
import pyarrow.compute as pc

from vo_emline.arrays import BoolArray, FloatArray
from vo_emline.candidates.cutouts import pack_cutouts
from vo_emline.labels import ABSORPTION, DOUBLE_PEAK, LABELS, PROBABILITY_COLUMNS
from vo_emline.measure.everywhere import equivalent_widths
from vo_emline.measure.quantities import QUANTITIES, Estimates, estimates
from vo_emline.measure.types import FILLED, IN_ABSORPTION, TYPES, ProfileTypes, profile_types
from vo_emline.preprocess.identity import COVERAGE_SCHEMA, IDENTITY_SCHEMA
from vo_emline.preprocess.windows import Prepared, WindowSet
from vo_emline.rejects import Reject
from vo_emline.survey.flags import Candidates, find_candidates, flag, look_for_nebulae
from vo_emline.survey.model import Predicted
from vo_emline.survey.options import SurveyOptions

if TYPE_CHECKING:
    from vo_emline.training.regression import LineRegression

SIGNIFICANCE: Final = "line_significance"
METHOD: Final = "line_method"
PROFILE: Final = "profile"
PROFILE_PROBABILITY: Final = "p_profile"
NEBULAR: Final = "p_nebular"

WIDE: Final = "wide"
"""Method by which lines are measured that leave no continuum where that of others is taken."""

CLASSICAL: Final = "classical"
"""Method by which the equivalent width of spectra is measured that are no candidates."""

LINE_FIELDS: Final = (
    *((name, pa.float32()) for quantity in QUANTITIES for name in (quantity.name, quantity.error_name)),
    (SIGNIFICANCE, pa.float32()),
    (METHOD, pa.string()),
    (PROFILE, pa.string()),
    (PROFILE_PROBABILITY, pa.float32()),
)
"""Columns of measured lines; NULL for spectra that are no candidates, but for the equivalent width."""

_DOUBLE: Final = np.array([quantity.double for quantity in QUANTITIES])
WIDTH: Final = QUANTITIES[0]
"""The equivalent width, which every spectrum has."""
_FWHM: Final = [quantity.name for quantity in QUANTITIES].index("fwhm")

SCORE_FIELDS: Final = (
    ("label", pa.string()),
    *((name, pa.float32()) for name in PROBABILITY_COLUMNS),
    ("score", pa.float32()),
    (NEBULAR, pa.float32()),
    ("flags", pa.string()),
    *LINE_FIELDS,
    ("cutout", pa.string()),
)

SCORES_SCHEMA: Final = pa.schema([*IDENTITY_SCHEMA, *COVERAGE_SCHEMA, *SCORE_FIELDS])
"""Columns of the scores: who the spectrum is, what its file holds, label, probabilities, score, flags, and
what was measured of the lines of candidates, with a picture of them (:mod:`vo_emline.candidates.cutouts`)."""

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
    nebular = look_for_nebulae(windows, predicted)
    lines = line_columns(windows, candidates, probability, regression)
    filled, inside = (_of_types(lines[PROFILE], types) for types in ((FILLED,), IN_ABSORPTION))
    absorbs = (label != ABSORPTION) & (_floats(lines[WIDTH.name]) > 0.0)
    columns: dict[str, Any] = {
        "label": pa.array(LABELS).take(pa.array(label)),
        **{name: probability[:, index] for index, name in enumerate(PROBABILITY_COLUMNS)},
        "score": probability[:, 1:].sum(axis=1),
        NEBULAR: pa.array(nebular.astype(np.float32), from_pandas=True),
        "flags": flag(
            windows,
            predicted,
            candidates,
            nebular=nebular,
            filled=filled,
            inside=inside | absorbs,
            options=options,
        ),
        **lines,
        "cutout": _cutouts(candidates, len(windows)),
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
    windows: WindowSet,
    candidates: Candidates,
    probability: npt.NDArray[np.floating[Any]],
    regression: LineRegression | None,
) -> dict[str, pa.Array]:
    """Give the columns of measured lines.

    Parameters
    ----------
    windows
        All spectra, n of them: each has an equivalent width.
    candidates
        Those of which more is measured, and their lines.
    probability
        Of the classes, shape (n, 3); only double-peaked lines have separation and V/R.
    regression
        The regression of the model; None to measure classically.

    Returns
    -------
    dict
        An array of length n for each of :data:`LINE_FIELDS`; NULL where nothing was measured.
    """
    rows, n, chances = candidates.rows, len(probability), probability[candidates.rows]
    found = _measured(candidates, chances.argmax(axis=1), regression)
    parts = {quantity.name: _spread(found.value[:, j], rows, n) for j, quantity in enumerate(QUANTITIES)}
    parts |= {
        quantity.error_name: _spread(found.error[:, j], rows, n) for j, quantity in enumerate(QUANTITIES)
    }
    width, error = equivalent_widths(windows)
    for name, values in ((WIDTH.name, width), (WIDTH.error_name, error)):
        values[rows] = parts[name][rows]
        parts[name] = values
    parts[SIGNIFICANCE] = np.asarray(np.abs(width) / error, dtype=np.float32)
    method = np.where(np.isfinite(width), 0, 3)
    method[rows], method[rows[candidates.wide.rows]] = 1, 2
    methods = pa.array([CLASSICAL, method_text(regression), WIDE, None]).take(pa.array(method))
    profile = _profiles(candidates, found.value[:, _FWHM], chances)
    kind = np.full(n, len(TYPES))
    kind[rows] = profile.kind
    parts[PROFILE_PROBABILITY] = _spread(profile.probability.max(axis=1, initial=0.0), rows, n)
    columns = {name: pa.array(values, pa.float32(), from_pandas=True) for name, values in parts.items()}
    columns |= {METHOD: methods, PROFILE: pa.array([*TYPES, None]).take(pa.array(kind))}
    return {name: columns[name] for name, _ in LINE_FIELDS}


def _profiles(
    candidates: Candidates, fwhm_kms: FloatArray, chances: npt.NDArray[np.floating[Any]]
) -> ProfileTypes:
    """Name the types of the profiles of candidates; `chances` are their probabilities, shape (m, 3)."""
    emission = np.maximum(chances[:, 1:].sum(axis=1, dtype=np.float64), 1e-12)
    double = chances[:, DOUBLE_PEAK] / emission
    found = profile_types(candidates.lines.baseline, fwhm_kms, double)
    wide = candidates.wide
    if len(wide.rows):
        of_wide = profile_types(wide.baseline, fwhm_kms[wide.rows], double[wide.rows])
        found.kind[wide.rows], found.probability[wide.rows] = of_wide
    return found


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
    candidates: Candidates, label: npt.NDArray[np.integer[Any]], regression: LineRegression | None
) -> Estimates:
    """Measure candidates: wide lines as :mod:`~vo_emline.measure.wide` does, others by the regression."""
    lines, wide = candidates.lines, candidates.wide
    found = estimates(lines.measured) if regression is None else regression.measure(lines)
    value, error = found.value.copy(), found.error.copy()
    of_wide = wide.estimates()
    value[wide.rows], error[wide.rows] = of_wide.value, of_wide.error
    known = np.isfinite(value) & np.isfinite(error)
    wanted = known & (~_DOUBLE | (label == DOUBLE_PEAK)[:, None])
    return Estimates(value=np.where(wanted, value, np.nan), error=np.where(wanted, error, np.nan))


def _spread(values: FloatArray, rows: npt.NDArray[np.intp], n: int) -> npt.NDArray[np.float32]:
    """Put values at `rows` of an array of length `n`; the rest is NaN."""
    column = np.full(n, np.nan, dtype=np.float32)
    column[rows] = values
    return column


def _of_types(profile: pa.Array, types: tuple[str, ...]) -> BoolArray:
    """Tell the lines of some types, shape (n,)."""
    found: BoolArray = pc.is_in(profile, value_set=pa.array(types)).to_numpy(zero_copy_only=False)
    return found


def _floats(values: pa.Array) -> FloatArray:
    """Give numbers, NaN where there is none, shape (n,)."""
    return np.asarray(pc.fill_null(values, np.nan).to_numpy(zero_copy_only=False), dtype=np.float64)


def _cutouts(candidates: Candidates, n: int) -> pa.Array:
    """Give pictures of the lines of candidates, length `n`; NULL for the others."""
    place = np.full(n, -1, dtype=np.int64)
    place[candidates.rows] = np.arange(len(candidates.rows))
    return pack_cutouts(candidates.lines.baseline.ratio).take(pa.array(place, mask=place < 0))


def reject_table(rejects: Sequence[Reject]) -> pa.Table:
    """Make a table of rejects."""
    return pa.table(
        {name: [getattr(reject, name) for reject in rejects] for name in REJECTS_SCHEMA.names},
        schema=REJECTS_SCHEMA,
    )

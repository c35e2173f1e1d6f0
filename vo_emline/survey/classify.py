"""From files to rows: read, prepare, predict; every file ends as a score or as a reject."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from vo_emline.errors import EmlineError
from vo_emline.labels import LABELS, PROBABILITY_COLUMNS
from vo_emline.preprocess.identity import COVERAGE_SCHEMA, IDENTITY_SCHEMA
from vo_emline.preprocess.options import PreprocessOptions
from vo_emline.preprocess.prepare import prepare
from vo_emline.preprocess.section import needed_wavelengths
from vo_emline.preprocess.windows import WindowSet
from vo_emline.rejects import Reject
from vo_emline.spectra import Spectrum, read_part_or_reject
from vo_emline.survey.cascade import Cascade, Predicted
from vo_emline.survey.flags import flag
from vo_emline.survey.lines import LINE_FIELDS, line_columns, regression_of
from vo_emline.survey.options import SurveyOptions

if TYPE_CHECKING:
    from vo_emline.measure.regression import LineRegression

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


@runtime_checkable
class Scorer(Protocol):
    """What the engine needs of a classifier."""

    @property
    def version(self) -> str:
        """Version of the model."""
        ...

    def predict_windows(
        self, windows: WindowSet, *, shares: Sequence[float] | None = None
    ) -> npt.NDArray[np.float32]:
        """Give the probabilities of n windows, shape (n, 3), where classes have these shares."""
        ...


@dataclass(frozen=True, slots=True)
class Prepared:
    """Windows of some files, and why the others have none. Travels between processes."""

    windows: WindowSet
    rejects: tuple[Reject, ...]


def prepare_files(sources: Sequence[str], options: PreprocessOptions) -> Prepared:
    """Read of files what their windows need, and make the windows.

    Parameters
    ----------
    sources
        Paths of the files.
    options
        Settings under which the classifier was trained.

    Raises
    ------
    EmlineError
        Windows and rejects do not add up to the files.
    """
    unreadable: list[Reject] = []
    between = needed_wavelengths(options)

    def spectra() -> Iterator[Spectrum]:
        for source in sources:
            found = read_part_or_reject(source, between=between)
            if isinstance(found, Reject):
                unreadable.append(found)
            else:
                yield found

    windows, unfit = prepare(spectra(), options)
    prepared = Prepared(windows, (*unreadable, *unfit))
    if len(windows) + len(prepared.rejects) != len(sources):
        raise EmlineError(
            f"{len(sources)} files gave {len(windows)} windows and {len(prepared.rejects)} rejects: "
            "a spectrum was lost or doubled"
        )
    return prepared


def score(prepared: Prepared, classifier: Scorer, *, options: SurveyOptions) -> tuple[pa.Table, pa.Table]:
    """Classify windows.

    Returns
    -------
    scores
        One row per window, columns of :data:`SCORES_SCHEMA`.
    rejects
        One row per file without a score, columns of :data:`REJECTS_SCHEMA`.
    """
    predicted = predict(prepared, classifier, options=options)
    return tabulate(prepared, predicted, options=options, regression=regression_of(classifier))


def predict(prepared: Prepared, classifier: Scorer, *, options: SurveyOptions) -> Predicted:
    """Give the class probabilities of windows, and which of them a cascade has settled."""
    if isinstance(classifier, Cascade):
        return classifier.screen(prepared.windows, shares=options.class_shares)
    return Predicted(classifier.predict_windows(prepared.windows, shares=options.class_shares))


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
        As :func:`score`.
    """
    windows, probability = prepared.windows, predicted.probability
    columns: dict[str, Any] = {
        "label": pa.array(LABELS).take(pa.array(probability.argmax(axis=1))),
        **{name: probability[:, index] for index, name in enumerate(PROBABILITY_COLUMNS)},
        "score": probability[:, 1:].sum(axis=1),
        "flags": flag(windows, probability, options=options, screened=predicted.screened),
        **line_columns(windows, probability.argmax(axis=1), regression),
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


def classify_files(
    paths: Sequence[Path],
    classifier: Scorer,
    *,
    preprocess: PreprocessOptions,
    options: SurveyOptions | None = None,
) -> tuple[pa.Table, pa.Table]:
    """Classify some files in this process, without writing anything.

    Parameters
    ----------
    paths
        The files.
    classifier
        The trained network.
    preprocess
        Settings under which it was trained.
    options
        Limits for the flags.

    Returns
    -------
    scores, rejects
        As :func:`score`; together one row per file.
    """
    prepared = prepare_files([str(path) for path in paths], preprocess)
    return score(prepared, classifier, options=options or SurveyOptions())


def reject_table(rejects: Sequence[Reject]) -> pa.Table:
    """Make a table of rejects."""
    return pa.table(
        {name: [getattr(reject, name) for reject in rejects] for name in REJECTS_SCHEMA.names},
        schema=REJECTS_SCHEMA,
    )

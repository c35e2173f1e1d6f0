"""From files to rows: read, prepare, predict; every file ends as a score or as a reject."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from vo_emline.errors import EmlineError
from vo_emline.preprocess.options import PreprocessOptions
from vo_emline.preprocess.prepare import prepare
from vo_emline.preprocess.section import needed_wavelengths
from vo_emline.preprocess.windows import Prepared, WindowSet
from vo_emline.rejects import Reject
from vo_emline.spectra import Spectrum, read_part_or_reject
from vo_emline.survey.cascade import Cascade, Predicted
from vo_emline.survey.options import SurveyOptions
from vo_emline.survey.scores import regression_of, tabulate


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
        One row per window, columns of :data:`~vo_emline.survey.scores.SCORES_SCHEMA`.
    rejects
        One row per file without a score, columns of
        :data:`~vo_emline.survey.scores.REJECTS_SCHEMA`.
    """
    predicted = predict(prepared, classifier, options=options)
    return tabulate(prepared, predicted, options=options, regression=regression_of(classifier))


def predict(prepared: Prepared, classifier: Scorer, *, options: SurveyOptions) -> Predicted:
    """Give the class probabilities of windows, and which of them a cascade has settled."""
    if isinstance(classifier, Cascade):
        return classifier.screen(prepared.windows, shares=options.class_shares)
    return Predicted(classifier.predict_windows(prepared.windows, shares=options.class_shares))


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

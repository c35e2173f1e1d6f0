"""What is done with one shard, in whichever process: read, prepare, predict, tabulate, write, count.

Every file ends as a score or as a reject.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from vo_emline.errors import EmlineError
from vo_emline.preprocess.options import PreprocessOptions
from vo_emline.preprocess.prepare import prepare
from vo_emline.preprocess.section import needed_wavelengths
from vo_emline.preprocess.windows import Prepared
from vo_emline.rejects import Reject
from vo_emline.spectra import Medium, Spectrum, printable, read_part_or_reject
from vo_emline.survey.counts import ShardCounts, count_rows
from vo_emline.survey.model import Cascade, Predicted, Scorer, load_scorer, with_strangers
from vo_emline.survey.options import SurveyOptions
from vo_emline.survey.scores import regression_of, tabulate
from vo_emline.survey.shards import Shard, ShardStore
from vo_emline.survey.store import WindowStore

if TYPE_CHECKING:
    from vo_emline.training.regression import LineRegression


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What is the same for all shards of a survey. Travels between processes and machines."""

    directory: Path
    """Where the results go; every worker has to see it."""
    model: Path
    """Folder of the trained model."""
    model_version: str = ""
    """Its version; empty for any."""
    preprocess: PreprocessOptions
    """Settings under which it was trained."""
    options: SurveyOptions
    store: Path | None = None
    """Store of windows the shards are from; None where they are files."""


@dataclass(frozen=True, slots=True)
class Windows:
    """The windows of a shard and the seconds it took to get them. Travels between processes."""

    prepared: Prepared
    seconds: float


def process_shard(shard: Shard, work: Work) -> ShardCounts:
    """Do all that is to be done with a shard; where it was done before, count only.

    Parameters
    ----------
    shard
        The shard.
    work
        The survey.

    Returns
    -------
    ShardCounts
        With the seconds of each stage, where there was something to do.

    Raises
    ------
    UserError
        The model cannot be used, or there is no room for the results.
    OSError
        The results cannot be written.
    """
    store = ShardStore(work.directory)
    if store.is_finished(shard):
        return store.counts(shard.number)
    scorer = load_scorer(work.model, work.options, work.model_version)
    windows = read_shard(shard, preprocess=work.preprocess, store=work.store, medium=work.options.medium)
    began = time.perf_counter()
    probability = predict(windows.prepared, scorer, options=work.options)
    predicted = time.perf_counter()
    regression = regression_of(scorer)
    counts = write_shard(
        shard, windows.prepared, probability, store=store, options=work.options, regression=regression
    )
    written = time.perf_counter()
    return counts.timed(read=windows.seconds, predict=predicted - began, write=written - predicted)


def read_shard(
    shard: Shard,
    *,
    preprocess: PreprocessOptions,
    store: Path | None = None,
    medium: Medium | None = None,
) -> Windows:
    """Make the windows of a shard of files, or map those of a shard of a store.

    Parameters
    ----------
    shard
        The shard.
    preprocess
        Settings of the windows.
    store
        Store the shard is of; None for files.
    medium
        Medium of the wavelengths of files, as for :func:`~vo_emline.spectra.read`.

    Raises
    ------
    EmlineError
        Windows and rejects do not add up to the files.
    """
    began = time.perf_counter()
    prepared = _prepare(shard, preprocess, medium) if store is None else WindowStore(store).read(shard)
    return Windows(prepared, time.perf_counter() - began)


def write_shard(
    shard: Shard,
    prepared: Prepared,
    predicted: Predicted,
    *,
    store: ShardStore,
    options: SurveyOptions,
    regression: LineRegression | None = None,
) -> ShardCounts:
    """Make the rows of a shard, write them, and count; after this the shard is finished.

    Raises
    ------
    UserError
        There is no room for the results.
    OSError
        They cannot be written.
    """
    scores, rejects = tabulate(prepared, predicted, options=options, regression=regression)
    store.write(shard, scores=scores, rejects=rejects)
    return count_rows(shard.number, scores=scores, rejects=rejects)


def _prepare(shard: Shard, preprocess: PreprocessOptions, medium: Medium | None) -> Prepared:
    if not shard.deadly:
        return prepare_files(shard.sources, preprocess, medium=medium)
    alive = [name for name in shard.sources if name not in shard.deadly]
    prepared = prepare_files(alive, preprocess, medium=medium)
    left_out = [
        Reject(printable(name), "worker_died", "the process that read the file died of it, also alone")
        for name in shard.sources
        if name in shard.deadly
    ]
    return Prepared(prepared.windows, (*prepared.rejects, *left_out))


def prepare_files(
    sources: Sequence[str], options: PreprocessOptions, *, medium: Medium | None = None
) -> Prepared:
    """Read of files what their windows need, and make the windows.

    Parameters
    ----------
    sources
        Paths of the files.
    options
        Settings under which the classifier was trained.
    medium
        Medium of the wavelengths, as for :func:`~vo_emline.spectra.read`.

    Raises
    ------
    EmlineError
        Windows and rejects do not add up to the files.
    """
    unreadable: list[Reject] = []
    between, normalised = needed_wavelengths(options), options.continuum == "pipeline"

    def spectra() -> Iterator[Spectrum]:
        for source in sources:
            found = read_part_or_reject(source, between=between, medium=medium, normalised=normalised)
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
        found = classifier.screen(prepared.windows, shares=options.class_shares)
    else:
        found = Predicted(classifier.predict_windows(prepared.windows, shares=options.class_shares))
    return with_strangers(found, prepared.windows, classifier)


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
    options = options or SurveyOptions()
    prepared = prepare_files([str(path) for path in paths], preprocess, medium=options.medium)
    return score(prepared, classifier, options=options)

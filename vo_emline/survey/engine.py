"""The bulk engine: shards of files or windows in, shards of scores and rejects out, resumable."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import pyarrow as pa
from tqdm.auto import tqdm

from vo_emline.errors import EmlineError, UserError
from vo_emline.files import write_json
from vo_emline.labels import LABELS
from vo_emline.preprocess.options import PreprocessOptions
from vo_emline.progress import track
from vo_emline.survey.classify import Prepared, Scorer, prepare_files, score
from vo_emline.survey.options import SurveyOptions
from vo_emline.survey.pool import in_order
from vo_emline.survey.shards import Shard, ShardStore, digest, make_shards
from vo_emline.survey.store import WindowStore

logger = logging.getLogger(__name__)

SUMMARY = "summary.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveySummary:
    """What became of the inputs. ``inputs = sum(classes) + sum(rejects)``, checked."""

    inputs: int
    classes: dict[str, int]
    """Scores per label."""
    flags: dict[str, int]
    """Scores per flag."""
    rejects: dict[str, int]
    """Rejects per reason."""
    model_version: str


def classify_survey(
    paths: Sequence[Path],
    classifier: Scorer,
    directory: Path,
    *,
    preprocess: PreprocessOptions,
    options: SurveyOptions | None = None,
    executor: Executor | None = None,
) -> SurveySummary:
    """Classify any number of files.

    Shards of files are read by `executor`; this process predicts and writes
    each finished shard at once. A run that was interrupted or killed goes on
    where it stood when it is started again with the same arguments, and its
    results are the same byte for byte.

    Parameters
    ----------
    paths
        The files, in an order that a second run would repeat.
    classifier
        The trained network.
    directory
        Where the shards go.
    preprocess
        Settings under which the network was trained.
    options
        Shard size, processes, limits for the flags.
    executor
        Where files are read (``concurrent.futures`` interface); by default a
        pool of processes on this machine.

    Returns
    -------
    SurveySummary
        Also written to ``summary.json``.

    Raises
    ------
    UserError
        No files, or `directory` belongs to another run.
    EmlineError
        A reading process died, or rows are lost or doubled.
    """
    options = options or SurveyOptions()
    sources = [str(path) for path in paths]
    if not sources:
        raise UserError("there is nothing to classify: no files were given")
    store = ShardStore(directory)
    store.claim(
        _manifest(
            len(sources), digest(sources), classifier=classifier, preprocess=preprocess, options=options
        )
    )
    shards = make_shards(sources, size=options.shard_size)
    read = partial(_read, preprocess=preprocess, options=options, executor=executor)
    return _classify(shards, read, classifier, store, options=options)


def classify_store(
    source: WindowStore,
    classifier: Scorer,
    directory: Path,
    *,
    preprocess: PreprocessOptions,
    options: SurveyOptions | None = None,
) -> SurveySummary:
    """Classify the windows of a store, as resumable as :func:`classify_survey` and with the same results.

    Parameters
    ----------
    source
        A finished store of windows (:func:`~vo_emline.survey.ingest`).
    classifier
        The trained network.
    directory
        Where the shards of scores go; they are those of the store.
    preprocess
        Settings under which the network was trained.
    options
        Limits for the flags.

    Returns
    -------
    SurveySummary
        Also written to ``summary.json``.

    Raises
    ------
    UserError
        The windows were made under other settings, the store is not finished,
        or `directory` belongs to another run.
    EmlineError
        Rows are lost or doubled.
    """
    options = options or SurveyOptions()
    source.require(preprocess)
    store = ShardStore(directory)
    store.claim(
        _manifest(
            source.inputs, source.inputs_sha256, classifier=classifier, preprocess=preprocess, options=options
        )
    )
    return _classify(source.shards(), source.read_all, classifier, store, options=options)


def _manifest(
    inputs: int,
    inputs_sha256: str,
    *,
    classifier: Scorer,
    preprocess: PreprocessOptions,
    options: SurveyOptions,
) -> dict[str, object]:
    return {
        "inputs": inputs,
        "inputs_sha256": inputs_sha256,
        "model_version": classifier.version,
        "preprocess": preprocess.model_dump(mode="json"),
        "options": options.model_dump(mode="json", exclude={"workers"}),
    }


def _read(
    shards: Sequence[Shard], preprocess: PreprocessOptions, options: SurveyOptions, executor: Executor | None
) -> Iterator[tuple[Shard, Prepared]]:
    """Give the shards with their windows, read from files."""
    work = partial(_prepare, preprocess=preprocess)
    yield from in_order(work, shards, workers=options.workers, executor=executor)


def _prepare(shard: Shard, *, preprocess: PreprocessOptions) -> Prepared:
    return prepare_files(shard.sources, preprocess)


def _classify(
    shards: Sequence[Shard],
    read: Callable[[Sequence[Shard]], Iterator[tuple[Shard, Prepared]]],
    classifier: Scorer,
    store: ShardStore,
    *,
    options: SurveyOptions,
) -> SurveySummary:
    """Score the shards that are not finished, and count."""
    pending = [shard for shard in shards if not store.is_finished(shard)]
    total = sum(shard.size for shard in shards)
    logger.info("%d spectra in %d shards, %d shards to do", total, len(shards), len(pending))
    bar: tqdm[Path] = track(None, "classifying", total=total)
    with bar:
        bar.update(total - sum(shard.size for shard in pending))
        for shard, prepared in read(pending):
            scores, rejects = score(prepared, classifier, options=options)
            store.write(shard, scores=scores, rejects=rejects)
            bar.update(shard.size)
    summary = summarise(store, shards, model_version=classifier.version)
    write_json(store.directory / SUMMARY, asdict(summary))
    return summary


def summarise(store: ShardStore, shards: Sequence[Shard], *, model_version: str) -> SurveySummary:
    """Count what became of the inputs of finished shards.

    Raises
    ------
    EmlineError
        Scores and rejects do not add up to the inputs.
    """
    classes: Counter[str] = Counter(dict.fromkeys(LABELS, 0))
    flags: Counter[str] = Counter()
    for table in store.batches("scores"):
        classes.update(table["label"].to_pylist())
        flags.update(word for text in table["flags"].to_pylist() for word in text.split())
    rejects = Counter(code for table in store.batches("rejects") for code in table["code"].to_pylist())
    inputs = sum(shard.size for shard in shards)
    if inputs != classes.total() + rejects.total():
        raise EmlineError(
            f"{inputs} files gave {classes.total()} scores and {rejects.total()} rejects: rows were lost or "
            f"doubled; remove {store.directory} and start again"
        )
    return SurveySummary(
        inputs=inputs,
        classes=dict(classes),
        flags=dict(sorted(flags.items())),
        rejects=dict(sorted(rejects.items())),
        model_version=model_version,
    )


def read_scores(directory: Path) -> pa.Table:
    """Read the scores of a survey: one row per classified file, columns of ``SCORES_SCHEMA``."""
    return ShardStore(directory).read("scores")


def read_rejects(directory: Path) -> pa.Table:
    """Read the rejects of a survey, one row per file without a score."""
    return ShardStore(directory).read("rejects")

"""The bulk engine: shards of files or windows in, shards of scores and rejects out, resumable."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, Final, Protocol, runtime_checkable

import pyarrow as pa

from vo_emline.files import write_json
from vo_emline.preprocess.options import PreprocessOptions
from vo_emline.rundir import SUMMARY
from vo_emline.survey.classify import Scorer
from vo_emline.survey.counts import ShardCounts, Tally
from vo_emline.survey.inputs import list_once
from vo_emline.survey.lock import locked
from vo_emline.survey.meter import Meter
from vo_emline.survey.options import SurveyOptions
from vo_emline.survey.shards import Shard, ShardStore, digest
from vo_emline.survey.store import WindowStore
from vo_emline.survey.summary import SurveySummary, summarise
from vo_emline.survey.ways import predicting_here

logger = logging.getLogger(__name__)

KIND: Final = "survey"
"""What the manifest of a survey says its directory holds."""

Say = Callable[[str], None]
"""Receives what the user should read."""


@runtime_checkable
class ShardSource(Protocol):
    """What a survey is cut from: a list of files, or a store of windows."""

    @property
    def store(self) -> Path | None:
        """Folder of the store of windows; None for files."""
        ...

    @property
    def inputs(self) -> int:
        """Number of inputs."""
        ...

    @property
    def inputs_sha256(self) -> str:
        """Digest of the list of inputs."""
        ...

    @property
    def n_shards(self) -> int:
        """Number of shards."""
        ...

    def size(self, number: int) -> int:
        """Give the number of inputs of a shard."""
        ...

    def shard(self, number: int) -> Shard:
        """Give a shard."""
        ...


def classify_survey(
    paths: Sequence[Path],
    classifier: Scorer,
    directory: Path,
    *,
    preprocess: PreprocessOptions,
    options: SurveyOptions | None = None,
    executor: Executor | None = None,
) -> SurveySummary:
    """Classify any number of files with a network that is at hand.

    Shards of files are read by a pool; this process predicts and writes. A
    run that was interrupted or killed goes on where it stood when it is
    started again with the same arguments, and its results are the same byte
    for byte. :func:`run_survey` does the same with a network on disk.

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
        No files, no room on the disk, or `directory` belongs to another run.
    EmlineError
        Reading processes keep dying, or rows are lost or doubled.
    """
    options = options or SurveyOptions()
    sources = [str(path) for path in paths]
    with locked(directory):
        store = ShardStore(directory)
        origin = {"inputs_sha256": digest(sources), "shard_size": options.shard_size}
        listed = list_once(directory, lambda: iter(sources), origin=origin, shard_size=options.shard_size)
        return _summarised(listed, classifier, store, preprocess, options, executor=executor)


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
    with locked(directory):
        return _summarised(source, classifier, ShardStore(directory), preprocess, options)


def claim_of(
    source: ShardSource, *, model_version: str, preprocess: PreprocessOptions, options: SurveyOptions
) -> dict[str, Any]:
    """Give the facts on which every shard of a survey depends, JSON-ready."""
    return {
        "kind": KIND,
        "inputs": source.inputs,
        "inputs_sha256": source.inputs_sha256,
        "model_version": model_version,
        "preprocess": preprocess.model_dump(mode="json"),
        "options": options.model_dump(mode="json", exclude={"workers"}),
    }


def run_shards(
    source: ShardSource,
    store: ShardStore,
    do: Callable[[Iterator[Shard], int], Iterator[ShardCounts]],
    *,
    part: tuple[int, int] | None = None,
    say: Say = logger.info,
) -> Tally:
    """Do the shards of a survey that are not finished, and count all of them.

    Parameters
    ----------
    source
        What the survey is cut from.
    store
        Where the results go.
    do
        Takes shards and their number, and gives the counts of each when it is finished
        (:mod:`vo_emline.survey.ways`).
    part
        (i, n): only every n-th shard, beginning with the i-th; None for all.
    say
        Receives a line now and then where there is no terminal for a bar.

    Returns
    -------
    Tally
        Counts of all shards of the part, times of those that were done now.
    """
    first, step = (part[0] - 1, part[1]) if part else (0, 1)
    numbers = range(first, source.n_shards, step)
    finished = store.finished()
    pending = [number for number in numbers if number not in finished]
    before = Tally.of(store.counts(number) for number in numbers if number in finished)
    total = before.inputs + sum(map(source.size, pending))
    logger.info("%d spectra in %d shards, %d shards to do", total, len(numbers), len(pending))
    with Meter(total, before, say=say) as meter:
        for counts in do(map(source.shard, pending), len(pending)):
            meter.add(counts)
    return meter.tally


def read_scores(directory: Path) -> pa.Table:
    """Read the scores of a survey: one row per classified file, columns of ``SCORES_SCHEMA``."""
    return ShardStore(directory).read("scores")


def read_rejects(directory: Path) -> pa.Table:
    """Read the rejects of a survey, one row per file without a score."""
    return ShardStore(directory).read("rejects")


def _summarised(
    source: ShardSource,
    scorer: Scorer,
    store: ShardStore,
    preprocess: PreprocessOptions,
    options: SurveyOptions,
    *,
    executor: Executor | None = None,
) -> SurveySummary:
    store.claim(claim_of(source, model_version=scorer.version, preprocess=preprocess, options=options))
    store.remove_leftovers()
    do = partial(
        predicting_here,
        scorer=scorer,
        store=store,
        preprocess=preprocess,
        options=options,
        windows=source.store,
        executor=executor,
    )
    run_shards(source, store, do)
    summary = summarise(store, inputs=source.inputs, n_shards=source.n_shards, model_version=scorer.version)
    write_json(store.directory / SUMMARY, asdict(summary))
    return summary

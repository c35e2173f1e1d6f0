"""Where shards are worked on: the network in this process, or all of it in workers."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from typing import Final

from vo_emline.preprocess.options import PreprocessOptions
from vo_emline.survey.classify import Scorer
from vo_emline.survey.counts import ShardCounts
from vo_emline.survey.options import SurveyOptions
from vo_emline.survey.pipeline import predict_and_write
from vo_emline.survey.pool import count_workers, work_through
from vo_emline.survey.shards import Shard, ShardStore
from vo_emline.survey.work import Work, process_shard, read_shard

MAPPERS: Final = 2
"""Threads that map the shards of a store ahead of the network."""


def predicting_here(
    shards: Iterator[Shard],
    n_shards: int,
    *,
    scorer: Scorer,
    store: ShardStore,
    preprocess: PreprocessOptions,
    options: SurveyOptions,
    windows: Path | None = None,
    executor: Executor | None = None,
) -> Iterator[ShardCounts]:
    """Read shards elsewhere, predict in this process: for a network on a GPU, or one that is at hand.

    Parameters
    ----------
    shards
        The shards.
    n_shards
        How many.
    scorer
        The trained network.
    store
        Where the results go.
    preprocess
        Settings under which it was trained.
    options
        Settings of the survey.
    windows
        Store of windows the shards are from, mapped by threads; None for files, which are read by processes.
    executor
        Where they are read instead.
    """
    with ExitStack() as stack:
        if windows is not None and executor is None:
            executor = stack.enter_context(ThreadPoolExecutor(MAPPERS, "mapper"))
        workers = count_workers(options.workers, n_shards=n_shards)
        read = partial(read_shard, preprocess=preprocess, store=windows)
        reading = work_through(read, shards, workers=workers, executor=executor)
        stack.enter_context(closing(reading))
        yield from predict_and_write(reading, scorer, store, options=options)


def predicting_there(
    shards: Iterator[Shard], n_shards: int, *, work: Work, executor: Executor | None = None
) -> Iterator[ShardCounts]:
    """Do whole shards in processes of this machine or in any executor: for CPUs, and for clusters.

    Parameters
    ----------
    shards
        The shards.
    n_shards
        How many.
    work
        The survey; its directory and its model have to be there for every worker.
    executor
        Where to work; by default a pool of processes on this machine.
    """
    workers = count_workers(work.options.workers, n_shards=n_shards)
    probe = partial(read_shard, preprocess=work.preprocess, store=work.store)
    function = partial(process_shard, work=work)
    with closing(work_through(function, shards, workers=workers, executor=executor, probe=probe)) as done:
        for _, counts in done:
            yield counts

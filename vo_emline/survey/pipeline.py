"""Shards through the network: read elsewhere and predicted here at the same time, or whole in workers."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from functools import partial
from typing import Final

from vo_emline.survey.counts import ShardCounts
from vo_emline.survey.model import Scorer
from vo_emline.survey.options import SurveyOptions
from vo_emline.survey.pool import count_workers, each_shard, work_through
from vo_emline.survey.scores import regression_of
from vo_emline.survey.shards import Shard, ShardStore
from vo_emline.survey.work import Windows, Work, predict, process_shard, read_shard, write_shard

MOST_WRITERS: Final = 4
"""Threads that make and write tables: Arrow works outside of Python's lock."""


def count_writers() -> int:
    """Give the number of threads that write: one, and more where there are cores to spare."""
    return max(1, min(MOST_WRITERS, len(os.sched_getaffinity(0)) // 4))


def predict_and_write(
    windows: Iterable[tuple[Shard, Windows]], scorer: Scorer, store: ShardStore, *, options: SurveyOptions
) -> Iterator[ShardCounts]:
    """Predict in this thread while others write; give counts as shards are finished.

    The windows are read elsewhere meanwhile
    (:func:`~vo_emline.survey.pool.work_through`), so that the device waits
    for nothing but the slowest stage. Few shards are held at a time.

    Parameters
    ----------
    windows
        Shards with their windows.
    scorer
        The trained network.
    store
        Where results go.
    options
        Settings of the survey.

    Raises
    ------
    UserError
        There is no room for the results.
    OSError
        They cannot be written.
    """
    writers = count_writers()
    regression = regression_of(scorer)
    waiting: deque[Future[ShardCounts]] = deque()
    with ThreadPoolExecutor(writers, "writer") as threads:
        for shard, read in windows:
            began = time.perf_counter()
            probability = predict(read.prepared, scorer, options=options)
            stages = {"read": read.seconds, "predict": time.perf_counter() - began}
            write = partial(
                write_shard,
                shard,
                read.prepared,
                probability,
                store=store,
                options=options,
                regression=regression,
            )
            waiting.append(threads.submit(_timed, write, stages))
            while len(waiting) > 2 * writers or (waiting and waiting[0].done()):
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _timed(write: partial[ShardCounts], stages: dict[str, float]) -> ShardCounts:
    began = time.perf_counter()
    counts = write()
    return counts.timed(**stages, write=time.perf_counter() - began)


MAPPERS: Final = 2
"""Threads that map the shards of a store ahead of the network."""


def predicting_here(
    shards: Iterator[Shard],
    n_shards: int,
    *,
    scorer: Scorer,
    work: Work,
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
    work
        The survey. Windows of a store are mapped by threads, files are read by processes.
    """
    with ExitStack() as stack:
        mapping = work.store is not None
        threads = stack.enter_context(ThreadPoolExecutor(MAPPERS, "mapper")) if mapping else None
        workers = count_workers(work.options.workers, n_shards=n_shards)
        read = partial(read_shard, preprocess=work.preprocess, store=work.store, medium=work.options.medium)
        reading = work_through(read, shards, workers=workers, executor=threads)
        stack.enter_context(closing(reading))
        yield from predict_and_write(reading, scorer, ShardStore(work.directory), options=work.options)


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
    probe = partial(read_shard, preprocess=work.preprocess, store=work.store, medium=work.options.medium)
    do = partial(process_shard, work=work)
    return each_shard(do, shards, n_shards, workers=work.options.workers, executor=executor, probe=probe)

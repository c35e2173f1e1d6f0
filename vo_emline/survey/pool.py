"""Where the reading runs: in this process, in a pool of processes, or wherever an executor takes it."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any, Final, TypeVar

from typing_extensions import override

from vo_emline.errors import EmlineError

AHEAD: Final = 2
"""Shards read ahead beyond one per worker: enough that nobody waits, few enough for flat memory."""

T = TypeVar("T")
R = TypeVar("R")


class InProcess(Executor):
    """An executor that does the work at once, in the calling process."""

    @override
    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Call `fn` and give its result, or what it raised, as a finished future."""
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001  it is raised where the result is asked for
            future.set_exception(error)
        return future


def count_workers(wanted: int, *, n_shards: int) -> int:
    """Give the number of processes to read with: no more than shards, one per core where `wanted` is 0."""
    return max(1, min(wanted or len(os.sched_getaffinity(0)), n_shards))


@contextmanager
def reading_pool(workers: int) -> Iterator[Executor]:
    """Give an executor for reading shards.

    Processes are spawned, never forked: JAX does not survive a fork. On any
    exception shards that have not begun are cancelled.

    Parameters
    ----------
    workers
        Processes; with one the work stays in this process.
    """
    if workers <= 1:
        yield InProcess()
        return
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_leave_interrupts_to_parent)
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def in_order(
    function: Callable[[T], R], shards: Sequence[T], *, workers: int, executor: Executor | None = None
) -> Iterator[tuple[T, R]]:
    """Give shards with what `function` makes of each, in order, working a few ahead.

    Parameters
    ----------
    function
        What to do with a shard; it and its results travel between processes.
    shards
        The shards.
    workers
        Processes of a pool of this machine; 0 for one per core.
    executor
        Where to work instead.

    Raises
    ------
    EmlineError
        A process of the pool died.
    """
    if executor is not None:
        yield from _ahead(function, shards, executor, depth=workers + AHEAD)
        return
    count = count_workers(workers, n_shards=len(shards))
    with reading_pool(count) as pool:
        # this process cannot work ahead of itself
        yield from _ahead(function, shards, pool, depth=1 if count == 1 else count + AHEAD)


def _ahead(
    function: Callable[[T], R], shards: Sequence[T], executor: Executor, *, depth: int
) -> Iterator[tuple[T, R]]:
    waiting: deque[tuple[T, Future[R]]] = deque()
    try:
        for shard in shards:
            waiting.append((shard, executor.submit(function, shard)))
            if len(waiting) >= depth:
                first, future = waiting.popleft()
                yield first, future.result()
        while waiting:
            first, future = waiting.popleft()
            yield first, future.result()
    except BrokenProcessPool as error:
        raise EmlineError(
            "a process that read spectra died (out of memory?); finished shards are kept, "
            "start again to continue, perhaps with fewer workers"
        ) from error


def _leave_interrupts_to_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)

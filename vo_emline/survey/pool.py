"""Where shards are worked on: in this process, in a pool that outlives its dead, or in any executor."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, ProcessPoolExecutor, wait
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import replace
from functools import partial
from itertools import islice
from multiprocessing.queues import SimpleQueue
from typing import Final, Self, TypeVar

from threadpoolctl import threadpool_limits

from vo_emline.errors import EmlineError
from vo_emline.survey.model import THREADS
from vo_emline.survey.shards import Shard

AHEAD: Final = 2
"""Shards read ahead beyond one per worker: enough that nobody waits, few enough for flat memory."""

R = TypeVar("R")


def count_workers(wanted: int, *, n_shards: int) -> int:
    """Give the number of processes to work with: no more than shards, one per core where `wanted` is 0."""
    return max(1, min(wanted or len(os.sched_getaffinity(0)), n_shards))


@contextmanager
def pool_of(workers: int) -> Iterator[Executor]:
    """Give a pool of processes.

    They are spawned, never forked: JAX does not survive a fork. Each keeps to
    its share of the cores, since networks that take turns on all cores cost a
    third more (measured). They leave interrupts to this process and end when
    it ends, however that comes. On any exception shards that have not begun
    are cancelled.

    Parameters
    ----------
    workers
        Number of processes.
    """
    context = multiprocessing.get_context("spawn")
    cores = sorted(os.sched_getaffinity(0))
    shares: SimpleQueue[list[int]] = context.SimpleQueue()
    for number in range(workers):
        shares.put(cores[number::workers] or [cores[number % len(cores)]])
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_begin, initargs=(shares,))
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def work_through(
    function: Callable[[Shard], R],
    shards: Iterable[Shard],
    *,
    workers: int,
    executor: Executor | None = None,
    probe: Callable[[Shard], object] | None = None,
) -> Generator[tuple[Shard, R], None, None]:
    """Give shards with what `function` makes of each, as they are ready, working a few ahead.

    A process of the pool that dies (killed for its memory, or by a file) is
    replaced, and the shards it took with it are done again, one at a time:
    see :func:`survive`.

    Parameters
    ----------
    function
        What to do with a shard; it and its results travel between processes.
    shards
        The shards; only a few are held at a time.
    workers
        Processes of a pool of this machine; with one the work stays in this process.
    executor
        Where to work instead; if it breaks, the survey stops. An attribute
        ``_max_workers``, as the standard library's executors have it, tells how
        many shards it works on at a time.
    probe
        What is done with some files of a shard to find those of which
        processes die, where that is not `function`.

    Raises
    ------
    EmlineError
        Workers die and no file is to blame, or a worker of `executor` died.
    """
    if executor is not None:
        yield from _in(executor, function, shards, workers=workers)
    elif workers == 1:
        for shard in shards:
            yield shard, function(shard)
    else:
        yield from _in_pools(function, shards, workers=workers, probe=probe or function)


def each_shard(
    function: Callable[[Shard], R],
    shards: Iterable[Shard],
    n_shards: int,
    *,
    workers: int,
    executor: Executor | None = None,
    probe: Callable[[Shard], object] | None = None,
) -> Iterator[R]:
    """Give what `function` makes of `n_shards` shards, as each is ready; see :func:`work_through`."""
    count = count_workers(workers, n_shards=n_shards)
    with closing(work_through(function, shards, workers=count, executor=executor, probe=probe)) as done:
        for _, result in done:
            yield result


def _in(
    executor: Executor, function: Callable[[Shard], R], shards: Iterable[Shard], *, workers: int
) -> Iterator[tuple[Shard, R]]:
    waiting: dict[Future[R], Shard] = {}

    def depth() -> int:  # a cluster may grow
        return 2 * int(getattr(executor, "_max_workers", workers)) + AHEAD

    try:
        yield from _stream(executor, function, iter(shards), waiting, depth=depth)
    except BrokenExecutor as error:
        raise EmlineError(
            "a worker died (out of memory?); finished shards are kept, start again to continue, "
            "perhaps with fewer workers"
        ) from error
    finally:
        for future in waiting:
            future.cancel()


def _in_pools(
    function: Callable[[Shard], R],
    shards: Iterable[Shard],
    *,
    workers: int,
    probe: Callable[[Shard], object],
) -> Iterator[tuple[Shard, R]]:
    """Work in one pool after the other, as long as processes die."""
    left = iter(shards)
    while True:
        waiting: dict[Future[R], Shard] = {}
        try:
            with pool_of(workers) as pool:
                yield from _stream(pool, function, left, waiting, depth=lambda: workers + AHEAD)
        except BrokenExecutor:
            lost = list(waiting.values())
        else:
            return
        with Lonely(partial(pool_of, 1)) as lonely:
            yield from survive(function, lost, probe=probe, lonely=lonely)


def _stream(
    executor: Executor,
    function: Callable[[Shard], R],
    shards: Iterator[Shard],
    waiting: dict[Future[R], Shard],
    *,
    depth: Callable[[], int],
) -> Iterator[tuple[Shard, R]]:
    """Keep some shards in `waiting`, and give those that are ready; after an exception it holds the lost."""
    while True:
        for shard in islice(shards, max(0, depth() - len(waiting))):
            try:
                waiting[executor.submit(function, shard)] = shard
            except BrokenExecutor as error:  # it broke just now: the shard is lost like the others
                future: Future[R] = Future()
                future.set_exception(error)
                waiting[future] = shard
        if not waiting:
            return
        done, _ = wait(waiting, return_when=FIRST_COMPLETED)
        for future in sorted(done, key=lambda one: one.exception() is not None):  # what is ready first
            result = future.result()
            yield waiting.pop(future), result


def _begin(shares: SimpleQueue[list[int]]) -> None:
    """Keep to some cores, leave interrupts to the parent, and die with it: its pipes never tell."""
    cores = shares.get()
    os.sched_setaffinity(0, cores)
    threadpool_limits(len(cores))
    os.environ.setdefault(THREADS, str(max(2, len(cores))))  # with one, other bits
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_die_after, args=(parent,), daemon=True).start()


def _die_after(parent: multiprocessing.process.BaseProcess) -> None:
    parent.join()
    os._exit(1)


logger = logging.getLogger(__name__)

MOST_DEADLY: Final = 8
"""Files of one shard that may each kill a process; more of them, and it is the machine and not the files."""


class Lonely:
    """One process at a time, that works on one thing at a time; after its death there is another.

    Parameters
    ----------
    make
        Makes a pool of one new process.
    """

    def __init__(self, make: Callable[[], AbstractContextManager[Executor]]) -> None:
        self._make = make
        self._pool: AbstractContextManager[Executor] | None = None
        self._executor: Executor | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def do(self, function: Callable[..., R], *arguments: object) -> R:
        """Give what `function` makes of its arguments in the process.

        Raises
        ------
        concurrent.futures.BrokenExecutor
            The process died.
        """
        if self._executor is None:
            self._pool = self._make()
            self._executor = self._pool.__enter__()
        try:
            return self._executor.submit(function, *arguments).result()
        except BrokenExecutor:
            self._close()
            raise

    def _close(self) -> None:
        if self._pool is not None:
            self._pool.__exit__(None, None, None)
        self._pool = self._executor = None


def survive(
    function: Callable[[Shard], R], lost: Iterable[Shard], *, probe: Callable[[Shard], object], lonely: Lonely
) -> Iterator[tuple[Shard, R]]:
    """Do the shards that were lost when a process died.

    Each is done again, alone: a process that was killed for another's memory
    is no news. Where the process dies again, the files of the shard are halved
    until those are found of which it dies; they are left out and become
    rejects with the code ``worker_died``.

    Parameters
    ----------
    function
        What is to be done with a shard.
    lost
        The shards.
    probe
        What is done with some files of a shard to see whether a process dies of them.
    lonely
        Where to do it.

    Yields
    ------
    tuple
        A shard, perhaps with deadly files marked, and what `function` made of it.

    Raises
    ------
    EmlineError
        Processes die without files, of too many files, or of none alone.
    """
    waiting = deque(lost)
    numbers = ", ".join(str(shard.number) for shard in waiting)
    logger.warning("a process died; the shards that were in work (%s) are done again one at a time", numbers)
    while waiting:
        shard = waiting.popleft()
        try:
            yield shard, lonely.do(function, shard)
        except BrokenExecutor:
            logger.warning("it died again of shard %d; looking for the file", shard.number)
            shard = _without_deadly(shard, probe=probe, lonely=lonely)
            yield shard, _last_try(function, shard, lonely)


def _without_deadly(shard: Shard, *, probe: Callable[[Shard], object], lonely: Lonely) -> Shard:
    found = _deadly(shard, shard.sources, probe=probe, lonely=lonely) if _lives(lonely) else []
    if not 0 < len(found) <= MOST_DEADLY:
        raise EmlineError(_verdict(shard, len(found)))
    logger.warning("left out, as a process dies of each: %s", ", ".join(found))
    return replace(shard, deadly=frozenset(found))


def _last_try(function: Callable[[Shard], R], shard: Shard, lonely: Lonely) -> R:
    try:
        return lonely.do(function, shard)
    except BrokenExecutor as error:
        raise EmlineError(_verdict(shard, 0)) from error


def _lives(lonely: Lonely) -> bool:
    """Tell whether a process lives that has nothing to do."""
    try:
        lonely.do(int)
    except BrokenExecutor:
        return False
    return True


def _deadly(
    shard: Shard, sources: Sequence[str], *, probe: Callable[[Shard], object], lonely: Lonely
) -> list[str]:
    """Find the files of which a process dies, by halving; stops soon after too many."""
    try:
        lonely.do(probe, replace(shard, size=len(sources), sources=tuple(sources)))
    except BrokenExecutor:
        if len(sources) <= 1:
            return list(sources)
    else:
        return []
    middle = len(sources) // 2
    found = _deadly(shard, sources[:middle], probe=probe, lonely=lonely)
    if len(found) <= MOST_DEADLY:
        found += _deadly(shard, sources[middle:], probe=probe, lonely=lonely)
    return found


def _verdict(shard: Shard, found: int) -> str:
    files = f" ({shard.sources[0]} … {shard.sources[-1]})" if shard.sources else ""
    why = f"of more than {MOST_DEADLY} files" if found else "of no file alone"
    return (
        f"processes die of shard {shard.number}{files}, {why}: look for a lack of memory, "
        "or for a fault of the machine; finished shards are kept, start again to continue, "
        "perhaps with fewer workers or smaller shards"
    )

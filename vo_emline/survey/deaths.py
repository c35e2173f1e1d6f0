"""What to do with shards of which a process may have died: one at a time, then file by file."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Final, Self, TypeVar

from vo_emline.errors import EmlineError
from vo_emline.survey.shards import Shard

logger = logging.getLogger(__name__)

MOST_DEADLY: Final = 8
"""Files of one shard that may each kill a process; more of them, and it is the machine and not the files."""

R = TypeVar("R")


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

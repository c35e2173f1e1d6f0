"""The places for queries that run at the same time, each with a thread of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import anyio

from service.errors import BusyError

T = TypeVar("T")


class Places:
    """The places for synchronous queries, with a thread for each.

    Parameters
    ----------
    number
        How many queries may run at the same time.
    seconds
        How long one more waits for a place.
    """

    def __init__(self, number: int, *, seconds: float) -> None:
        self._free = asyncio.Semaphore(number)
        self._threads = anyio.CapacityLimiter(number)
        self._seconds = seconds

    @asynccontextmanager
    async def take(self) -> AsyncIterator[None]:
        """Hold a place for the length of a ``with`` block.

        Raises
        ------
        BusyError
            None became free in time.
        """
        try:
            await asyncio.wait_for(self._free.acquire(), self._seconds)
        except TimeoutError:
            raise BusyError("the service is busy; try again soon, or send the query to /tap/async") from None
        try:
            yield
        finally:
            self._free.release()

    async def call(self, function: Callable[[], T]) -> T:
        """Run a blocking function in a thread and wait until it has really ended."""
        return await anyio.to_thread.run_sync(function, limiter=self._threads)

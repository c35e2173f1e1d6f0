"""The slots for work that runs at the same time and is waited for, each with a thread of its own."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import anyio

from service.errors import BusyError, QuotaError

T = TypeVar("T")


class Slots:
    """Slots with a thread for each.

    Parameters
    ----------
    number
        How much may run at the same time.
    each
        How much of it for one client.
    seconds
        How long more waits for a slot.
    """

    def __init__(self, number: int, *, each: int, seconds: float) -> None:
        self._free = asyncio.Semaphore(number)
        self._threads = anyio.CapacityLimiter(number)
        self._clients: defaultdict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(each))
        self._holders: defaultdict[str, int] = defaultdict(int)
        self._seconds = seconds
        self.taken = 0
        """Slots that are taken."""
        self.waiting = 0
        """Requests that wait for one."""
        self.long = 0
        """Slots held by what takes long."""
        self._number = number
        self._pressing = 0

    @asynccontextmanager
    async def take(self, client: str) -> AsyncIterator[None]:
        """Hold a slot for the length of a ``with`` block.

        Raises
        ------
        QuotaError
            This client has as many slots as it may, and none of them became free in time.
        BusyError
            No slot became free in time.
        """
        self._holders[client] += 1
        self.waiting += 1
        own = self._clients[client]
        try:
            async with asyncio.timeout(self._seconds) as limit:
                await own.acquire()
                self._pressing += 1
                try:
                    await self._free.acquire()
                except BaseException:
                    own.release()
                    raise
                finally:
                    self._pressing -= 1
        except TimeoutError:
            self._leave(client)
            if not limit.expired():
                raise
            if own.locked():
                raise QuotaError("you have as many requests running as one may; try again soon") from None
            raise BusyError("the service is busy; try again soon, or send the query to /tap/async") from None
        except BaseException:
            self._leave(client)
            raise
        finally:
            self.waiting -= 1
        self.taken += 1
        try:
            yield
        finally:
            self.taken -= 1
            self._free.release()
            own.release()
            self._leave(client)

    def crowded(self, *, reserve: int) -> bool:
        """Tell whether others wait while what takes long holds more than all but `reserve` slots."""
        return self._pressing > 0 and self.long > max(1, self._number - reserve)

    async def call(self, function: Callable[[], T]) -> T:
        """Run a blocking function in a thread and wait until it has really ended."""
        return await anyio.to_thread.run_sync(function, limiter=self._threads)

    def _leave(self, client: str) -> None:
        self._holders[client] -= 1
        if not self._holders[client]:
            del self._holders[client], self._clients[client]

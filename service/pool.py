"""A few processes that work at the same time, for work that is waited for."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator
from typing import Any

from service.errors import BusyError
from service.nursery import Limits, Work
from service.processes import Nursery, Worker, shared_nursery


class Pool:
    """A few workers at the same time, for work that is waited for.

    Parameters
    ----------
    number
        How many work at the same time; others wait.
    limits
        What each may use.
    nursery
        Where they come from; the one of this process by default.
    reuse
        Whether a worker does more than one call. One that read a stranger's data should not.
    """

    def __init__(
        self,
        number: int,
        *,
        limits: Limits | None = None,
        nursery: Nursery | None = None,
        reuse: bool = False,
    ) -> None:
        self._nursery = nursery or shared_nursery()
        self._limits = limits or Limits()
        self._free = threading.BoundedSemaphore(number)
        self._reuse = reuse
        self._idle: list[Worker] = []

    def call(
        self,
        work: Work,
        *arguments: Any,
        seconds: float,
        started: Callable[[Worker], None] | None = None,
    ) -> Generator[bytes, None, None]:
        """Do `work` in a worker and give the pieces of its answer; close the iterator to stop it.

        Parameters
        ----------
        seconds
            Time for everything, the wait for a worker and the reading of the answer included.
        started
            Told which worker does it, so that another thread may kill it.

        Raises
        ------
        BusyError
            No worker became free in time.
        UserError, FaultError, KilledError
            See :meth:`Worker.call`.
        """
        deadline = time.monotonic() + seconds
        if not self._free.acquire(timeout=max(0.0, seconds)):
            raise BusyError("the service is busy; try again soon")
        try:
            worker = self._idle.pop() if self._idle else self._nursery.worker(self._limits)
            try:
                if started:
                    started(worker)
                yield from worker.call(work, arguments, deadline=deadline)
            finally:
                if self._reuse and worker.alive and not worker.slow:
                    self._idle.append(worker)
                else:
                    worker.close()
        finally:
            self._free.release()

    def start(self) -> None:
        """Begin to import what workers need, so that the first one need not wait for it."""
        self._nursery.start()

    def close(self) -> None:
        """End the workers that wait for work."""
        while self._idle:
            self._idle.pop().close()

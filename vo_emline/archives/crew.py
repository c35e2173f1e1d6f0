"""The threads that ask for files while the caller writes them."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from vo_emline.archives.records import ArchiveRecord
from vo_emline.archives.transfer import STOPPED, Check, Courier, Payload, Politeness, TransferError

_TICK = 0.2
"""How often a waiting thread looks whether the work has ended, s."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One spectrum to download."""

    record: ArchiveRecord
    url: str
    request: str
    """The form that is asked for (:meth:`SpectrumRequest.describe`)."""
    stem: str
    """Name of the file without suffix."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of a job: a file, or the reason why there is none."""

    job: Job
    payload: Payload | None = None
    code: str = ""
    reason: str = ""
    retry: bool = False


class Crew:
    """Threads that work through a list of jobs.

    Parameters
    ----------
    jobs
        What to do, in this order.
    politeness
        How many at a time, how fast, how long.
    check
        Looks at each delivered file.
    """

    def __init__(self, jobs: Sequence[Job], politeness: Politeness, check: Check) -> None:
        self.halted = ""
        """Why the work ended before the last job; empty where it did not."""
        self._total = len(jobs)
        self._waiting = iter(jobs)
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._done: queue.Queue[Result] = queue.Queue()
        self._courier = Courier(politeness, check, self._stop)
        budget = politeness.budget
        self._deadline = None if budget is None else time.monotonic() + budget
        count = min(politeness.concurrency, len(jobs))
        # given back when a result is recorded: so much, and no more, is asked again after a kill
        self._permits = threading.Semaphore(count)
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(count)]
        for thread in self._threads:
            thread.start()

    def results(self) -> Iterator[Result]:
        """Yield results as they come, until all are there or the time is spent."""
        for _ in range(self._total):
            result = self._next()
            if result is None:
                self.halted = "the time budget is spent"
                return
            yield result
            self._permits.release()

    def dismiss(self) -> list[Result]:
        """End the work; give what has come and was not yielded yet."""
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout=5 * _TICK)
        self._courier.close()
        left = []
        while not self._done.empty():
            result = self._done.get()
            if result.code != STOPPED:
                left.append(result)
        return left

    def _next(self) -> Result | None:
        while self._deadline is None or time.monotonic() < self._deadline:
            try:
                return self._done.get(timeout=_TICK)
            except queue.Empty:
                if self._done.empty() and not any(thread.is_alive() for thread in self._threads):
                    raise RuntimeError("the downloading threads died; their tracebacks say why") from None
        return None

    def _work(self) -> None:
        while not self._stop.is_set():
            if not self._permits.acquire(timeout=_TICK):
                continue
            with self._lock:
                job = next(self._waiting, None)
            if job is None:
                self._permits.release()
                return
            self._done.put(self._run(job))

    def _run(self, job: Job) -> Result:
        try:
            return Result(job=job, payload=self._courier.fetch(job.url))
        except TransferError as error:
            return Result(job=job, code=error.code, reason=str(error), retry=error.retry)

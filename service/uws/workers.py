"""The threads that execute queued jobs, enforce their time limits and destroy what has expired."""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final, Protocol, TypeVar

from service.errors import NotFoundError, StoppedError
from service.uws.jobs import Job, JobStore, Phase, now
from vo_emline.errors import UserError

logger = logging.getLogger(__name__)

MAX_ATTEMPTS: Final = 2
"""Executions after which a job is given up that was on its way whenever the service died."""
JANITOR_SECONDS: Final = 2.0
"""How often expired jobs are looked for."""
CLOSE_SECONDS: Final = 5.0
"""How long the end of the service waits for a thread; what still runs is done again at the next start."""
RETRY_SECONDS: Final = 1.0
"""How often a write is tried again that the disk refused."""
RESULT: Final = "result"
"""File name of the result in the job's folder, and its identifier in UWS documents."""
_EXECUTING: Final = (Phase.EXECUTING,)


T = TypeVar("T")


class Work(Protocol):
    """The execution of one job."""

    def run(self) -> str:
        """Do it within the job's time limit, leave the file ``result`` and give its content type."""
        ...

    def stop(self) -> None:
        """Make :meth:`run` raise soon; called from another thread, possibly before it begins."""
        ...


MakeWork = Callable[[Job, Path, int], Work]
"""Prepares the execution of a job, given its folder and the bytes its result may have."""


class Workers:
    """A few threads for jobs and one for expiry.

    Parameters
    ----------
    store
        The jobs.
    number
        Jobs executed at the same time.
    max_bytes
        Disk for all results together.
    folder
        Gives the folder of a job.
    make_work
        Prepares the execution of a job.
    destroy
        Removes a job with its files.
    """

    def __init__(
        self,
        store: JobStore,
        *,
        number: int,
        max_bytes: int,
        folder: Callable[[str], Path],
        make_work: MakeWork,
        destroy: Callable[[str], None],
    ) -> None:
        self._store = store
        self._max_bytes = max_bytes
        self._folder = folder
        self._make_work = make_work
        self._destroy = destroy
        self._wake = threading.Condition()
        self._closing = threading.Event()
        self._works: dict[str, Work] = {}
        self._failed = False
        loops = [(f"job-{index}", self._work_loop) for index in range(number)]
        self._threads = [
            threading.Thread(target=loop, name=name, daemon=True)
            for name, loop in [*loops, ("job-janitor", self._janitor_loop)]
        ]

    def start(self) -> None:
        """Start the threads."""
        for thread in self._threads:
            thread.start()

    def wake(self) -> None:
        """Tell that a job was queued."""
        with self._wake:
            self._wake.notify()

    def stop(self, job_id: str) -> None:
        """Stop the execution of a job, if it is being executed."""
        work = self._works.get(job_id)
        if work:
            work.stop()

    def close(self) -> None:
        """Stop everything and wait for the threads; what was executing stays marked so."""
        self._closing.set()
        with self._wake:
            self._wake.notify_all()
        for work in list(self._works.values()):
            work.stop()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(timeout=CLOSE_SECONDS)

    def problem(self) -> str | None:
        """Say what keeps jobs from being executed; None where nothing does."""
        if self._failed:
            return "the state of jobs cannot be written"
        alive = [thread.is_alive() for thread in self._threads]
        return None if all(alive) or self._closing.is_set() else "not all job workers run"

    def _work_loop(self) -> None:
        while not self._closing.is_set():
            job = self._steady(self._store.next_queued)
            if job is None:
                with self._wake:
                    self._wake.wait(timeout=1.0)
                continue
            self._execute(job)

    def _steady(self, action: Callable[[], T]) -> T | None:
        """Do what needs the disk, again and again while it is full, locked or gone; None at the end."""
        while not self._closing.is_set():
            try:
                done = action()
            except (sqlite3.Error, OSError) as error:
                if not self._failed:
                    logger.error("jobs wait for their disk: %s", error)  # noqa: TRY400 - the message says all
                self._failed = True
                self._closing.wait(RETRY_SECONDS)
            else:
                self._failed = False
                return done
        return None

    def _execute(self, job: Job) -> None:
        if job.attempts > MAX_ATTEMPTS:
            self._end(job, Phase.ERROR, error=f"the service stopped {MAX_ATTEMPTS} times during this job")
            return
        try:
            room = self._max_bytes - (self._steady(self._store.size) or 0)
            work = self._works[job.job_id] = self._make_work(job, self._folder(job.job_id), room)
            if self._still_wanted(job):
                media_type = work.run()
                size = (self._folder(job.job_id) / RESULT).stat().st_size
                self._end(job, Phase.COMPLETED, media_type=media_type, size=size)
        except StoppedError:
            logger.info("job %s was stopped", job.job_id)
        except UserError as error:
            self._end(job, Phase.ERROR, error=str(error))
        except Exception:
            if self._still_wanted(job):  # otherwise its folder was removed under it
                logger.exception("job %s failed", job.job_id)
                self._end(job, Phase.ERROR, error="internal error of the service")
        finally:
            self._works.pop(job.job_id, None)

    def _still_wanted(self, job: Job) -> bool:
        """Tell whether nobody aborted the job while its execution was prepared."""
        try:
            found = self._steady(partial(self._store.get, job.job_id))
        except NotFoundError:
            return False
        return found is not None and found.phase is Phase.EXECUTING and not self._closing.is_set()

    def _end(self, job: Job, phase: Phase, **values: object) -> None:
        change = partial(self._store.change, job.job_id, among=_EXECUTING)
        self._steady(partial(change, phase=phase, ended=now(), **values))

    def _janitor_loop(self) -> None:
        while not self._closing.wait(JANITOR_SECONDS):
            self._steady(self._destroy_expired)
            self._steady(self._stop_unwanted)

    def _stop_unwanted(self) -> None:
        """Stop what was aborted or destroyed, also where another process was told so."""
        for job_id, work in list(self._works.items()):
            try:
                wanted = self._store.get(job_id).phase is Phase.EXECUTING
            except NotFoundError:
                wanted = False
            if not wanted:
                work.stop()

    def _destroy_expired(self) -> None:
        for job in self._store.expired(now()):
            with suppress(NotFoundError):  # its owner was quicker
                self._destroy(job.job_id)
                logger.info("job %s has expired", job.job_id)

"""The life of jobs: made, changed, queued, aborted, destroyed (UWS 1.1, section 2.1)."""

from __future__ import annotations

import logging
import math
import secrets
import shutil
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Final

from service.config import Settings
from service.errors import BusyError, QuotaError, TooLargeError
from service.files import hold
from service.uws.jobs import ACTIVE, REPEATABLE, Job, JobStore, Pairs, Phase, now
from service.uws.workers import MakeWork, Workers
from vo_emline.errors import UserError

logger = logging.getLogger(__name__)

STAND_BY_SECONDS: Final = 1.0
"""How often a process looks whether the one that executes jobs has ended."""
YOUNG_SECONDS: Final = 60.0
"""A folder younger than that may belong to a job that another process is making."""

MAX_PARAMETERS: Final = 2_000_000
"""Bytes of the parameters of one job, its query included."""


class JobManager:
    """Jobs and what can be done with them.

    Parameters
    ----------
    directory
        Folder of the job store and the results; made where it does not exist.
    settings
        Limits on time, number and retention.
    make_work
        Prepares the execution of a job.

    Raises
    ------
    UserError
        Another service uses the folder.
    """

    def __init__(self, directory: Path, *, settings: Settings, make_work: MakeWork) -> None:
        self._directory = directory
        self._settings = settings
        directory.mkdir(parents=True, exist_ok=True)
        self._closing = threading.Event()
        self._shared = settings.processes > 1
        self._leads = False
        self._lock_file: IO[str] | None = None if self._shared else hold(directory / "lock")
        self._store = JobStore(directory / "jobs.sqlite")
        self._workers = Workers(
            self._store,
            number=settings.workers,
            max_bytes=settings.results_bytes,
            folder=self.folder,
            make_work=make_work,
            destroy=self.destroy,
        )

    def start(self) -> None:
        """Begin to execute jobs; what was executing when the service stopped is executed again.

        Of several processes one executes them, and another where that one has ended.
        """
        if self._shared:
            threading.Thread(target=self._stand_by, name="job-leader", daemon=True).start()
        else:
            self._lead()

    def close(self) -> None:
        """Stop executing; jobs on the way are executed again at the next start."""
        self._closing.set()
        self._workers.close()
        if self._leads:
            try:
                self._store.hand_back()
            except sqlite3.Error as error:  # they are queued at the next start, and counted as begun
                logger.warning("jobs wait for their disk: %s", error)
        self._store.close()
        if self._lock_file:
            self._lock_file.close()

    def _lead(self) -> None:
        self._store.requeue()
        self._remove_orphans()
        self._leads = True
        self._workers.start()

    def _stand_by(self) -> None:
        """Execute jobs as soon as no other process does."""
        while not self._closing.is_set():
            try:
                self._lock_file = hold(self._directory / "executor")
                self._lead()
            except UserError:
                self._closing.wait(STAND_BY_SECONDS)
            except (sqlite3.Error, OSError) as error:
                logger.error("jobs wait for their disk: %s", error)  # noqa: TRY400 - the message says all
                if self._lock_file:
                    self._lock_file.close()
                self._closing.wait(STAND_BY_SECONDS)
            else:
                return

    def folder(self, job_id: str) -> Path:
        """Give the folder of a job's files."""
        return self._directory / "jobs" / job_id

    def problem(self) -> str | None:
        """Say what keeps jobs from being executed; None where nothing does."""
        return self._workers.problem() if self._leads else None

    def phases(self) -> Counter[Phase]:
        """Count the jobs of each phase."""
        return self._store.phases()

    def get(self, job_id: str) -> Job:
        """Give a job; NotFoundError where there is none."""
        return self._store.get(job_id)

    def newest(self, *, phases: Sequence[Phase], after: datetime | None, last: int) -> list[Job]:
        """Give the newest jobs, newest first; none of other people where the settings say so."""
        return self._store.newest(phases=phases, after=after, last=last) if self._settings.job_list else []

    def create(self, parameters: Pairs, *, owner: str = "") -> Job:
        """Make a pending job.

        Raises
        ------
        BusyError
            As many jobs exist as the settings allow.
        QuotaError
            As many jobs or bytes of this owner are kept as the settings allow.
        TooLargeError
            The parameters are longer than a job may keep.
        """
        kept = _size(parameters)
        self._check_quota(owner, kept, jobs=1)
        if self._store.count() >= self._settings.jobs_kept:
            raise BusyError("the service keeps as many jobs as it may; delete some of yours")
        moment = now()
        job = Job(
            job_id=secrets.token_hex(16),
            phase=Phase.PENDING,
            run_id=_last(parameters, "RUNID"),
            parameters=parameters,
            created=moment,
            duration=self._settings.job_seconds_default,
            destruction=moment + timedelta(days=self._settings.retention_days_default),
            owner=owner,
            kept=kept,
        )
        self.folder(job.job_id).mkdir(parents=True)
        self._store.add(job)
        return job

    def set_parameters(self, job_id: str, parameters: Pairs) -> None:
        """Replace or add parameters of a pending job."""
        job = self.get(job_id)
        replaced = {name for name, _ in parameters if name not in REPEATABLE}
        kept = [(name, value) for name, value in job.parameters if name not in replaced]
        merged = [*kept, *parameters]
        grown = _size(merged) - _size(job.parameters)
        self._check_quota(job.owner, grown)
        self._change_pending(job_id, parameters=merged, run_id=_last(merged, "RUNID"), kept=job.kept + grown)

    def check_upload(self, job_id: str, size: int) -> None:
        """Count `size` bytes that are to be uploaded to a pending job.

        Raises
        ------
        QuotaError
            As many bytes of its owner are kept as the settings allow.
        TooLargeError
            It has as many bytes as a request may have.
        """
        job = self.get(job_id)
        if job.kept + size > self._settings.upload_bytes + MAX_PARAMETERS:
            raise TooLargeError(f"the uploads of a job may have {self._settings.upload_bytes} bytes together")
        self._check_quota(job.owner, size)
        self._change_pending(job_id, kept=job.kept + size)

    def set_duration(self, job_id: str, seconds: int) -> None:
        """Set the time limit of a pending job, s; 0 means as long as the service allows."""
        hard = self._settings.job_seconds_hard
        self._change_pending(job_id, duration=min(seconds, hard) if seconds > 0 else hard)

    def set_destruction(self, job_id: str, moment: datetime) -> None:
        """Set when the job is destroyed, within what the service allows."""
        job = self.get(job_id)
        latest = job.created + timedelta(days=self._settings.retention_days_hard)
        self._store.change(job_id, among=tuple(Phase), destruction=min(moment, latest))

    def run(self, job_id: str) -> None:
        """Queue a pending job; one that is queued or executing already stays so.

        Raises
        ------
        UserError
            It has ended.
        """
        if self._store.change(job_id, among=(Phase.PENDING,), phase=Phase.QUEUED):
            self._workers.wake()
        elif self.get(job_id).phase not in ACTIVE:
            raise UserError(f"job {job_id} has ended; create a new one")

    def abort(self, job_id: str) -> None:
        """Stop a job; one that has ended stays as it is."""
        self.get(job_id)
        self._store.change(job_id, among=ACTIVE, phase=Phase.ABORTED, ended=now(), error="aborted on request")
        self._workers.stop(job_id)

    def destroy(self, job_id: str) -> None:
        """Stop a job and remove it with its files."""
        self.abort(job_id)
        self._store.remove(job_id)
        shutil.rmtree(self.folder(job_id), ignore_errors=True)

    def _change_pending(self, job_id: str, **values: object) -> None:
        if not self._store.change(job_id, among=(Phase.PENDING,), **values):
            raise UserError(
                f"job {job_id} is {self.get(job_id).phase.value}; only a PENDING job can be changed"
            )

    def _check_quota(self, owner: str, grown: int, *, jobs: int = 0) -> None:
        held, size = self._store.held(owner)
        if held + jobs > self._settings.client_jobs:
            raise QuotaError(f"you keep {held} jobs, which is the most; delete some")
        if grown > 0 and size + grown > self._settings.client_bytes:
            raise QuotaError(f"your jobs keep {size} bytes, which is the most; delete some")

    def _remove_orphans(self) -> None:
        known = self._store.identifiers()
        young = time.time() - YOUNG_SECONDS if self._shared else math.inf
        for folder in (self._directory / "jobs").glob("*"):
            if folder.name not in known and folder.stat().st_mtime < young:
                shutil.rmtree(folder, ignore_errors=True)


def _size(parameters: Pairs) -> int:
    size = sum(len(name) + len(value.encode("utf-8", "surrogatepass")) for name, value in parameters)
    if size > MAX_PARAMETERS:
        raise TooLargeError(f"the parameters of a job may have {MAX_PARAMETERS} bytes together")
    return size


def _last(parameters: Pairs, name: str) -> str | None:
    values = [value for key, value in parameters if key == name]
    return values[-1] if values else None

"""Downloading many spectra into a folder: enters what comes, notices when an archive is down."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from vo_emline import progress
from vo_emline.archives.addresses import redact
from vo_emline.archives.crew import Crew, Job, Result
from vo_emline.archives.manifest import Entry, Manifest, Status
from vo_emline.archives.transfer import Check, Payload, Politeness
from vo_emline.rejects import Reject

log = logging.getLogger(__name__)

_FORBIDDEN = frozenset(("http_401", "http_403"))
"""Codes of what may be allowed another time: with a token, or after an embargo."""

_REPORT_EVERY = 30.0
"""Time between two lines of progress in the log, s."""


@dataclass(slots=True)
class Outcome:
    """What became of the jobs."""

    fetched: int = 0
    size: int = 0
    """Bytes that came."""
    seconds: float = 0.0
    missing: list[Reject] = field(default_factory=list)
    retryable: int = 0
    """How many that did not come may come another time."""
    halted: str = ""
    """Why the work ended before the last job; empty where it did not."""


def download(
    jobs: Sequence[Job], manifest: Manifest, *, check: Check, politeness: Politeness | None = None
) -> Outcome:
    """Download spectra into the manifest's folder.

    Parameters
    ----------
    jobs
        What to download.
    manifest
        Where to enter it; only the calling thread writes.
    check
        Looks at each delivered file.
    politeness
        How to treat the archive.

    Returns
    -------
    Outcome
        Counts, and a :class:`~vo_emline.rejects.Reject` for each spectrum that
        could not be had. An interruption from the keyboard is raised after all
        that has come is safe.
    """
    politeness = politeness or Politeness()
    outcome = Outcome()
    ledger = _Ledger(manifest, outcome)
    reporter = _Reporter(len(jobs))
    crew = Crew(jobs, politeness, check)
    bar = progress.track(jobs, "Fetching")
    try:
        for result in crew.results():
            ledger.enter(result)
            bar.update()
            reporter.tell(outcome)
            if ledger.failures >= politeness.patience:
                outcome.halted = f"{ledger.failures} spectra in a row failed, the last: {ledger.reason}"
                break
        outcome.halted = outcome.halted or crew.halted
    finally:
        for result in crew.dismiss():
            ledger.enter(result)
        bar.close()
        outcome.seconds = reporter.seconds
    outcome.retryable += len(jobs) - outcome.fetched - len(outcome.missing)
    return outcome


class _Ledger:
    """Enters results into the manifest and the outcome."""

    def __init__(self, manifest: Manifest, outcome: Outcome) -> None:
        self._manifest = manifest
        self._outcome = outcome
        self.failures = 0
        """How many spectra in a row failed in a way that speaks of the archive, not of them."""
        self.reason = ""
        """Why the last one did."""

    def enter(self, result: Result) -> None:
        """Store a delivered file, or note why there is none."""
        if result.payload is None:
            self._note(result.job, result.code, result.reason, retry=result.retry)
        else:
            self._store(result.job, result.payload)

    def _store(self, job: Job, payload: Payload) -> None:
        content = payload.content
        entry = replace(
            _entry(job),
            status="done",
            file=job.stem + payload.suffix,
            size=len(content),
            sha256=hashlib.sha256(content).hexdigest(),
            service=payload.headers.get("server", ""),
        )
        self._manifest.store(entry, content)
        self._outcome.fetched += 1
        self._outcome.size += len(content)
        self.failures = 0

    def _note(self, job: Job, code: str, reason: str, *, retry: bool) -> None:
        forbidden = code in _FORBIDDEN
        self.reason = redact(reason)
        status: Status = "failed" if retry or forbidden else "refused"
        self._manifest.note(replace(_entry(job), status=status, code=code, reason=self.reason))
        self._outcome.missing.append(Reject(job.record.publisher_did, code, self.reason))
        self._outcome.retryable += status == "failed"
        # an embargoed spectrum among others says nothing of the archive; a wrong token forbids all
        speaks = retry or (forbidden and not self._outcome.fetched)
        self.failures = self.failures + 1 if speaks else 0


def _entry(job: Job) -> Entry:
    record = job.record
    return Entry(
        publisher_did=record.publisher_did,
        request=job.request,
        status="failed",
        url=redact(job.url),
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        target=record.target,
        ra=record.ra,
        dec=record.dec,
        epoch_mjd=record.epoch_mjd,
    )


class _Reporter:
    """Says in the log how far the work is, for those who see no progress bar."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._started = self._last = time.monotonic()

    @property
    def seconds(self) -> float:
        """Time since the start, s."""
        return time.monotonic() - self._started

    def tell(self, outcome: Outcome) -> None:
        """Write a line where the last one is long ago."""
        now = time.monotonic()
        if now - self._last < _REPORT_EVERY:
            return
        self._last = now
        done = outcome.fetched + len(outcome.missing)
        rate = done / self.seconds
        left = (self._total - done) / rate / 60
        log.info("%d of %d spectra, %.1f per second, %.0f min left", done, self._total, rate, left)

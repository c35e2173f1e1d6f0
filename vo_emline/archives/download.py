"""Downloading many spectra into a folder: addresses and file names, a ledger, an eye on the archive."""

from __future__ import annotations

import hashlib
import logging
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from urllib.parse import unquote

from vo_emline import progress
from vo_emline.archives.datalink import SpectrumRequest
from vo_emline.archives.discovery import last_part
from vo_emline.archives.manifest import Entry, Manifest, Status
from vo_emline.archives.records import ArchiveRecord
from vo_emline.errors import UserError
from vo_emline.net.cache import Download
from vo_emline.net.content import check_fits, fits_suffix
from vo_emline.net.session import Politeness, Session, redact
from vo_emline.net.transfer import LARGEST, Downloads, Outcome, download
from vo_emline.rejects import Reject

log = logging.getLogger(__name__)

_FORBIDDEN = frozenset(("http_401", "http_403"))
"""Codes of what may be allowed another time: with a token, or after an embargo."""

_REPORT_EVERY = 30.0
"""Time between two lines of progress in the log, s."""


_UNSAFE = re.compile(r"[^A-Za-z0-9._+-]")
_SUFFIX = re.compile(r"(\.(fits?|gz|vot))+$", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One spectrum to download."""

    record: ArchiveRecord
    url: str
    request: str
    """The form that is asked for (:meth:`SpectrumRequest.describe`)."""
    stem: str
    """Name of the file without suffix."""


@dataclass(slots=True)
class Tally:
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


def download_jobs(jobs: Sequence[Job], manifest: Manifest, *, politeness: Politeness | None = None) -> Tally:
    """Download spectra into the manifest's folder.

    Parameters
    ----------
    jobs
        What to download.
    manifest
        Where to enter it; only the calling thread writes.
    politeness
        How to treat the archive.

    Returns
    -------
    Tally
        Counts, and a :class:`~vo_emline.rejects.Reject` for each spectrum that
        could not be had. An interruption from the keyboard is raised after all
        that has come is safe.
    """
    politeness = politeness or Politeness()
    tally = Tally()
    ledger = _Ledger(manifest, tally)
    reporter = _Reporter(len(jobs))
    bar = progress.track(jobs, "Fetching")
    with Session(politeness, largest=LARGEST) as session:
        work = Downloads(
            [job.url for job in jobs],
            lambda url, stop: download(session, url, check=check_fits, stop=stop),
            parallel=politeness.concurrency,
            budget=politeness.budget,
        )
        try:
            for outcome in work.outcomes():
                ledger.enter(jobs[outcome.index], outcome)
                bar.update()
                reporter.tell(tally)
                if ledger.failures >= politeness.patience:
                    tally.halted = f"{ledger.failures} spectra in a row failed, the last: {ledger.reason}"
                    break
            tally.halted = tally.halted or work.halted
        finally:
            for outcome in work.close():
                ledger.enter(jobs[outcome.index], outcome)
            bar.close()
            tally.seconds = reporter.seconds
    tally.retryable += len(jobs) - tally.fetched - len(tally.missing)
    return tally


class _Ledger:
    """Enters outcomes into the manifest and the tally."""

    def __init__(self, manifest: Manifest, tally: Tally) -> None:
        self._manifest = manifest
        self._tally = tally
        self.failures = 0
        """How many spectra in a row failed in a way that speaks of the archive, not of them."""
        self.reason = ""
        """Why the last one did."""

    def enter(self, job: Job, outcome: Outcome) -> None:
        """Store a delivered file, or note why there is none."""
        if outcome.download is not None:
            self._store(job, outcome.download)
        elif outcome.error is not None:
            self._note(job, outcome.error.code, str(outcome.error), retry=outcome.error.retry)

    def _store(self, job: Job, delivered: Download) -> None:
        content = delivered.content
        entry = replace(
            _entry(job),
            status="done",
            file=job.stem + fits_suffix(content),
            size=len(content),
            sha256=hashlib.sha256(content).hexdigest(),
            service=delivered.service,
        )
        self._manifest.store(entry, content)
        self._tally.fetched += 1
        self._tally.size += len(content)
        self.failures = 0

    def _note(self, job: Job, code: str, reason: str, *, retry: bool) -> None:
        forbidden = code in _FORBIDDEN
        self.reason = redact(reason)
        status: Status = "failed" if retry or forbidden else "refused"
        self._manifest.note(replace(_entry(job), status=status, code=code, reason=self.reason))
        self._tally.missing.append(Reject(job.record.publisher_did, code, self.reason))
        self._tally.retryable += status == "failed"
        # an embargoed spectrum among others says nothing of the archive; a wrong token forbids all
        speaks = retry or (forbidden and not self._tally.fetched)
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

    def tell(self, tally: Tally) -> None:
        """Write a line where the last one is long ago."""
        now = time.monotonic()
        if now - self._last < _REPORT_EVERY:
            return
        self._last = now
        done = tally.fetched + len(tally.missing)
        rate = done / self.seconds
        left = (self._total - done) / rate / 60
        log.info("%d of %d spectra, %.1f per second, %.0f min left", done, self._total, rate, left)


def make_jobs(records: Sequence[ArchiveRecord], request: SpectrumRequest, manifest: Manifest) -> list[Job]:
    """Say for each record where to ask and what to call the file.

    Records of which the archive tells no address are left out.

    Raises
    ------
    UserError
        If the archive does not offer the form that is wanted.
    """
    taken = {_SUFFIX.sub("", e.file).lower(): did for did, e in manifest.entries.items() if e.file}
    jobs = []
    for record in records:
        url = _address(record, request)
        if not url:
            continue
        stem = file_stem(record.publisher_did)
        if taken.setdefault(stem.lower(), record.publisher_did) != record.publisher_did:
            digest = hashlib.sha256(record.publisher_did.encode()).hexdigest()[:8]
            stem = f"{stem}-{digest}"
        described = request.describe() if record.descriptor else "archive's own file"
        jobs.append(Job(record=record, url=url, request=described, stem=stem))
    return jobs


def file_stem(publisher_did: str) -> str:
    """Make a file name (without suffix) of the last part of a publisher DID."""
    name = _SUFFIX.sub("", unquote(last_part(publisher_did)))
    name = _UNSAFE.sub("_", name).lstrip(".")
    return name or hashlib.sha256(publisher_did.encode()).hexdigest()[:16]


def _address(record: ArchiveRecord, request: SpectrumRequest) -> str:
    if record.descriptor is not None:
        return record.descriptor.url(record.publisher_did, request)
    if request.cutout is not None or request.calibration is not None:
        raise UserError("the archive describes no processing service: leave calibration and cut-out away")
    return record.access_url

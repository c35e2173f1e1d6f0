"""The whole way from an archive to a folder of spectra that a run can use."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from vo_emline.archives import index
from vo_emline.archives.config import SsaArchive, archives
from vo_emline.archives.content import check_fits
from vo_emline.archives.crew import Job
from vo_emline.archives.datalink import SpectrumRequest
from vo_emline.archives.discovery import TapQuery, discover
from vo_emline.archives.download import Outcome, download
from vo_emline.archives.jobs import make_jobs
from vo_emline.archives.manifest import Entry, Manifest
from vo_emline.archives.records import ArchiveRecord
from vo_emline.archives.report import FetchReport
from vo_emline.archives.session import ArchiveSession
from vo_emline.archives.ssa import SsaQuery
from vo_emline.archives.transfer import Politeness
from vo_emline.rejects import Reject

_NOT_ASKED = "offline"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchOptions:
    """How to fetch."""

    request: SpectrumRequest = field(default_factory=SpectrumRequest)
    """In which form the spectra are wanted."""
    politeness: Politeness | None = None
    """How to treat the archive; by default as its configuration says."""
    limit: int | None = None
    """Most spectra to fetch."""
    offline: bool = False
    """Ask nobody; use what is there."""
    again: bool = False
    """Ask also for what the archive refused before."""


def fetch_spectra(
    archive: str | SsaArchive,
    wanted: SsaQuery | TapQuery | Iterable[str],
    output: Path,
    *,
    options: FetchOptions | None = None,
) -> FetchReport:
    """Fetch spectra from an SSA archive into a folder.

    The spectra come through the processing service that the archive's answer
    describes, or, where it describes none, as the archive's own files. What the
    folder holds already is not asked for again.

    Parameters
    ----------
    archive
        Name of a configured archive (``ondrejov``), the address of an SSA
        service, or a description.
    wanted
        A query by SSA or TAP, or publisher DIDs.
    output
        The folder; it gets the spectra, ``manifest.jsonl``, ``index.csv`` and,
        where any are missing, ``missing.csv``.
    options
        How to fetch.

    Raises
    ------
    ArchiveError
        If the archive cannot be reached or refuses the query.
    UserError
        If the archive does not offer the form that is wanted.
    """
    options = options or FetchOptions()
    archive = archives().find_ssa(archive) if isinstance(archive, str) else archive
    if options.offline:
        known = None if isinstance(wanted, SsaQuery | TapQuery) else wanted
        return report_folder(output, known, limit=options.limit)
    politeness = options.politeness or Politeness(concurrency=archive.concurrency, delay=archive.delay)
    session = ArchiveSession(retries=politeness.attempts - 1, backoff=politeness.backoff)
    found = discover(archive, wanted, limit=options.limit, session=session)
    return fetch_records(
        found.records, output, options=options, politeness=politeness, truncated=found.truncated
    )


def fetch_records(
    records: Sequence[ArchiveRecord],
    output: Path,
    *,
    options: FetchOptions | None = None,
    politeness: Politeness | None = None,
    truncated: bool = False,
) -> FetchReport:
    """Fetch known records into a folder; see :func:`fetch_spectra`.

    Parameters
    ----------
    records
        What to fetch.
    output
        The folder.
    options
        How to fetch.
    politeness
        How to treat the archive.
    truncated
        Whether the archive has more spectra than `records`, for the report.
    """
    options = options or FetchOptions()
    if options.offline:
        return report_folder(output, (record.publisher_did for record in records), limit=options.limit)
    records = list({record.publisher_did: record for record in records}.values())[: options.limit]
    with Manifest(output) as manifest:
        jobs = make_jobs(records, options.request, manifest)
        left = [job for job in jobs if not manifest.holds(job.record.publisher_did, job.request)]
        refused = [job for job in left if not options.again and _is_refused(job, manifest)]
        known = {job.stem for job in refused}
        asked = [job for job in left if job.stem not in known]
        present = len(jobs) - len(left)
        log.info("%d spectra wanted, %d are there, %d to fetch", len(records), present, len(asked))
        try:
            outcome = download(asked, manifest, check=check_fits, politeness=options.politeness or politeness)
        finally:
            index.write_index(output, manifest.entries.values())
        outcome.missing[:0] = [*_unaddressed(records, jobs), *(_recall(job, manifest) for job in refused)]
        index.write_missing(output, outcome.missing)
    return _report(output, len(records), present, outcome, truncated=truncated)


def _unaddressed(records: Sequence[ArchiveRecord], jobs: Sequence[Job]) -> list[Reject]:
    addressed = {job.record.publisher_did for job in jobs}
    said = "the archive does not tell where it is to be had"
    return [Reject(r.publisher_did, "no_address", said) for r in records if r.publisher_did not in addressed]


def report_folder(
    output: Path, wanted: Iterable[str] | None = None, *, limit: int | None = None
) -> FetchReport:
    """Report on a folder by its manifest alone, asking nobody.

    Parameters
    ----------
    output
        The folder.
    wanted
        Publisher DIDs that should be there; None for all that the manifest
        knows.
    limit
        Most of them to look at.
    """
    with Manifest(output) as manifest:
        entries = manifest.entries
        dids = list(dict.fromkeys(entries if wanted is None else wanted))[:limit]
        there = {did for did in dids if did in entries and manifest.holds(did, entries[did].request)}
        missing = [_absence(did, entries.get(did)) for did in dids if did not in there]
        index.write_index(output, entries.values())
    index.write_missing(output, missing)
    retryable = sum(reject.code == _NOT_ASKED for reject in missing)
    outcome = Outcome(missing=missing, retryable=retryable)
    return _report(output, len(dids), len(there), outcome, truncated=False)


def _absence(did: str, entry: Entry | None) -> Reject:
    """Say why a spectrum is not there when nobody is asked."""
    if entry is not None and entry.status == "refused":
        return Reject(did, entry.code, entry.reason)
    return Reject(did, _NOT_ASKED, "not in the folder, and nobody was asked")


def _is_refused(job: Job, manifest: Manifest) -> bool:
    return manifest.refuses(job.record.publisher_did, job.request)


def _recall(job: Job, manifest: Manifest) -> Reject:
    entry = manifest.entries[job.record.publisher_did]
    return Reject(entry.publisher_did, entry.code, f"{entry.reason} (on {entry.date[:10]}, not asked again)")


def _report(output: Path, wanted: int, present: int, outcome: Outcome, *, truncated: bool) -> FetchReport:
    return FetchReport(
        output=output,
        wanted=wanted,
        present=present,
        fetched=outcome.fetched,
        size=outcome.size,
        seconds=outcome.seconds,
        missing=tuple(outcome.missing),
        retryable=outcome.retryable,
        halted=outcome.halted,
        truncated=truncated,
    )

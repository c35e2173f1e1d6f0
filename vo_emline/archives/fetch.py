"""The whole way from an archive to a folder of spectra that a run can use."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from vo_emline.archives.config import SsaArchive, archives
from vo_emline.archives.datalink import SpectrumRequest
from vo_emline.archives.discovery import TapQuery, discover
from vo_emline.archives.download import Job, Tally, download_jobs, make_jobs
from vo_emline.archives.manifest import MISSING, Entry, Manifest, write_index, write_missing
from vo_emline.archives.records import ArchiveRecord
from vo_emline.archives.search import SsaQuery
from vo_emline.net.session import Politeness, Session
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


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchReport:
    """What a fetch came to."""

    output: Path
    """The folder."""
    wanted: int
    """How many spectra were asked for."""
    present: int
    """How many were there before."""
    fetched: int
    """How many came now."""
    size: int = 0
    """Bytes that came now."""
    seconds: float = 0.0
    """Time the downloads took."""
    missing: Sequence[Reject] = ()
    """Those that could not be had, and why."""
    retryable: int = 0
    """How many of those missing may come another time."""
    halted: str = ""
    """Why the work ended early; empty where it did not."""
    truncated: bool = False
    """Whether the archive has more spectra than it listed."""

    @property
    def complete(self) -> bool:
        """Whether nothing is left that asking again could bring."""
        return self.retryable == 0

    def summary(self) -> str:
        """Say it in a few lines."""
        rate = f" ({self.fetched / self.seconds:.1f} per second)" if self.seconds > 0 and self.fetched else ""
        counts = (
            f"{self.present + self.fetched} of {self.wanted} spectra are in {self.output}: "
            f"{self.present} were there, {self.fetched} fetched, {self.size / 1e6:.1f} MB{rate}"
        )
        lines = [counts, *self._reasons()]
        if self.halted:
            lines.append(f"  ended early: {self.halted}")
        if self.truncated:
            lines.append("  the archive cut its list: narrow the query, or raise --maxrec")
        if self.retryable:
            lines.append(f"  {self.retryable} may come another time: run the same command again")
        if self.missing:
            lines.append(f"  all of them with reasons: {self.output / MISSING}")
        return "\n".join(lines)

    def _reasons(self) -> list[str]:
        """Give a line for each kind of reason, the commonest first, with an example."""
        kinds: dict[str, list[Reject]] = {}
        for reject in self.missing:
            kinds.setdefault(reject.code, []).append(reject)
        return [
            f"  {len(rejects)} could not be had ({code}): {rejects[0].message}"
            for code, rejects in sorted(kinds.items(), key=lambda kind: -len(kind[1]))
        ]


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
    with Session(politeness) as session:
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
            tally = download_jobs(asked, manifest, politeness=options.politeness or politeness)
        finally:
            write_index(output, manifest.entries.values())
        tally.missing[:0] = [*_unaddressed(records, jobs), *(_recall(job, manifest) for job in refused)]
        write_missing(output, tally.missing)
    return _report(output, len(records), present, tally, truncated=truncated)


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
        write_index(output, entries.values())
    write_missing(output, missing)
    retryable = sum(reject.code == _NOT_ASKED for reject in missing)
    tally = Tally(missing=missing, retryable=retryable)
    return _report(output, len(dids), len(there), tally, truncated=False)


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


def _report(output: Path, wanted: int, present: int, tally: Tally, *, truncated: bool) -> FetchReport:
    return FetchReport(
        output=output,
        wanted=wanted,
        present=present,
        fetched=tally.fetched,
        size=tally.size,
        seconds=tally.seconds,
        missing=tuple(tally.missing),
        retryable=tally.retryable,
        halted=tally.halted,
        truncated=truncated,
    )

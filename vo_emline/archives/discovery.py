"""From what the user wants to the records that tell where each spectrum is to be had."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from vo_emline.archives.config import SsaArchive
from vo_emline.archives.datalink import ServiceDescriptor, find_descriptor
from vo_emline.archives.records import ArchiveRecord
from vo_emline.archives.search import (
    SsaAnswer,
    SsaQuery,
    TolerantDatalinkQuery,
    list_spectra,
    run_query,
    search_ssa,
)
from vo_emline.errors import ArchiveError
from vo_emline.net.session import Session

log = logging.getLogger(__name__)

_MOST_DESCRIBED: Final = 20_000
"""Most rows asked of an SSA service to describe a list of identifiers."""


@dataclass(frozen=True, slots=True)
class TapQuery:
    """All spectra of the archive's TAP table that satisfy an ADQL condition."""

    where: str | None = None
    """Condition on the table's columns, beside the archive's own (``ssa_targname = 'gam Cas'``)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Discovery:
    """What was found."""

    records: Sequence[ArchiveRecord]
    truncated: bool = False
    """Whether the archive has more than it told."""


def discover(
    archive: SsaArchive,
    wanted: SsaQuery | TapQuery | Iterable[str],
    *,
    limit: int | None = None,
    session: Session | None = None,
) -> Discovery:
    """Find spectra by SSA, by TAP, or by their publisher DIDs.

    Parameters
    ----------
    archive
        Where to look.
    wanted
        A query, or publisher DIDs.
    limit
        Most spectra to give.
    session
        Session to use; a new one by default.

    Raises
    ------
    ArchiveError
        If the archive cannot be reached or refuses.
    """
    session = session or Session()
    if isinstance(wanted, SsaQuery):
        answer = search_ssa(archive.url, wanted, session=session)
        found = Discovery(records=_with_processing(answer, session), truncated=answer.truncated)
    elif isinstance(wanted, TapQuery):
        found = _discover_by_tap(archive, wanted, limit, session)
    else:
        found = Discovery(records=_describe(archive, list(wanted)[:limit], session))
    return replace(found, records=found.records[:limit])


def _discover_by_tap(archive: SsaArchive, query: TapQuery, limit: int | None, session: Session) -> Discovery:
    if not (archive.tap and archive.table):
        raise ArchiveError(
            "no TAP service is known for this archive: ask by position, name or list", url=archive.url
        )
    conditions = [f"({condition})" for condition in (archive.where, query.where) if condition]
    where = " AND ".join(conditions) or None
    records = list_spectra(archive.tap, archive.table, where=where, limit=limit, session=session)
    if records and records[0].descriptor is None:
        processing = _processing(search_ssa(archive.url, SsaQuery(maxrec=1), session=session), session)
        records = [replace(record, descriptor=processing) for record in records]
    return Discovery(records=records)


def _describe(archive: SsaArchive, dids: Sequence[str], session: Session) -> list[ArchiveRecord]:
    """Make records of publisher DIDs: one SSA query for the service, the TAP table (if any) for the rest.

    A DID that the archive does not list is asked for all the same: lists
    outlive the names of archives, and the archive's answer decides.
    """
    by_tap = bool(archive.tap and archive.table)
    maxrec = 1 if by_tap else min(4 * len(dids) + 100, _MOST_DESCRIBED)
    answer = search_ssa(archive.url, SsaQuery(maxrec=maxrec), session=session)
    listed = _list_by_tap(archive, session) if by_tap else answer.records
    by_did = {record.publisher_did: record for record in listed}
    by_name = {last_part(record.publisher_did): record for record in listed}
    processing = _processing(answer, session)
    described = []
    for did in dict.fromkeys(dids):
        # a mirror may serve the same spectra under another authority
        known = by_did.get(did) or by_name.get(last_part(did)) or ArchiveRecord(publisher_did=did)
        described.append(replace(known, publisher_did=did, descriptor=processing))
    return described


def _list_by_tap(archive: SsaArchive, session: Session) -> Sequence[ArchiveRecord]:
    """List the archive; where that fails the spectra come without names and positions in the index."""
    try:
        return list_spectra(archive.tap or "", archive.table or "", where=archive.where, session=session)
    except ArchiveError as error:
        log.warning("names and positions are left out of the index: %s", error)
        return ()


def last_part(publisher_did: str) -> str:
    """Give the last part of a publisher DID (``…/ccd700/tg160037`` → ``tg160037``)."""
    return publisher_did.rstrip("/").rpartition("/")[2]


def _with_processing(answer: SsaAnswer, session: Session) -> Sequence[ArchiveRecord]:
    if answer.descriptor is not None or answer.links is None:
        return answer.records
    processing = _processing(answer, session)
    return [replace(record, descriptor=processing) for record in answer.records]


def _processing(answer: SsaAnswer, session: Session) -> ServiceDescriptor | None:
    """Give the processing service: from the answer, or from the {links} document of its first spectrum."""
    if answer.descriptor is not None or answer.links is None or not answer.records:
        return answer.descriptor
    did = answer.records[0].publisher_did
    query = TolerantDatalinkQuery(answer.links.access_url, session=session, ID=did)
    found = find_descriptor(run_query(query, "DataLink query").votable.resources)
    preset = found.parameter("ID") if found else None
    if preset is not None and preset.value not in {"", did}:
        log.info(
            "%s processes by identifiers of its own: the archive's own files are taken",
            answer.links.access_url,
        )
        return None
    return found

"""From identifiers to a links document. Everything here blocks: call it in a thread."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import astuple, fields
from typing import Any, Final

import pyarrow as pa
from astropy.io.votable.tree import Resource

from service.datalink.columns import LINKS
from service.datalink.describe import LINKS_ID, cutout_service, links_service
from service.datalink.links import CUTOUT, Link, fault, links
from service.formats.result import Result, arrow_type
from service.products.entries import Entry, find_candidates, find_entries
from service.store import ReleaseStore
from service.urls import Urls
from service.votable.document import write_tabledata

MAX_IDS: Final = 1000
"""Identifiers answered per request; the answer to more ends with OVERFLOW (DataLink 1.1, section 3.5)."""


def links_document(store: ReleaseStore, identifiers: Sequence[str], *, urls: Urls) -> bytes:
    """Make the links document of some spectra.

    Parameters
    ----------
    identifiers
        Publisher DIDs; repeated ones count once; none is allowed and gives a
        document without rows that describes the service.
    """
    wanted = list(dict.fromkeys(identifiers))
    answered = wanted[:MAX_IDS]
    with store.lease() as release:
        entries = find_entries(release, answered) if answered else {}
        pages = find_candidates(release, list(entries)) if entries else {}
    rows = [link for did in answered for link in _links_of(did, entries.get(did), pages.get(did), urls)]
    if len(wanted) > MAX_IDS:
        rows.append(fault(wanted[MAX_IDS], "one row too many, so that the writer tells of the overflow"))
    limit = len(rows) - (len(wanted) > MAX_IDS)
    result = Result(
        columns=LINKS,
        batches=[_batch(rows)],
        limit=limit,
        infos={"standardID": LINKS_ID},
        resources=_resources(list(entries.values()), urls),
    )
    return b"".join(write_tabledata(result))


def _links_of(did: str, entry: Entry | None, candidate_id: str | None, urls: Urls) -> Sequence[Link]:
    if entry is None:
        return [fault(did, f"NotFoundFault: there is no spectrum {did}")]
    return links(entry, urls, candidate_id=candidate_id)


def _resources(entries: Sequence[Entry], urls: Urls) -> Sequence[Resource]:
    if not entries:
        return [links_service(urls, name="this")]
    covered = (min(entry.wave_min for entry in entries), max(entry.wave_max for entry in entries))
    return [cutout_service(urls, reference="ID", identifier=CUTOUT, range_m=covered)]


def _batch(rows: Sequence[Link]) -> pa.RecordBatch:
    names = [field.name for field in fields(Link)]
    values = zip(*map(astuple, rows), strict=True) if rows else iter([()] * len(names))
    return pa.RecordBatch.from_arrays(list(_arrays(values)), names=names)


def _arrays(values: Iterator[tuple[Any, ...]]) -> Iterator[pa.Array]:
    for column, cells in zip(LINKS, values, strict=True):
        yield pa.array(cells, arrow_type(column))

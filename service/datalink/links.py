"""What belongs to a spectrum: the rows and the document of links (DataLink 1.1, section 3)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, fields
from typing import Any, Final

import pyarrow as pa
from astropy.io.votable.tree import Resource

from service.context import Services
from service.datalink.describe import LINKS_ID, cutout_service, links_service
from service.formats.result import Result
from service.formats.votable import write_tabledata
from service.products.entries import Entry, find_candidates, find_entries, original_type
from service.products.request import FITS, VOTABLE
from service.urls import Urls
from vo_emline.tables import Column

LINKS: Final = (
    Column(name="ID", datatype="char", arraysize="*", ucd="meta.id;meta.main",
           description="Publisher DID the link belongs to"),
    Column(name="access_url", datatype="char", arraysize="*", ucd="meta.ref.url",
           description="Where the data are"),
    Column(name="service_def", datatype="char", arraysize="*", ucd="meta.ref",
           description="ID of the descriptor of the service that makes the data"),
    Column(name="error_message", datatype="char", arraysize="*", ucd="meta.code.error",
           description="Why there is no link"),
    Column(name="description", datatype="char", arraysize="*", ucd="meta.note",
           description="What the link leads to"),
    Column(name="semantics", datatype="char", arraysize="*", ucd="meta.code",
           description="What the link is to the spectrum, term of http://www.ivoa.net/rdf/datalink/core"),
    Column(name="content_type", datatype="char", arraysize="*", ucd="meta.code.mime",
           description="Media type of the data"),
    Column(name="content_length", datatype="long", unit="byte", ucd="phys.size;meta.file",
           description="Size of the data; NULL where they are made on request"),
    Column(name="content_qualifier", datatype="char", arraysize="*", ucd="meta.code",
           description="Kind of product, term of http://www.ivoa.net/rdf/product-type"),
    Column(name="local_semantics", datatype="char", arraysize="*", ucd="meta.code",
           description="Which of the links of this service it is"),
    Column(name="link_auth", datatype="char", arraysize="*", ucd="meta.code",
           description="Whether the link asks who one is: false, optional or true"),
    Column(name="link_authorized", datatype="boolean", ucd="meta.code",
           description="Whether the one who asks may use the link"),
)  # fmt: skip
"""Columns in the order in which they are written."""


CUTOUT: Final = "cutout"
"""ID of the descriptor of the cut-out service in links documents."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One row; fields as :data:`service.datalink.links.LINKS` describes them.

    Exactly one of `access_url`, `service_def` and `error_message` is given.
    """

    ID: str
    access_url: str | None = None
    service_def: str | None = None
    error_message: str | None = None
    description: str | None = None
    semantics: str
    content_type: str | None = None
    content_length: int | None = None
    content_qualifier: str | None = None
    local_semantics: str | None = None
    link_auth: str | None = "false"
    link_authorized: bool | None = True


def links(entry: Entry, urls: Urls, *, candidate_id: str | None = None) -> list[Link]:
    """Give the links of a spectrum, always in the same order, or its fault where its file is gone.

    The VOTable comes first: it is what clients take that want *the* dataset.

    Parameters
    ----------
    candidate_id
        Under which its page is found; None where it was not classified and has none.
    """
    did = entry.obs_publisher_did
    if not entry.present:
        return [fault(did, f"NotFoundFault: the file of {did} is gone")]
    return [*_data(entry, urls), *_documentation(did, urls, candidate_id)]


def _documentation(did: str, urls: Urls, candidate_id: str | None) -> list[Link]:
    if candidate_id is None:
        return []
    # The vocabulary has #documentation since 2021, but STILTS 3.4 calls that an error: the wider term, then.
    return [
        Link(
            ID=did, semantics="#auxiliary", local_semantics="#documentation",
            access_url=urls.page(candidate_id), content_type="text/html",
            description="Page for people: how the spectrum was classified, facts, picture, links",
        )
    ]  # fmt: skip


def _data(entry: Entry, urls: Urls) -> list[Link]:
    did = entry.obs_publisher_did
    return [
        Link(
            ID=did, semantics="#this", local_semantics="#votable", content_qualifier="#spectrum",
            access_url=urls.spectrum(did), content_type=VOTABLE.media_type,
            description="The spectrum as a VOTable in the IVOA spectrum data model, wavelengths in vacuum",
        ),
        Link(
            ID=did, semantics="#this", local_semantics="#fits-table", content_qualifier="#spectrum",
            access_url=urls.spectrum(did, FORMAT=FITS.media_type), content_type=FITS.media_type,
            description="The spectrum as a FITS table of one row per pixel, wavelengths in vacuum",
        ),
        Link(
            ID=did, semantics="#progenitor", local_semantics="#original", content_qualifier="#spectrum",
            access_url=urls.product(did), content_type=original_type(entry.layout, entry.path),
            content_length=entry.file_size,
            description="The original file",
        ),
        Link(
            ID=did, semantics="#preview", local_semantics="#preview", content_qualifier="#image",
            access_url=urls.preview(did), content_type="image/png",
            description="Picture of the spectrum with H-alpha close up",
        ),
        Link(
            ID=did, semantics="#cutout", local_semantics="#cutout", content_qualifier="#spectrum",
            service_def=CUTOUT, content_type=VOTABLE.media_type,
            description="Parts of the spectrum, other flux scales, media and formats",
        ),
    ]  # fmt: skip


def fault(did: str, message: str) -> Link:
    """Give the row that tells why there is no link (DataLink 1.1, section 3.4).

    Parameters
    ----------
    message
        One of the standard faults (``NotFoundFault``, ``UsageFault``,
        ``TransientFault``, ``FatalFault``), a colon and the reason.
    """
    return Link(ID=did, semantics="#this", error_message=message, link_auth=None, link_authorized=None)


MAX_IDS: Final = 200
"""Identifiers answered per request; the answer to more ends with OVERFLOW (DataLink 1.1, section 3.5)."""


def links_document(services: Services, identifiers: Sequence[str]) -> bytes:
    """Make the links document of some spectra.

    Parameters
    ----------
    services
        The collaborators of the handlers.
    identifiers
        Publisher DIDs; repeated ones count once; none is allowed and gives a
        document without rows that describes the service.
    """
    urls = services.urls
    wanted = list(dict.fromkeys(identifiers))
    answered = wanted[:MAX_IDS]
    with services.store.lease() as release:
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
        infos={"standardID": LINKS_ID, **services.origin()},
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
        yield pa.array(cells, column.arrow_type)

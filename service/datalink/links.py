"""What belongs to a spectrum: the rows of a links document."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from service.products.entries import Entry
from service.products.formats import FITS, VOTABLE
from service.products.original import original_type
from service.urls import Urls

CUTOUT: Final = "cutout"
"""ID of the descriptor of the cut-out service in links documents."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One row; fields as :data:`service.datalink.columns.LINKS` describes them.

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

"""Descriptors of the DataLink and cut-out services, for links documents and for results with publisher DIDs.

DataLink 1.1, section 4; SODA 1.0, section 4.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final

import numpy as np
from astropy.io.votable.tree import Group, Param, Resource

from service.formats.header import KEPT, OF_1_4, make_param
from service.products.calibration import FluxCalibration
from service.products.request import FORMATS, MEDIA
from service.urls import Urls
from vo_emline.candidates.votable import field_ids
from vo_emline.tables import Column

LINKS_ID: Final = "ivo://ivoa.net/std/DataLink#links-1.1"
"""Standard identifier of the links resource (DataLink 1.1, section 2.1)."""

SODA_ID: Final = "ivo://ivoa.net/std/SODA#sync-1.0"
"""Standard identifier of synchronous data access (SODA 1.0, section 2.2)."""

DATALINK_TYPE: Final = "application/x-votable+xml;content=datalink"
"""Content type of a links document (DataLink 1.1, section 3.3)."""


def descriptors(columns: Sequence[Column], urls: Urls) -> list[Resource]:
    """Give the descriptors for a result that has a column of publisher DIDs, none for others.

    Parameters
    ----------
    columns
        Columns of the result; the one with DIDs is known by its utype
        (``…Curation.PublisherDID``), UCD (``meta.ref.ivoid``) or name.
    urls
        Addresses of the services.
    """
    reference = _identifier_field(columns)
    return [] if reference is None else list(_services(urls, reference))


@lru_cache(maxsize=KEPT)
def _services(urls: Urls, reference: str) -> tuple[Resource, ...]:
    """Make the descriptors once: the same objects let the header of a result be kept."""
    return links_service(urls, reference=reference), cutout_service(urls, reference=reference)


def links_service(urls: Urls, *, reference: str | None = None, name: str | None = None) -> Resource:
    """Describe the links service.

    Parameters
    ----------
    reference
        XML ID of the FIELD that holds the identifiers; None for a free parameter.
    name
        ``this`` where a service describes itself (DataLink 1.1, section 4.4).
    """
    return _service(
        LINKS_ID,
        urls.datalink,
        inputs=[_identifier(reference)],
        description="Everything that belongs to a spectrum: formats, original file, preview, cut-outs",
        name=name,
        content_type=DATALINK_TYPE,
    )


def cutout_service(
    urls: Urls, *, reference: str, identifier: str | None = None, range_m: tuple[float, float] | None = None
) -> Resource:
    """Describe the service that cuts out and converts spectra.

    Parameters
    ----------
    reference
        XML ID of the FIELD that holds the identifiers.
    identifier
        XML ID of the descriptor, to which rows refer.
    range_m
        Vacuum wavelengths that are covered, m; None where unknown.
    """
    return _service(
        SODA_ID,
        urls.spectra,
        inputs=[_identifier(reference), _band(range_m), *_options()],
        description="Parts of a spectrum, on other flux scales, in air or vacuum, in other formats",
        identifier=identifier,
    )


def _identifier_field(columns: Sequence[Column]) -> str | None:
    for column, identifier in zip(columns, field_ids(columns), strict=True):
        utype = (column.utype or "").lower()
        if utype.endswith("curation.publisherdid") or column.ucd == "meta.ref.ivoid":
            return identifier
    names = {column.name.lower(): i for column, i in zip(columns, field_ids(columns), strict=True)}
    return names.get("obs_publisher_did")


def _service(
    standard: str,
    address: str,
    *,
    inputs: Iterable[Param],
    description: str,
    identifier: str | None = None,
    name: str | None = None,
    content_type: str | None = None,
) -> Resource:
    resource = Resource(type="meta", utype="adhoc:service", ID=identifier, config=OF_1_4)
    if name is not None:
        resource.extra_attributes["name"] = name  # astropy's own attribute of that name is never written
    resource.description = description
    resource.params.append(make_param("standardID", standard))
    resource.params.append(make_param("accessURL", address, ucd="meta.ref.url"))
    if content_type:
        resource.params.append(make_param("contentType", content_type, ucd="meta.code.mime"))
    group = Group(resource, name="inputParams", config=OF_1_4)
    group._ID = None
    group.entries.extend(inputs)
    resource.groups.append(group)
    return resource


def _identifier(reference: str | None) -> Param:
    return make_param(
        "ID", ref=reference, ucd="meta.id;meta.main", description="Publisher DID of the spectrum"
    )  # fmt: skip


def _band(range_m: tuple[float, float] | None) -> Param:
    """Make BAND, for the user to set: its value is empty, as SODA 1.0 (section 3.3.2) shows it."""
    param = make_param(
        "BAND", (0.0, 0.0), unit="m", ucd="em.wl;stat.interval",
        description="First and last wavelength of the part, in vacuum",
    )  # fmt: skip
    param.xtype = "interval"
    param.value = np.empty(0)  # written as an empty value; astropy would make "0 0" of an empty text
    if range_m is not None:
        param.values.max = f"{range_m[0]!r} {range_m[1]!r}"
    return param


def _options() -> list[Param]:
    formats = [(item.title, item.media_type) for item in FORMATS[:-1]] + [(FORMATS[-1].title, "native")]
    return [
        make_param(
            "FLUXCALIB", ucd="meta.code", description="Scale of the flux; as in the file where not given",
            options=[(value.lower(), value) for value in FluxCalibration],
        ),
        make_param(
            "FORMAT", ucd="meta.code.mime", description="Format; VOTable where not given", options=formats
        ),
        make_param(
            "MEDIUM", ucd="meta.code", description="Medium of the wavelengths; vacuum where not given",
            options=[(value, value) for value in MEDIA],
        ),
    ]  # fmt: skip

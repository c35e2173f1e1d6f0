"""Where the rows of an answer come from: the facts of the IVOA note *Data Origin in the VO* (1.1).

They are INFO elements of VOTables, and through them metadata of Parquet files; FITS files have some of them
as keywords. What the operator did not say is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from importlib.metadata import version

from service.config import Settings
from service.store import Release
from service.urls import Urls
from vo_emline.candidates.citation import Citation, is_placeholder


def origin(release: Release, settings: Settings, urls: Urls) -> dict[str, str]:
    """Say who publishes the rows of a release, who made them, under which licence, and when they were asked.

    Parameters
    ----------
    release
        What was asked.
    settings
        Of the service.
    urls
        Its addresses.
    """
    citation = Citation.of(release.metadata)
    said = {
        "publisher": settings.publisher,
        "server_software": f"vo-emline/{_version()}",
        "contact": settings.contact,
        "request_date": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "reference_url": urls.home,
        **citation.origin(),
        **_identifiers(settings, citation),
    }
    return {name: text for name, text in said.items() if text}


def _identifiers(settings: Settings, citation: Citation) -> Mapping[str, str]:
    authority = settings.authority or citation.authority
    if is_placeholder(authority):
        return {}
    ivoid = f"ivo://{authority}/{settings.resource_key}"
    return {"service_ivoid": ivoid, "data_ivoid": ivoid}


@lru_cache
def _version() -> str:
    return version("vo-emline")

"""Capabilities of the small services: which standards they speak, and where (VOSI 1.1, section 4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from pydantic import AnyUrl
from vo_models.vodataservice.models import ParamHTTP
from vo_models.voresource.models import AccessURL, Capability
from vo_models.vosi.capabilities import VOSICapabilities

from service.xml import document

_VOSI: Final = ("capabilities", "availability")


def capabilities(services: Mapping[str, str], *, base: str) -> bytes:
    """Give the capabilities document of some services under one address.

    Parameters
    ----------
    services
        Address of each service by its standard identifier.
    base
        Address under which ``capabilities`` and ``availability`` are.
    """
    described = [_capability(standard, url, use="base") for standard, url in services.items()]
    vosi = [_capability(f"ivo://ivoa.net/std/VOSI#{name}", f"{base}/{name}", use="full") for name in _VOSI]
    return document(VOSICapabilities(capability=[*described, *vosi]))


def _capability(standard: str, url: str, *, use: Literal["base", "full"]) -> Capability:
    interface = ParamHTTP(
        role="std" if use == "base" else None, access_url=[AccessURL(value=AnyUrl(url), use=use)]
    )
    return Capability(standard_id=AnyUrl(standard), interface=[interface])

"""The address of DataLink: ``/datalink/links`` (DataLink 1.1, section 2)."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from service.clients import in_page_place
from service.context import services
from service.datalink.describe import DATALINK_TYPE
from service.datalink.links import links_document
from service.parameters import read_parameters
from vo_emline.errors import UserError

_FORMATS: Final = (
    "votable",
    "application/x-votable+xml",
    DATALINK_TYPE,
    "application/x-votable+xml;serialization=tabledata",
    "text/xml",
)


async def links(request: Request) -> Response:
    """Answer with the links of any number of spectra."""
    parameters = await read_parameters(request)
    _check_format(parameters.one("RESPONSEFORMAT"))
    context = services(request)
    identifiers = [value.strip() for value in parameters.all("ID")]
    document = await in_page_place(request, links_document, context, identifiers)
    return Response(document, media_type=DATALINK_TYPE)


def _check_format(wanted: str | None) -> None:
    if wanted and wanted.lower().replace(" ", "") not in _FORMATS:
        raise UserError(
            f"UsageFault: RESPONSEFORMAT={wanted[:80]} is not offered; links come as {DATALINK_TYPE}"
        )


def routes() -> list[Route]:
    """Give the routes of DataLink, for the root of the service."""
    return [
        Route("/datalink/links", links, methods=["GET", "POST"]),
    ]

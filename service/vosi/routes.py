"""The VOSI resources of the TAP service and its examples."""

from __future__ import annotations

from typing import Final

import anyio
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from service.context import services
from service.errors import NotFoundError
from service.parameters import read_parameters
from service.vosi.availability import availability
from service.vosi.capabilities import capabilities
from service.vosi.examples import examples_page
from service.vosi.tables import table_document, tableset
from vo_emline.errors import UserError

XML: Final = "application/xml"
DETAILS: Final = ("min", "max")


async def get_capabilities(request: Request) -> Response:
    """Say what the service can do."""
    context = services(request)
    return Response(capabilities(settings=context.settings, urls=context.urls), media_type=XML)


async def get_availability(request: Request) -> Response:
    """Say whether the service works."""
    document = await anyio.to_thread.run_sync(availability, services(request).store)
    return Response(document, media_type=XML)


async def get_tables(request: Request) -> Response:
    """List the tables; ``detail=min`` leaves out the columns."""
    detail = ((await read_parameters(request)).one("DETAIL") or "max").lower()
    if detail not in DETAILS:
        raise UserError(f"DETAIL={detail[:80]} is not offered; use one of {', '.join(DETAILS)}")
    with services(request).store.lease() as release:
        document = tableset(release.tables, counts=release.counts, columns=detail == "max")
    return Response(document, media_type=XML)


async def get_table(request: Request) -> Response:
    """Describe one table."""
    name = request.path_params["name"]
    with services(request).store.lease() as release:
        table = release.table(name)
        if table is None:
            raise NotFoundError(f"there is no table {name}")
        document = table_document(table, release.tables, counts=release.counts)
    return Response(document, media_type=XML)


async def get_examples(request: Request) -> Response:
    """Show examples that people read and clients understand."""
    context = services(request)
    with context.store.lease() as release:
        page = examples_page(release, context.urls)
    return Response(page, media_type="application/xhtml+xml")


def routes() -> list[Route]:
    """Give the routes below ``/tap``."""
    return [
        Route("/tap/capabilities", get_capabilities),
        Route("/tap/availability", get_availability),
        Route("/tap/tables", get_tables),
        Route("/tap/tables/{name}", get_table),
        Route("/tap/examples", get_examples),
    ]

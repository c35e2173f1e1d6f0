"""The addresses of SSA: ``/ssa`` and what VOSI wants below it (SSA 1.1, section 4)."""

from __future__ import annotations

from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from service.context import services
from service.datalink import capabilities
from service.errors import VOTABLE_TYPE
from service.parameters import read_parameters
from service.ssa.document import write_error, write_metadata, write_rows
from service.ssa.query import run_query
from service.ssa.request import parse_request
from service.vosi.routes import XML, get_availability
from vo_emline.errors import UserError

STANDARD_ID: Final = "ivo://ivoa.net/std/SSA"
"""Standard identifier of the protocol (SSA 1.1)."""


async def query(request: Request) -> Response:
    """Answer a query; a mistake in it is an answer too, with status 200 (SSA 1.1, section 8.10)."""
    context = services(request)
    try:
        wanted = parse_request(await read_parameters(request), urls=context.urls, settings=context.settings)
    except UserError as error:
        return Response(write_error(str(error)), media_type=VOTABLE_TYPE)
    if wanted.metadata:
        return Response(write_metadata(context.settings.description), media_type=VOTABLE_TYPE)
    result = await run_in_threadpool(run_query, context, wanted)
    return StreamingResponse(write_rows(result, urls=context.urls), media_type=VOTABLE_TYPE)


async def get_capabilities(request: Request) -> Response:
    """Say that this is SSA, and where."""
    url = services(request).urls.ssa
    return Response(capabilities({STANDARD_ID: url}, base=url), media_type=XML)


def routes() -> list[Route]:
    """Give the routes of SSA, for the root of the service."""
    return [
        Route("/ssa", query, methods=["GET", "POST"]),
        Route("/ssa/capabilities", get_capabilities),
        Route("/ssa/availability", get_availability),
    ]

"""The address of SSA: ``/ssa`` (SSA 1.1, section 4)."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from service.clients import in_page_place
from service.context import services
from service.middleware import VOTABLE_TYPE
from service.parameters import read_parameters
from service.ssa.answers import run_query, write_error, write_metadata, write_rows
from service.ssa.request import parse_request
from vo_emline.errors import UserError

STANDARD_ID: Final = "ivo://ivoa.net/std/SSA"
"""Standard identifier of the protocol (SSA 1.1)."""


async def query(request: Request) -> Response:
    """Answer a query; a mistake in it is an answer too, with status 200 (SSA 1.1, section 8.10)."""
    context = services(request)
    try:
        wanted = parse_request(await read_parameters(request), urls=context.urls, settings=context.settings)
    except UserError as error:
        return Response(write_error(str(error), infos=context.origin()), media_type=VOTABLE_TYPE)
    if wanted.metadata:
        described = write_metadata(context.settings.description, infos=context.origin())
        return Response(described, media_type=VOTABLE_TYPE)
    result = await in_page_place(request, run_query, context, wanted)
    return StreamingResponse(write_rows(result, urls=context.urls), media_type=VOTABLE_TYPE)


def routes() -> list[Route]:
    """Give the routes of SSA, for the root of the service."""
    return [
        Route("/ssa", query, methods=["GET", "POST"]),
    ]

"""The TAP resources: ``/tap/sync`` and the pages around it (TAP 1.1, section 2)."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from service.context import services
from service.parameters import open_parameters
from service.tap.request import parse_request
from service.tap.response import QueryResponse
from service.tap.uploads import load_uploads, save_uploads


async def sync(request: Request) -> Response:
    """Run a query and stream its rows."""
    context = services(request)
    async with open_parameters(request) as parameters:
        asked = parse_request(parameters, context.settings)
        folder = TemporaryDirectory(prefix="vo-emline-upload-")
        await save_uploads(parameters, Path(folder.name))
    load = partial(load_uploads, parameters.all("UPLOAD"), Path(folder.name), context.settings)
    query = context.queries.query(asked, seconds=context.settings.sync_seconds, load=load)
    query.on_close(folder.cleanup)
    return QueryResponse(query, asked.format, places=context.places)


async def home(request: Request) -> Response:
    """Send people who open the base address to the page that explains it."""
    return RedirectResponse(services(request).urls.home, 303)


def routes() -> list[Route]:
    """Give the routes of the synchronous part."""
    return [
        Route("/tap", home, methods=["GET"]),
        Route("/tap/sync", sync, methods=["GET", "POST"]),
    ]

"""The pages for people: templates, what is served and how to query it, and a page per candidate."""

from __future__ import annotations

from functools import partial

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from service.assets import assets
from service.clients import in_page_place
from service.context import Services, services
from service.errors import NotFoundError
from service.formats import FORMATS
from service.pages import HEADERS, relative_urls, render
from service.tap.examples import examples_for
from service.web.candidate import best_candidates, candidate_html, missing_html
from service.web.listing import TWINS, candidates, twin


async def home(request: Request) -> Response:
    """Show the page."""
    page = await in_page_place(request, home_page, services(request))
    return HTMLResponse(page, headers=HEADERS)


def home_page(context: Services) -> str:
    """Give the page at ``/``."""
    with context.store.lease() as release:
        return render(
            "home.html",
            settings=context.settings,
            urls=relative_urls("/"),
            public=context.urls,
            tables=release.tables,
            counts=release.counts,
            metadata=release.metadata,
            examples=examples_for(release),
            formats=FORMATS,
            best=best_candidates(release),
        )


async def candidate(request: Request) -> Response:
    """Show the page about one candidate; a page, too, where there is none."""
    context, candidate_id = services(request), request.path_params["candidate_id"]
    try:
        page = await in_page_place(request, candidate_html, context, candidate_id)
    except NotFoundError:
        return HTMLResponse(missing_html(context, candidate_id), 404, headers=HEADERS)
    return HTMLResponse(page, headers=HEADERS)


async def static(request: Request) -> Response:
    """Give a style sheet or script; under its version browsers may keep it for ever."""
    asset = assets().get(request.path_params["name"])
    if asset is None:
        raise HTTPException(404, "no such file")
    known = request.query_params.get("v") == asset.version
    headers = {"Cache-Control": f"public, max-age={31_536_000 if known else 60}"}
    return Response(asset.content, media_type=asset.media_type, headers=HEADERS | headers)


async def robots(_request: Request) -> Response:
    """Keep crawlers from running queries."""
    return PlainTextResponse(
        "User-agent: *\nDisallow: /candidates\nDisallow: /tap/sync\nDisallow: /tap/async\n"
        "Disallow: /spectrum\n"
    )


def routes() -> list[Route]:
    """Give the routes of the pages."""
    return [
        Route("/", home),
        Route("/candidates", candidates, methods=["GET", "POST"]),
        *(Route(f"/candidates.{name}", partial(twin, name)) for name in TWINS),
        Route("/static/{name:path}", static),
        Route("/candidate/{candidate_id}.html", candidate),
        Route("/robots.txt", robots),
    ]

"""The pages for people: templates, what is served and how to query it, and a page per candidate."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from service.clients import in_page_place
from service.context import Services, services
from service.errors import NotFoundError
from service.formats import FORMATS
from service.pages import HEADERS, relative_urls, render
from service.tap.examples import examples_for
from service.web.candidate import best_candidates, candidate_html, missing_html


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


async def robots(_request: Request) -> Response:
    """Keep crawlers from running queries."""
    return PlainTextResponse(
        "User-agent: *\nDisallow: /tap/sync\nDisallow: /tap/async\nDisallow: /spectrum\n"
    )


def routes() -> list[Route]:
    """Give the routes of the pages."""
    return [
        Route("/", home),
        Route("/candidate/{candidate_id}.html", candidate),
        Route("/robots.txt", robots),
    ]

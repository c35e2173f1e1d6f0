"""The pages for people: templates, what is served and how to query it, the list, and a page per candidate."""

from __future__ import annotations

from functools import partial

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from service.assets import assets
from service.clients import in_page_place
from service.context import services
from service.errors import NotFoundError
from service.pages import HEADERS
from service.tap.context import tap_services
from service.web.basket import addresses, archive
from service.web.candidate import candidate_page, find_did, missing_html
from service.web.expected import expected_absorption
from service.web.figure import PANELS, Panel, figure_svg
from service.web.finished import finished
from service.web.home import home_page
from service.web.listing import TWINS, answer_query, candidates, twin
from service.web.sky import moc, sky


async def home(request: Request) -> Response:
    """Show the page."""
    context = tap_services(request)
    return await finished(request, context, partial(home_page, context))


async def candidate(request: Request) -> Response:
    """Show the page about one candidate; a page, too, where there is none."""
    context, candidate_id = tap_services(request), request.path_params["candidate_id"]
    make = partial(candidate_page, context, candidate_id, request.query_params.multi_items())
    try:
        return await finished(request, context, make)
    except NotFoundError:
        return HTMLResponse(missing_html(context, candidate_id), 404, headers=HEADERS)


async def candidate_twin(name: str, request: Request) -> Response:
    """Give the row of a candidate in another format."""
    context, candidate_id = services(request), request.path_params["candidate_id"]
    did = await in_page_place(request, find_did, context, candidate_id)
    query = f"SELECT * FROM emline.scores WHERE obs_publisher_did = {did}"  # noqa: S608 - a literal of ours
    return answer_query(request, query, TWINS[name])


async def expected(request: Request) -> Response:
    """Give the absorption expected in a candidate, for the plot of its page."""
    context, candidate_id = services(request), request.path_params["candidate_id"]
    found = await in_page_place(request, expected_absorption, context.store, candidate_id)
    return JSONResponse(found, headers={"Cache-Control": "max-age=3600"})


async def figure(panel: Panel, request: Request) -> Response:
    """Give a drawing of the spectrum of a candidate; its style is within it, and it may do nothing else."""
    context, candidate_id = services(request), request.path_params["candidate_id"]
    drawn = await in_page_place(request, figure_svg, context.store, candidate_id, panel)
    policy = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}
    return Response(
        drawn, media_type="image/svg+xml", headers=HEADERS | policy | {"Cache-Control": "max-age=3600"}
    )


async def static(request: Request) -> Response:
    """Give a style sheet or script; under its version browsers may keep it for ever."""
    asset = assets().get(request.path_params["name"])
    if asset is None:
        raise HTTPException(404, "no such file")
    known = request.query_params.get("v") == asset.version
    headers = {"Cache-Control": f"public, max-age={31_536_000 if known else 60}"}
    return Response(asset.content, media_type=asset.media_type, headers=HEADERS | headers)


async def icon(_request: Request) -> Response:
    """Give the picture that browsers ask for by themselves."""
    found = assets()["icon.svg"]
    return Response(found.content, media_type=found.media_type, headers={"Cache-Control": "max-age=86400"})


async def robots(_request: Request) -> Response:
    """Keep crawlers from running queries."""
    return PlainTextResponse(
        "User-agent: *\nDisallow: /candidates\nDisallow: /sky\nDisallow: /tap/sync\nDisallow: /tap/async\n"
        "Disallow: /spectrum\nDisallow: /spectra.tar\n"
    )


def routes() -> list[Route]:
    """Give the routes of the pages."""
    return [
        Route("/", home),
        Route("/candidates", candidates, methods=["GET", "POST"]),
        *(Route(f"/candidates.{name}", partial(twin, name)) for name in TWINS),
        Route("/spectra.tar", archive),
        Route("/spectra.txt", addresses),
        Route("/sky", sky),
        Route("/sky.moc.json", moc),
        Route("/sky.moc.fits", moc),
        Route("/sky.moc.txt", moc),
        Route("/candidate/{candidate_id}.html", candidate),
        Route("/candidate/{candidate_id}.expected.json", expected),
        *(
            Route(f"/candidate/{{candidate_id}}.{name}", partial(candidate_twin, name))
            for name in ("json", "vot")
        ),
        *(Route(f"/candidate/{{candidate_id}}.{panel}.svg", partial(figure, panel)) for panel in PANELS),
        Route("/static/{name:path}", static),
        Route("/favicon.ico", icon),
        Route("/robots.txt", robots),
    ]

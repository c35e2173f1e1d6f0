"""The pages of labelling, and all its addresses: the list of queues, the page of one, the way in."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from service.clients import in_page_place
from service.context import services
from service.errors import NotFoundError
from service.labelling.access import forget, nothing_here, person_of
from service.labelling.api import ANY_METHOD, api_routes, queue_rows
from service.labelling.context import labelling
from service.pages import HEADERS, relative_urls, render
from vo_emline.errors import UserError
from vo_emline.labelling.log import queue_name
from vo_emline.labels import PROFILES

PRIVATE: Final = HEADERS | {"Cache-Control": "no-store"}


async def queues_page(request: Request) -> Response:
    """Show the queues."""
    person = person_of(request)
    rows = await in_page_place(request, queue_rows, labelling(request), person)
    return _page(request, "queues.html", "/label", person=person, queues=rows)


async def queue_page(request: Request) -> Response:
    """Show the page on which the spectra of one queue are labelled."""
    person, name = person_of(request), request.path_params["name"]
    try:
        queue = await in_page_place(request, labelling(request).queues.get, queue_name(name))
    except UserError as error:
        raise NotFoundError(str(error)) from error
    return _page(request, "label.html", "/label/queue/NAME", person=person, queue=queue, profiles=PROFILES)


async def enter_page(request: Request) -> Response:
    """Show the page where an invitation is accepted; its secret is behind the ``#``, which is not sent."""
    invitation = request.path_params["invitation"]
    if not await in_page_place(request, labelling(request).people.is_open, invitation):
        raise nothing_here()
    return _page(request, "enter.html", "/label/enter/ID", invitation=invitation)


async def leave(request: Request) -> Response:
    """Forget the browser."""
    person_of(request)
    answer = RedirectResponse(services(request).urls.home, 303)
    forget(request, answer)
    return answer


def _page(request: Request, template: str, path: str, **values: Any) -> Response:
    context = services(request)
    text = render(
        template, settings=context.settings, urls=relative_urls(path), public=context.urls, **values
    )
    return HTMLResponse(text, headers=PRIVATE)


async def _only(method: str, handler: Any, request: Request) -> Response:
    if request.method not in (method, "HEAD" if method == "GET" else method):
        person_of(request)
        raise HTTPException(405, headers={"Allow": method})
    answer: Response = await handler(request)
    return answer


def routes() -> list[Route]:
    """Give the routes of labelling."""
    pages = [
        ("/label", queues_page, "GET"),
        ("/label/queue/{name}", queue_page, "GET"),
        ("/label/enter/{invitation}", enter_page, "GET"),
        ("/label/leave", leave, "POST"),
    ]
    return [
        *(
            Route(path, partial(_only, method, handler), methods=ANY_METHOD)
            for path, handler, method in pages
        ),
        *api_routes(),
    ]

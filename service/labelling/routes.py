"""The pages of labelling, and all its addresses: the list of queues, the page of one, the way in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from service.clients import in_page_place
from service.context import services
from service.labelling.access import forget, nothing_here, owner_of, person_of, route
from service.labelling.api import api_routes, queue_rows
from service.labelling.context import labelling
from service.labelling.people import Person
from service.labelling.queueing import known_queue, make, wanted_queue
from service.labelling.refining import begin
from service.pages import HEADERS, relative_urls, render
from service.parameters import read_parameters
from vo_emline.errors import UserError
from vo_emline.labelling.making import KINDS
from vo_emline.labels import PROFILES

PRIVATE: Final = HEADERS | {"Cache-Control": "no-store"}


async def queues_page(request: Request) -> Response:
    """Show the queues."""
    return await _queues(request, person_of(request))


async def make_queue_page(request: Request) -> Response:
    """Make a queue, and go to it; what is wrong with what was asked for is said above the form."""
    person = owner_of(request)
    parameters = await read_parameters(request)
    given = {name.lower(): values[-1] for name, values in parameters.values.items()}
    try:
        queue = await in_page_place(request, make, labelling(request), wanted_queue(given))
    except UserError as error:
        return await _queues(request, person, given=given, message=str(error))
    return RedirectResponse(relative_urls("/label").queue(queue.name), 303)


async def _queues(
    request: Request, person: Person, *, given: Mapping[str, str] | None = None, message: str = ""
) -> Response:
    rows = await in_page_place(request, queue_rows, labelling(request), person)
    return _page(
        request, "queues.html", "/label", 400 if message else 200, person=person, queues=rows, kinds=KINDS,
        given=given or {}, message=message,
    )  # fmt: skip


async def queue_page(request: Request) -> Response:
    """Show the page on which the spectra of one queue are labelled."""
    person, name = person_of(request), request.path_params["name"]
    queue = await in_page_place(request, known_queue, labelling(request), name)
    return _page(request, "label.html", "/label/queue/NAME", person=person, queue=queue, profiles=PROFILES)


async def refinements_page(request: Request) -> Response:
    """Show what was learnt from labels, and what is being learnt."""
    return await _refinements(request, owner_of(request))


async def change_refinements(request: Request) -> Response:
    """Begin, stop, accept or roll back a refinement; what stands against it is said above the list."""
    person = owner_of(request)
    parameters = await read_parameters(request)
    given = {name.lower(): values[-1] for name, values in parameters.values.items()}
    context, name = labelling(request), given.get("name", "")
    work: Mapping[str, Callable[[], object]] = {
        "begin": lambda: begin(context, services(request).store, person),
        "stop": lambda: context.refinements.stop(name),
        "accept": lambda: context.refinements.accept(name, accepted=True),
        "roll back": lambda: context.refinements.accept(name, accepted=False),
    }
    action = given.get("action", "")
    if action not in work:
        return await _refinements(request, person, message=f"action {action!r} is none of {', '.join(work)}")
    try:
        await in_page_place(request, work[action])
    except UserError as error:
        return await _refinements(request, person, message=str(error))
    return RedirectResponse(relative_urls("/label/refinements").refinements, 303)


async def _refinements(request: Request, person: Person, *, message: str = "") -> Response:
    found = await in_page_place(request, labelling(request).refinements.all)
    return _page(
        request, "refinements.html", "/label/refinements", 400 if message else 200, person=person,
        refinements=found, message=message, running=any(each.status == "running" for each in found),
    )  # fmt: skip


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


def _page(request: Request, template: str, path: str, status: int = 200, **values: Any) -> Response:
    context, urls = services(request), relative_urls(path)
    text = render(template, settings=context.settings, urls=urls, public=context.urls, **values)
    return HTMLResponse(text, status, headers=PRIVATE)


def routes() -> list[Route]:
    """Give the routes of labelling."""
    return [
        route("/label", {"GET": queues_page, "POST": make_queue_page}),
        route("/label/queue/{name}", {"GET": queue_page}),
        route("/label/refinements", {"GET": refinements_page, "POST": change_refinements}),
        route("/label/enter/{invitation}", {"GET": enter_page}),
        route("/label/leave", {"POST": leave}),
        *api_routes(),
    ]

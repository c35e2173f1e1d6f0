"""The JSON of labelling: what the page and the Python client ask and send."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from functools import wraps
from typing import Any, Final

import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from service.clients import in_page_place
from service.context import services
from service.errors import INTERNAL, RETRY_SECONDS, TooLargeError, status_of
from service.labelling.access import Handler, nothing_here, owner_of, person_of, remember, route
from service.labelling.context import LabelServices, labelling
from service.labelling.items import (
    epochs_of,
    expected_of,
    prediction_of,
    predictions_of,
)
from service.labelling.people import Person
from service.labelling.queueing import EXPORTS, export, known_queue, make, report_of, wanted_queue
from service.middleware import note
from service.store import ReleaseStore
from vo_emline.errors import EmlineError, UserError
from vo_emline.labelling import Label

logger = structlog.stdlib.get_logger("service")

MOST_ITEMS: Final = 100
"""Spectra of one answer."""
MOST_LABELS: Final = 1000
"""Labels of one request: what was given in an afternoon without a connection."""
BODY_BYTES: Final = 2_000_000

_NO_STORE: Final = {"Cache-Control": "no-store"}


def answered_in_json(handler: Handler) -> Handler:
    """Let a handler's mistakes be answered as ``{"error": …}``, with the status of any other answer."""

    @wraps(handler)
    async def answer(request: Request) -> Response:
        try:
            found = await handler(request)
        except EmlineError as error:
            return _failure(error)
        found.headers["Cache-Control"] = "no-store"
        return found

    return answer


def _failure(error: EmlineError) -> Response:
    status = status_of(error)
    if status >= 500 and not isinstance(error, UserError):
        logger.error("internal_error", exc_info=error)
    said = str(error) if isinstance(error, UserError) else INTERNAL
    headers = {"Retry-After": str(RETRY_SECONDS)} if status in (429, 503) else {}
    return JSONResponse({"error": said}, status, headers=_NO_STORE | headers)


async def list_refinements(request: Request) -> Response:
    """List what was learnt from labels, the latest first."""
    owner_of(request)
    found = await in_page_place(request, labelling(request).refinements.all)
    return JSONResponse([{**asdict(each), "run": str(each.run)} for each in found])


async def list_queues(request: Request) -> Response:
    """List the queues, with how far each is."""
    person = person_of(request)
    return JSONResponse(await in_page_place(request, queue_rows, labelling(request), person))


async def new_queue(request: Request) -> Response:
    """Make a queue."""
    owner_of(request)
    wanted = wanted_queue(await _body(request, dict))
    queue = await in_page_place(request, make, labelling(request), wanted)
    return JSONResponse(asdict(queue), 201)


async def estimates(request: Request) -> Response:
    """Give what the labels of a queue tell so far."""
    person_of(request)
    return JSONResponse(
        await in_page_place(request, report_of, labelling(request), request.path_params["name"])
    )


async def take_along(request: Request) -> Response:
    """Give labels as a table: what people say of each spectrum, or (``rows=log``) every label."""
    person, asked = person_of(request), request.query_params
    queue, suffix, log = asked.get("queue", ""), asked.get("format", "csv"), asked.get("rows") == "log"
    content = await in_page_place(
        request, export, labelling(request), person, queue=queue, suffix=suffix, log=log
    )
    name = f"labels{'-' + queue if queue else ''}{'-log' if log else ''}.{suffix}"
    return Response(
        content,
        media_type=EXPORTS[suffix],
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def queue_rows(context: LabelServices, person: Person) -> list[dict[str, Any]]:
    """Give the queues with how far they are, for all and for one person."""
    rows = []
    for queue in context.queues.all():
        progress = context.queues.progress(queue.name, person.name)
        rows.append(
            {"name": queue.name, "kind": queue.kind, "size": queue.size, "created": queue.created,
             "seed": queue.seed, "overlap": queue.overlap, "labelled": progress.labelled,
             "mine": progress.mine}
        )  # fmt: skip
    return rows


async def next_items(request: Request) -> Response:
    """Give the next spectra of a queue for the person who asks, and how far it is.

    Those whose places in the queue stand in ``have`` are left out: they are held for that person, too.
    """
    person, name = person_of(request), request.path_params["name"]
    number = _number(request, "n", default=20, most=MOST_ITEMS)
    have = frozenset(request.query_params.get("have", "").split(",")[:MOST_ITEMS])
    context = labelling(request)

    def work() -> dict[str, Any]:
        known_queue(context, name)
        claimed = context.queues.claim(name, person.name, number)
        lacking = [item for item in claimed if str(item.position) not in have]
        items = context.ahead.items([item.publisher_did for item in lacking])
        context.ahead.prepare(name, max((item.position for item in claimed), default=0))
        return {
            "items": [
                {**item, "position": place.position} for item, place in zip(items, lacking, strict=True)
            ],
            "progress": asdict(context.queues.progress(name, person.name)),
        }

    return JSONResponse(await in_page_place(request, work))


async def skip(request: Request) -> Response:
    """Put a spectrum behind all others, for the person who asks."""
    person, name = person_of(request), request.path_params["name"]
    did = str((await _body(request, dict)).get("publisher_did", ""))

    def work() -> None:
        known_queue(labelling(request), name)
        labelling(request).queues.skip(name, person.name, did)

    await in_page_place(request, work)
    return JSONResponse({})


async def earlier(request: Request) -> Response:
    """Give what the person who asks has labelled last in a queue, the latest first, with the spectra."""
    person, name = person_of(request), request.path_params["name"]
    number = _number(request, "n", default=20, most=MOST_ITEMS)
    context = labelling(request)

    def work() -> list[dict[str, Any]]:
        known_queue(context, name)
        labels = context.log.current(queue=name, labeller=person.name)[-number:][::-1]
        items = context.ahead.items([label.publisher_did for label in labels])
        return [{"label": label.to_json(), "item": item} for label, item in zip(labels, items, strict=True)]

    return JSONResponse({"labels": await in_page_place(request, work)})


async def prediction(request: Request) -> Response:
    """Give what the network says: who asks before labelling does not label blind."""
    person_of(request)
    found = await in_page_place(request, prediction_of, services(request).store, _did(request))
    return JSONResponse(asdict(found))


async def expected(request: Request) -> Response:
    """Give the absorption expected in a spectrum."""
    person_of(request)
    found = await in_page_place(request, expected_of, services(request).store, _did(request))
    return JSONResponse({"expected": found})


async def epochs(request: Request) -> Response:
    """Give the other spectra of the same star."""
    person_of(request)
    return JSONResponse(
        {"epochs": await in_page_place(request, epochs_of, services(request).store, _did(request))}
    )


async def store_labels(request: Request) -> Response:
    """Store labels; each is stored once, however often it is sent."""
    person = person_of(request)
    given = await _body(request, list)
    if len(given) > MOST_LABELS:
        raise TooLargeError(f"more than {MOST_LABELS} labels in one request; send them in parts")
    shared = services(request)
    found = await in_page_place(request, _store, labelling(request), shared.store, person, given)
    note(request.scope, labels=found["stored"], known=found["known"])
    return JSONResponse(found)


def _store(
    context: LabelServices, store: ReleaseStore, person: Person, given: Sequence[Any]
) -> dict[str, Any]:
    """Store labels as those of `person`, with what the network says now; give what it says, too."""
    labels = [Label.from_json(each, labeller=person.name) for each in given]
    said = predictions_of(store, sorted({label.publisher_did for label in labels}))
    stamped = [
        Label.from_json(
            label.to_json(),
            predicted=said[label.publisher_did].label if label.publisher_did in said else "",
            model_version=said[label.publisher_did].model_version if label.publisher_did in said else "",
        )
        for label in labels
    ]
    stored = context.log.append(stamped)
    queues = {label.queue for label in labels} & {queue.name for queue in context.queues.all()}
    return {
        "stored": stored,
        "known": len(labels) - stored,
        "progress": {name: asdict(context.queues.progress(name, person.name)) for name in sorted(queues)},
        "predictions": {did: asdict(prediction) for did, prediction in said.items()},
    }


async def accept(request: Request) -> Response:
    """Accept an invitation: the browser is known from here on."""
    context = labelling(request)
    try:
        given = await _body(request, dict)
    except UserError:
        raise nothing_here() from None
    invitation, secret = str(given.get("invitation", ""))[:100], str(given.get("secret", ""))[:200]
    context.tries.take(request.client.host if request.client else "")
    session = await in_page_place(request, context.people.accept, invitation, secret)
    if session is None:
        raise nothing_here()
    answer = JSONResponse({})
    remember(answer, session, services(request).settings)
    return answer


async def _body(request: Request, kind: type[Any]) -> Any:
    """Read a JSON body: a form, which another site could send without being asked about, is none.

    Raises
    ------
    UserError
        It is no JSON, or of another kind than `kind`.
    TooLargeError
        It is too large.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise UserError("send JSON, and say so: Content-Type: application/json")
    content = bytearray()
    async for part in request.stream():
        content += part
        if len(content) > BODY_BYTES:
            raise TooLargeError(f"more than {BODY_BYTES} bytes; send the labels in parts")
    try:
        given = json.loads(content)
    except (ValueError, RecursionError):
        raise UserError("the body is no JSON") from None
    if not isinstance(given, kind):
        raise UserError(f"the body must be a JSON {'array' if kind is list else 'object'}")
    return given


def _number(request: Request, name: str, *, default: int, most: int) -> int:
    text = request.query_params.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) < 9 and 0 < int(text) <= most):
        raise UserError(f"{name} must be a whole number from 1 to {most}")
    return int(text)


def _did(request: Request) -> str:
    did = request.query_params.get("did", "")
    if not did:
        raise UserError("say which spectrum: did=…")
    return did


def api_routes() -> list[Route]:
    """Give the routes of the JSON."""
    queue = "/label/api/queues/{name}"
    table: dict[str, dict[str, Handler]] = {
        "/label/api/queues": {"GET": list_queues, "POST": new_queue},
        f"{queue}/next": {"GET": next_items},
        f"{queue}/earlier": {"GET": earlier},
        f"{queue}/skip": {"POST": skip},
        f"{queue}/estimates": {"GET": estimates},
        "/label/api/prediction": {"GET": prediction},
        "/label/api/expected": {"GET": expected},
        "/label/api/epochs": {"GET": epochs},
        "/label/api/labels": {"POST": store_labels},
        "/label/api/export": {"GET": take_along},
        "/label/api/refinements": {"GET": list_refinements},
        "/label/api/enter": {"POST": accept},
    }
    return [
        route(path, {method: answered_in_json(handler) for method, handler in handlers.items()})
        for path, handlers in table.items()
    ]

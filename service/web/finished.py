"""Answering from what is finished already (:mod:`service.finished`), else by making it in a slot."""

from __future__ import annotations

from collections.abc import Hashable
from functools import partial

import anyio
from starlette.requests import Request
from starlette.responses import Response

from service.clients import client_of
from service.context import Services
from service.finished import Make


async def finished(request: Request, context: Services, make: Make) -> Response:
    """Answer from what is kept, else by what `make` writes in one of the slots for queries.

    Parameters
    ----------
    request
        Who asks; path and parameters say what, and nothing else may matter for the answer.
    context
        The service.
    make
        Writes the answer; it may raise, and is called in a thread.
    """
    key = _key(request)
    found = await anyio.to_thread.run_sync(partial(context.finished.get, context.store, key))
    if found is None:
        async with context.slots.take(client_of(request)):
            found = await context.slots.call(partial(context.finished.make, context.store, key, make))
    answer, tag = found
    always = {"ETag": tag, "Cache-Control": "no-cache"}
    if _has(request, tag):
        return Response(status_code=304, headers=always)
    return Response(answer.content, media_type=answer.media_type, headers={**answer.headers, **always})


def _key(request: Request) -> Hashable:
    """Give what is asked, the same for addresses that mean the same: empty fields of a form do not count.

    The order of parameters matters among those of one name only.
    """
    given = [(name, value.strip()) for name, value in request.query_params.multi_items() if value.strip()]
    return request.url.path, tuple(sorted(given, key=lambda pair: pair[0]))


def _has(request: Request, tag: str) -> bool:
    """Tell whether the client has the answer already (RFC 9110, section 13.1.2)."""
    said = request.headers.get("if-none-match", "")
    return said.strip() == "*" or tag in {each.strip().removeprefix("W/") for each in said.split(",")}

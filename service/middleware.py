"""What stands around the handlers: access log, limit on size, errors as answers (DALI 1.1, section 4)."""

from __future__ import annotations

import asyncio
import time
from typing import Any, Final
from urllib.parse import quote

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.context import services
from service.errors import INTERNAL, RETRY_SECONDS, TooLargeError, status_of
from service.formats.header import status_document
from service.metrics import Metrics
from vo_emline.errors import UserError

logger = structlog.stdlib.get_logger("service")
access = structlog.stdlib.get_logger("service.access")

VOTABLE_TYPE: Final = "application/x-votable+xml"


NOTES: Final = "vo_emline.notes"
"""Key of the scope under which handlers leave what the log shall say of their request."""


def note(scope: Scope, **facts: Any) -> None:
    """Let the line of a request in the log say more: a query, its rows, why it was refused."""
    scope.get(NOTES, {}).update(facts)


class AccessLog:
    """Logs and counts requests: who, what, status, bytes, seconds until the first byte and the last."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and log how it was answered."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        seen: dict[str, Any] = {"status": 0, "bytes": 0}
        notes: dict[str, Any] = {}
        scope[NOTES] = notes
        start = time.perf_counter()

        async def watch(message: Message) -> None:
            if message["type"] == "http.response.start":
                seen["status"] = message["status"]
                seen["first_byte_s"] = round(time.perf_counter() - start, 4)
            elif message["type"] == "http.response.body":
                seen["bytes"] += len(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, receive, watch)
        finally:
            client = scope.get("client")
            seconds = time.perf_counter() - start
            status, size = seen["status"], seen["bytes"]
            self._metrics.count(
                scope["path"], status=status, seconds=seconds, size=size, rows=notes.get("rows", 0)
            )
            access.info(
                "request",
                method=scope["method"],
                path=scope["path"],
                client=client[0] if client else None,
                seconds=round(seconds, 4),
                **seen,
                **notes,
            )


class BodyLimit:
    """Refuses requests with more than so many bytes, or whose bytes drip, before they are kept anywhere."""

    def __init__(self, app: ASGIApp, *, max_bytes: int, seconds: float) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on while its body stays within the limit."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if _is_ambiguous(scope):
            refused = UserError("the request states a length and comes in chunks; send one of the two")
            answer = votable_error(refused, scope)
            answer.headers["Connection"] = "close"
            await answer(scope, receive, send)
            return
        error = TooLargeError(f"the request is larger than {self._max_bytes} bytes")
        if _declared_length(scope) > self._max_bytes:
            await votable_error(error, scope)(scope, receive, send)
            return
        received = 0
        arriving = True
        deadline = time.monotonic() + self._seconds

        async def counted() -> Message:
            nonlocal received, arriving
            try:
                async with asyncio.timeout(deadline - time.monotonic() if arriving else None):
                    message = await receive()
            except TimeoutError:
                raise UserError(f"the request did not arrive within {self._seconds:g} s") from None
            arriving = arriving and message.get("more_body", False)
            received += len(message.get("body", b""))
            if received > self._max_bytes:
                raise error
            return message

        await self._app(scope, counted, send)


def _is_ambiguous(scope: Scope) -> bool:
    """Tell whether a proxy in front could see the end of the request elsewhere (RFC 9112, section 6.1)."""
    names = {name for name, _ in scope["headers"]}
    return {b"content-length", b"transfer-encoding"} <= names


def _declared_length(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value)
    return 0


def _without_slash(request: Request) -> str | None:
    """Give the address that was meant where only a slash at the end is wrong: ours, whatever Host says."""
    path = request.scope["path"]
    meant = {**request.scope, "path": path.rstrip("/")}
    if path == meant["path"] or all(route.matches(meant)[0] is Match.NONE for route in request.app.routes):
        return None
    query = f"?{request.url.query}" if request.url.query else ""
    return f"{services(request).urls.base}{quote(meant['path'])}{query}"


def votable_error(error: Exception, scope: Scope) -> Response:
    """Give the VOTable answer to an error (DALI 1.1, section 4.2); our own faults are logged, not shown."""
    status = status_of(error)
    message = str(error) if status < 500 or isinstance(error, UserError) else INTERNAL
    headers = {"Retry-After": str(RETRY_SECONDS)} if status in (429, 503) else None
    document = status_document("ERROR", message, infos=services(Request(scope)).origin())
    return Response(document, status, headers, media_type=VOTABLE_TYPE)


async def on_user_error(request: Request, error: Exception) -> Response:
    """Answer a mistake in the request."""
    logger.info("user_error", path=request.url.path, error=str(error))
    return votable_error(error, request.scope)


async def on_internal_error(request: Request, error: Exception) -> Response:
    """Answer a fault of ours without telling what it was."""
    logger.error("internal_error", path=request.url.path, exc_info=error)
    return votable_error(error, request.scope)


async def on_http_error(request: Request, error: Exception) -> Response:
    """Answer what Starlette refuses: a malformed form like any mistake, a wrong address in plain text."""
    if not isinstance(error, HTTPException):
        raise TypeError("a handler for HTTPException got something else") from error
    if error.status_code == 400:
        return votable_error(UserError(f"the request cannot be read: {error.detail}"), request.scope)
    if error.status_code == 404 and (address := _without_slash(request)):
        return RedirectResponse(address, 307)
    text = f"{error.detail}: {request.method} {request.url.path}\n"
    return PlainTextResponse(text, error.status_code, error.headers)

"""Errors as answers: a VOTable that says what was wrong, with the right HTTP status."""

from __future__ import annotations

from typing import Final

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from service.votable.header import status_document
from vo_emline.errors import EmlineError, UserError

logger = structlog.stdlib.get_logger("service")

VOTABLE_TYPE: Final = "application/x-votable+xml"


class StoppedError(EmlineError):
    """A query was stopped because nobody waits for it any more."""


class BusyError(UserError):
    """Too many queries run already; the same request may succeed later."""


class TooLargeError(UserError):
    """The request is larger than the service takes."""


class NotFoundError(UserError):
    """What the address names does not exist."""


_STATUS: Final = {BusyError: 503, TooLargeError: 413, NotFoundError: 404}
RETRY_SECONDS: Final = 5
"""What ``Retry-After`` says when the service is busy."""


def status_of(error: Exception) -> int:
    """Give the HTTP status of an error: 400 for a user's mistake, 500 for ours."""
    for kind, status in _STATUS.items():
        if isinstance(error, kind):
            return status
    return 400 if isinstance(error, UserError) else 500


def votable_error(error: Exception) -> Response:
    """Give the VOTable answer to an error (DALI 1.1, section 4.2); our own faults are logged, not shown."""
    status = status_of(error)
    message = str(error) if status < 500 or isinstance(error, UserError) else "internal error of the service"
    headers = {"Retry-After": str(RETRY_SECONDS)} if status == 503 else None
    return Response(status_document("ERROR", message), status, headers, media_type=VOTABLE_TYPE)


async def on_user_error(request: Request, error: Exception) -> Response:
    """Answer a mistake in the request."""
    logger.info("user_error", path=request.url.path, error=str(error))
    return votable_error(error)


async def on_internal_error(request: Request, error: Exception) -> Response:
    """Answer a fault of ours without telling what it was."""
    logger.error("internal_error", path=request.url.path, exc_info=error)
    return votable_error(error)


async def on_http_error(request: Request, error: Exception) -> Response:
    """Answer what Starlette refuses: a malformed form like any mistake, a wrong address in plain text."""
    if not isinstance(error, HTTPException):
        raise TypeError("a handler for HTTPException got something else") from error
    if error.status_code == 400:
        return votable_error(UserError(f"the request cannot be read: {error.detail}"))
    text = f"{error.detail}: {request.method} {request.url.path}\n"
    return PlainTextResponse(text, error.status_code, error.headers)

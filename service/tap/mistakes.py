"""A mistake in a query as a page, for people who typed it into the form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from service.adql import AdqlError
from service.context import services
from service.errors import INTERNAL, RETRY_SECONDS, status_of
from service.middleware import votable_error
from service.pages import HEADERS, relative_urls, render
from service.parameters import Parameters
from vo_emline.errors import UserError

TITLES: Final = {429: "Not now", 500: "The service failed", 503: "Not now"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where in a query the mistake is: the line, split at its first wrong character."""

    line: int
    column: int
    before: str
    at: str
    after: str


def wants_page(request: Request, parameters: Parameters) -> bool:
    """Tell whether a person waits for the answer, in a browser.

    Programs in Java accept text/html by default and cannot read it; only browsers ask for XHTML too.
    """
    accepted = request.headers.get("accept", "")
    browser = "text/html" in accepted and "application/xhtml+xml" in accepted
    return browser or "html" in parameters.all("RESPONSEFORMAT")


def error_response(request: Request, parameters: Parameters, error: Exception) -> Response:
    """Answer an error: a page that shows the message, keeps the query and marks the place; else a VOTable."""
    if not wants_page(request, parameters):
        return votable_error(error, request.scope)
    status = status_of(error)
    query = "\n".join(parameters.all("QUERY")[:1])
    page = render(
        "mistake.html",
        settings=services(request).settings,
        urls=relative_urls("/tap/sync"),
        title="The query cannot be answered"
        if status == 400
        else "Not now"
        if status in (429, 503)
        else "Sorry",
        message=str(error) if isinstance(error, UserError) else INTERNAL,
        place=_place(query, error),
        query=query,
        format=next(iter(parameters.all("RESPONSEFORMAT")), "html"),
        maxrec=next(iter(parameters.all("MAXREC")), "1000"),
    )
    headers = {"Retry-After": str(RETRY_SECONDS)} if status in (429, 503) else {}
    return HTMLResponse(page, status, headers=HEADERS | headers)


def _place(query: str, error: Exception) -> Place | None:
    if not isinstance(error, AdqlError) or error.line is None or error.column is None:
        return None
    lines = query.split("\n")
    line = lines[error.line - 1] if error.line <= len(lines) else ""
    start = error.column - 1
    return Place(
        line=error.line, column=error.column, before=line[:start], at=line[start : start + 1] or " ",
        after=line[start + 1 :],
    )  # fmt: skip

"""Who asks, and whether they may label: the one user of this computer, who was invited, whom a proxy names.

Others are told that there is nothing here, in the words of any wrong address. What a page of another site
asks is refused whoever asks, reading included: on one's own computer a browser needs no cookie.
"""

from __future__ import annotations

import getpass
import ipaddress
from collections.abc import Awaitable, Callable, Mapping
from typing import Final
from urllib.parse import urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from service.clients import check_origin
from service.config import Settings
from service.connections import PEER
from service.context import services
from service.errors import ForbiddenError
from service.labelling.context import labelling
from service.labelling.people import DAY_S, SESSION_DAYS, Person, Role

COOKIE: Final = "vo_emline_label"

_FORWARDED: Final = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")
_SAFE_SITES: Final = ("same-origin", "none")
_METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")

Handler = Callable[[Request], Awaitable[Response]]


def person_of(request: Request) -> Person:
    """Give the person who asks.

    Raises
    ------
    HTTPException
        404: it is nobody who may label.
    ForbiddenError
        A page of another site asks.
    QuotaError
        The person asks too often.
    """
    found = _invited(request) or _named_by_proxy(request) or _only_user(request)
    if found is None:
        raise nothing_here()
    _refuse_other_sites(request)
    labelling(request).requests.take(found.name)
    return found


def owner_of(request: Request) -> Person:
    """Give the person who asks and may make queues.

    Raises
    ------
    HTTPException
        404: it is nobody who may label.
    ForbiddenError
        It is no owner.
    """
    found = person_of(request)
    if not found.owns:
        raise ForbiddenError("only owners may do that; ask the one who invited you")
    return found


def route(path: str, handlers: Mapping[str, Handler]) -> Route:
    """Give a route of which those who may not label do not learn by a 405 that it is there.

    Parameters
    ----------
    path
        Its address.
    handlers
        By method.
    """

    async def answer(request: Request) -> Response:
        handler = handlers.get("GET" if request.method == "HEAD" else request.method)
        if handler is None:
            person_of(request)
            raise HTTPException(405, headers={"Allow": ", ".join(handlers)})
        return await handler(request)

    return Route(path, answer, methods=_METHODS)


def nothing_here() -> HTTPException:
    """Give the answer for those who may not label: that of any wrong address."""
    return HTTPException(404)


def remember(response: Response, session: str, settings: Settings) -> None:
    """Let the browser keep a session, out of reach of scripts and of other sites."""
    response.set_cookie(
        COOKIE, session, max_age=SESSION_DAYS * DAY_S, httponly=True, samesite="strict",
        secure=settings.public_url.startswith("https:"), path=_cookie_path(settings),
    )  # fmt: skip


def forget(request: Request, response: Response) -> None:
    """End the session of a browser."""
    if session := request.cookies.get(COOKIE):
        labelling(request).people.leave(session)
    response.delete_cookie(COOKIE, path=_cookie_path(services(request).settings))


def _cookie_path(settings: Settings) -> str:
    return f"{urlsplit(settings.public_url).path.rstrip('/')}/label"


def _invited(request: Request) -> Person | None:
    session = request.cookies.get(COOKIE)
    return labelling(request).people.who(session) if session else None


def _named_by_proxy(request: Request) -> Person | None:
    """Give whom the proxy names, where it is the proxy that says so and the operator knows the name."""
    settings = services(request).settings
    name = request.headers.get(settings.user_header) if settings.user_header else None
    if not name or _peer(request) not in settings.proxies:
        return None
    if name in settings.label_owners:
        return Person(name=name, role=Role.OWNER)
    return Person(name=name, role=Role.LABELLER) if name in settings.label_users else None


def _only_user(request: Request) -> Person | None:
    """Give the user of this computer, where the service is for them alone and no proxy passed this on.

    The name the service was called by must be one of this computer: a name of another site that leads here
    (DNS rebinding) is none.
    """
    if not services(request).settings.one_user or any(name in request.headers for name in _FORWARDED):
        return None
    host = urlsplit(f"//{request.headers.get('host', '')}").hostname or ""
    if not (is_loopback(_peer(request)) and (host == "localhost" or is_loopback(host))):
        return None
    return Person(name=only_user(), role=Role.OWNER)


def only_user() -> str:
    """Give the name of the user of this computer, ``me`` where it has none."""
    try:
        return getpass.getuser() or "me"
    except (OSError, KeyError):  # a container without a name for its user
        return "me"


def is_loopback(host: str) -> bool:
    """Tell whether an address is one of this computer."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _peer(request: Request) -> str:
    """Give the address at the other end of the connection, whatever a header says."""
    return str(request.scope.get(PEER) or (request.client.host if request.client else ""))


def _refuse_other_sites(request: Request) -> None:
    """Refuse what another site asks: by Origin, and by where the browser says that a request comes from."""
    check_origin(request)
    site = request.headers.get("sec-fetch-site", "none")
    opened = request.method == "GET" and request.headers.get("sec-fetch-mode") == "navigate"
    if site not in _SAFE_SITES and not opened:
        raise ForbiddenError("a page of another site may not label here")

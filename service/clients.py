"""Who asks: the network address that limits count for, and the site whose page sent the request."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from functools import partial
from typing import ParamSpec, TypeVar
from urllib.parse import urlsplit

from starlette.requests import Request

from service.context import services
from service.errors import ForbiddenError

P = ParamSpec("P")
T = TypeVar("T")


def client_of(request: Request) -> str:
    """Give the address that limits count for: IPv4 as it is, IPv6 by the network of 64 bits it belongs to.

    Behind a proxy it is the address the proxy states, where the server trusts it, or the user it names
    (setting ``user_header``).
    """
    header = services(request).settings.user_header
    if header and (user := request.headers.get(header)):
        return f"user {user[:200]}"
    host = request.client.host if request.client else ""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, 64), strict=False).network_address)


async def in_page_place(
    request: Request, function: Callable[P, T], *arguments: P.args, **more: P.kwargs
) -> T:
    """Call a blocking function in one of the slots for pages, pictures, spectra, SSA and DataLink.

    Raises
    ------
    QuotaError, BusyError
        No slot became free in time.
    """
    pages = services(request).pages
    async with pages.take(client_of(request)):
        return await pages.call(partial(function, *arguments, **more))


def check_origin(request: Request) -> None:
    """Refuse what changes something and comes from a page of another site.

    Programs send no Origin; browsers always do with what changes something. The
    operator may trust sites by name (``cors_origins``), which ``*`` is not.

    Raises
    ------
    ForbiddenError
        The page belongs to another site.
    """
    origin = request.headers.get("origin")
    if origin is None:
        return
    settings = services(request).settings
    own = urlsplit(settings.public_url)
    trusted = {f"{own.scheme}://{own.netloc}", *settings.cors_origins} - {"*"}
    same = urlsplit(origin).netloc == request.headers.get("host") and origin != "null"
    if origin not in trusted and not same:
        raise ForbiddenError("a page of another site may not change jobs here")

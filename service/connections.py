"""Connections that do not ask, or ask slowly, and how many there may be."""

from __future__ import annotations

import asyncio
import resource
import socket
from collections.abc import Sequence
from typing import Any, Final

from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware
from uvicorn.protocols.http.h11_impl import H11Protocol

HEADER_SECONDS: Final = 15.0
"""Time for the first request of a connection to arrive with all its headers."""
UNREAD_MILLISECONDS: Final = 60_000
"""Time after which the kernel drops a connection whose other side takes nothing."""
RESERVE: Final = 128
"""Descriptors kept for files, the database and the processes that read uploads."""

MAPPED: Final = "::ffff:"
"""Before the address of a client of IPv4 where the service listens on ``::`` for both."""

PEER: Final = "vo_emline.peer"
"""Key of the scope for the address at the other end of the connection, whatever headers say."""


class BehindProxies:
    """Takes the word of proxies about the client's address, and remembers that of the proxy.

    Parameters
    ----------
    app
        The application.
    proxies
        Addresses of proxies whose word is taken.
    """

    def __init__(self, app: ASGIApp, *, proxies: Sequence[str]) -> None:
        self._app: Any = ProxyHeadersMiddleware(app, trusted_hosts=list(proxies))  # type: ignore[arg-type]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] == "http" and scope.get("client"):
            host, port = scope["client"]
            scope["client"] = (host.removeprefix(MAPPED) if "." in host else host, port)
            scope[PEER] = scope["client"][0]
        await self._app(scope, receive, send)


class BoundedProtocol(H11Protocol):
    """HTTP/1.1 on one connection, ended when no request comes in time, or when there are too many."""

    most = 800
    """Connections at the same time; more are hung up on at once, so that answers always have descriptors."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Accept a connection, for so long as its headers take to come at most."""
        if len(self.connections) >= self.most:
            transport.abort()
            return
        super().connection_made(transport)
        self._waiting = self.loop.call_later(HEADER_SECONDS, self._hang_up_on_silence)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        if hasattr(self, "_waiting"):
            self._waiting.cancel()
            super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what came, unless it came after all."""
        if hasattr(self, "_waiting"):
            super().data_received(data)

    def eof_received(self) -> None:
        """Take note of the end, where there was a beginning."""
        if hasattr(self, "_waiting"):
            super().eof_received()

    def _hang_up_on_silence(self) -> None:
        cycle: Any = self.cycle
        if cycle is None:
            self.transport.abort()


def bounded() -> type[BoundedProtocol]:
    """Give the protocol for as many connections as the descriptors at hand allow."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(hard, 65_536) if hard != resource.RLIM_INFINITY else 65_536
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    # Every answer may need a descriptor or two beside its connection.
    return type("Protocol", (BoundedProtocol,), {"most": max(16, (soft - RESERVE) // 2)})


def set_options(listener: socket.socket) -> None:
    """Set what connections of `listener` inherit.

    The end of an answer does not wait until its beginning is acknowledged, for which clients that keep their
    connection take 40 ms; where the kernel can, it drops those whose other side stops reading.
    """
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNREAD_MILLISECONDS)

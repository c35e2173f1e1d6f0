"""Connections that do not ask, or ask slowly, and how many there may be."""

from __future__ import annotations

import asyncio
import resource
import socket
from typing import Any, Final

from uvicorn.protocols.http.h11_impl import H11Protocol

HEADER_SECONDS: Final = 15.0
"""Time for the first request of a connection to arrive with all its headers."""
UNREAD_MILLISECONDS: Final = 60_000
"""Time after which the kernel drops a connection whose other side takes nothing."""
RESERVE: Final = 128
"""Descriptors kept for files, the database and the processes that read uploads."""


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


def drop_unread(listener: socket.socket) -> None:
    """Let the kernel drop connections of `listener` whose other side stops reading; a place where it can."""
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNREAD_MILLISECONDS)

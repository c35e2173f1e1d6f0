"""Received messages, handled one after the other outside the SAMP thread."""

from __future__ import annotations

import logging
import xmlrpc.client
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from pyvo import samp

logger = logging.getLogger(__name__)

Handler = Callable[[str, dict[str, Any]], None]
"""Called with the sender's public id and the parameters of a received message."""


class Inbox:
    """Runs handlers of received messages in one worker thread, in the order of arrival.

    The hub waits for a client to take a message and gives up after a few
    attempts; so taking is instant and the answer follows when the handler
    has done its work (SAMP 1.3, section 3.11).
    """

    def __init__(self, client: samp.SAMPIntegratedClient) -> None:
        self._client = client
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="samp-inbox")
        self._handlers: dict[str, tuple[Handler, ...]] = {}

    def listen(self, handlers: Mapping[str, Handler]) -> None:
        """Call these handlers, beside those there are, for every received message of their types.

        An exception of a handler is logged, and a caller gets it as
        ``samp.error``. All types are declared at once: TOPCAT may hear of
        several declarations in another order than they were made, and would
        believe an old one.
        """
        for mtype, handler in handlers.items():
            if mtype not in self._handlers:
                self._bind(mtype)
            self._handlers[mtype] = (*self._handlers.get(mtype, ()), handler)
        self.declare()

    def declare(self) -> None:
        """Tell the hub (again) what we listen to."""
        self._client.declare_subscriptions()

    def ignore(self, mtype: str, handler: Handler) -> None:
        """Call `handler` no more."""
        self._handlers[mtype] = tuple(one for one in self._handlers.get(mtype, ()) if one != handler)

    def _bind(self, mtype: str) -> None:
        def notified(_key: str, sender: str, _mtype: str, params: dict[str, Any], _extra: Any) -> None:
            self._worker.submit(self._handle, mtype, sender, params)

        def called(
            _key: str, sender: str, identifier: str, _mtype: str, params: dict[str, Any], _extra: Any
        ) -> None:
            self._worker.submit(self._answer, mtype, sender, params, identifier)

        self._client.bind_receive_notification(mtype, notified, declare=False)
        self._client.bind_receive_call(mtype, called, declare=False)

    def close(self) -> None:
        """Drop what has not been handled yet."""
        self._worker.shutdown(wait=False, cancel_futures=True)

    def _handle(self, mtype: str, sender: str, params: dict[str, Any]) -> str:
        """Give the errors of the handlers, empty where all did their work."""
        problems = []
        for handler in self._handlers[mtype]:
            try:
                handler(sender, params)
            except Exception as error:  # the outermost frame of the worker
                logger.exception("handling %s failed", mtype)
                problems.append(f"{type(error).__name__}: {error}")
        return "; ".join(problems)

    def _answer(self, mtype: str, sender: str, params: dict[str, Any], identifier: str) -> None:
        problem = self._handle(mtype, sender, params)
        try:
            if problem:
                self._client.ereply(identifier, samp.SAMP_STATUS_ERROR, error={"samp.errortxt": problem})
            else:
                self._client.ereply(identifier, samp.SAMP_STATUS_OK, result={})
        except (AttributeError, xmlrpc.client.Error, OSError) as error:
            # AttributeError: pyvo's proxy after a disconnection
            logger.debug("the answer to %s could not be sent: %s", mtype, error)

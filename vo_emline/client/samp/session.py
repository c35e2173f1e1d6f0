"""A connection to the SAMP hub: who is there, sending with answers, listening."""

from __future__ import annotations

import logging
import uuid
import weakref
import xmlrpc.client
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata, resources
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from pyvo import samp

from vo_emline.client.samp.hub import local_addresses, running_hub, start_hub, stop_hub
from vo_emline.client.samp.messages import Delivery, Exchange, Message, Receiver, RefusedError
from vo_emline.errors import UserError

logger = logging.getLogger(__name__)

Handler = Callable[[str, dict[str, Any]], None]
"""Called with the sender's public id and the parameters of a received message."""

REPLY_TIMEOUT: Final = 30.0
"""Seconds to wait for an application to answer; TOPCAT loads 100 rows in 0.3 s."""


def declared_metadata(name: str = "vo-emline") -> dict[str, str]:
    """Describe this program to other applications (SAMP 1.3, section 3.6)."""
    icon = Path(str(resources.files("vo_emline.client.samp") / "icon.png"))
    return {
        "samp.name": name,
        "samp.description.text": "Emission-line stars found by a deep network: candidates and their spectra",
        "samp.icon.url": icon.as_uri(),
        "vo-emline.version": metadata.version("vo-emline"),
    }


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


class SampSession:
    """A registered client of the SAMP hub.

    Use it as a context manager, or call :meth:`close`; at the latest it
    disconnects when Python ends. Make one with :meth:`connect`.
    """

    def __init__(self, client: samp.SAMPIntegratedClient, hub: samp.SAMPHubServer | None = None) -> None:
        self._client = client
        self._inbox = Inbox(client)
        self._finalizer = weakref.finalize(self, _disconnect, client, self._inbox, hub)

    @classmethod
    def connect(cls, *, start: bool = False, name: str = "vo-emline") -> Self:
        """Register at the running hub.

        Parameters
        ----------
        start
            Start a hub in this process where none is running; it ends with
            this session.
        name
            ``samp.name`` by which other applications show us.

        Raises
        ------
        NoHubError
            No hub is running and none is to be started.
        """
        hub = None
        try:
            params = running_hub()
        except UserError:
            if not start:
                raise
            hub = start_hub()
            params = hub.params
        with local_addresses():
            client = samp.SAMPIntegratedClient(metadata=declared_metadata(name), addr="127.0.0.1")
            client.connect(hub_params=params)
        return cls(client, hub)

    def __enter__(self) -> Self:
        """Give the session itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Disconnect."""
        self.close()

    @property
    def connected(self) -> bool:
        """Whether the session is still registered."""
        return self._finalizer.alive and bool(self._client.is_connected)

    def close(self) -> None:
        """Unregister from the hub, and stop the hub if it is our own. Harmless when repeated."""
        self._finalizer()

    def receivers(self, mtype: str | None = None) -> tuple[Receiver, ...]:
        """List the other applications on the hub, by name.

        Parameters
        ----------
        mtype
            Only those that accept this message.
        """
        found = (self._receiver(identifier) for identifier in self._client.get_registered_clients())
        wanted = (one for one in found if mtype is None or one.accepts(mtype))
        return tuple(sorted(wanted, key=lambda one: (one.name.lower(), one.id)))

    def _receiver(self, identifier: str) -> Receiver:
        declared = self._client.get_metadata(identifier)
        return Receiver(
            id=identifier,
            name=str(declared.get("samp.name", identifier)),
            description=str(declared.get("samp.description.text", "")),
            mtypes=tuple(sorted(self._client.get_subscriptions(identifier))),
        )

    def find(self, name: str | None, mtype: str) -> tuple[Receiver, ...]:
        """Choose who shall get a message.

        Parameters
        ----------
        name
            Name (or beginning of it, in any case) or identifier of an
            application; None for all that accept the message.
        mtype
            The message.

        Raises
        ------
        UserError
            Nobody fits; the text lists who is there.
        """
        present = self.receivers()
        named = [one for one in present if name is None or _is_called(one, name)]
        chosen = tuple(one for one in named if one.accepts(mtype))
        if not chosen:
            raise UserError(_nobody(name, mtype, named, present))
        return chosen

    def send(
        self, message: Message, receivers: Iterable[Receiver], *, timeout: float = REPLY_TIMEOUT
    ) -> tuple[Delivery, ...]:
        """Send a message as a *call* and wait for the answers; notify who never answers.

        Returns
        -------
        tuple of Delivery
            One per receiver, with its answer, ``no reply`` or ``notified``.

        Raises
        ------
        RefusedError
            Not one receiver acted on it.
        """
        deliveries = self.offer(message, receivers, timeout=timeout)
        if not any(delivery.accepted for delivery in deliveries):
            raise RefusedError(deliveries)
        for delivery in deliveries:
            if not delivery.accepted:
                logger.warning("SAMP %s: %s", message["samp.mtype"], delivery)
        return deliveries

    def offer(
        self, message: Message, receivers: Iterable[Receiver], *, timeout: float = REPLY_TIMEOUT
    ) -> tuple[Delivery, ...]:
        """Do as :meth:`send`, but let refusals be answers like any other."""
        chosen = tuple(receivers)
        exchange = Exchange(chosen)
        tag = f"vo-emline-{uuid.uuid4().hex}"
        self._client.bind_receive_response(tag, exchange.receive)
        try:
            for receiver in chosen:
                self._call(receiver, tag, message, exchange)
            return exchange.wait(timeout)
        finally:
            self._client.unbind_receive_response(tag)

    def _call(self, receiver: Receiver, tag: str, message: Message, exchange: Exchange) -> None:
        try:
            if receiver.is_silent:
                self._client.notify(receiver.id, message)
                exchange.settle(Delivery(receiver, "notified", "it gives no answers"))
            else:
                self._client.call(receiver.id, tag, message)
        except (xmlrpc.client.Error, OSError) as error:
            text = f"the hub could not pass the message on: {error}"
            exchange.settle(Delivery(receiver, "error", text))

    def listen(self, handlers: Mapping[str, Handler]) -> None:
        """Call handlers, beside those there are, for every received message of a type; calls are answered.

        Handlers run one after the other in a thread of the session. An
        exception is logged, and a caller gets it as ``samp.error``.

        Parameters
        ----------
        handlers
            By message type; all types are declared to the hub at once.
        """
        self._inbox.listen(handlers)

    def declare(self) -> None:
        """Tell the hub again what we listen to, for applications that have missed it."""
        self._inbox.declare()

    def ignore(self, mtype: str, handler: Handler) -> None:
        """Call `handler` no more."""
        self._inbox.ignore(mtype, handler)


def _disconnect(client: samp.SAMPIntegratedClient, inbox: Inbox, hub: samp.SAMPHubServer | None) -> None:
    inbox.close()
    try:
        client.disconnect()
    except (samp.SAMPClientError, xmlrpc.client.Error, OSError) as error:
        logger.debug("the SAMP hub was gone before we were: %s", error)
    if hub is not None:
        stop_hub(hub)


def _is_called(receiver: Receiver, name: str) -> bool:
    return receiver.id == name or receiver.name.lower().startswith(name.lower())


def _nobody(name: str | None, mtype: str, named: Sequence[Receiver], present: Sequence[Receiver]) -> str:
    there = ", ".join(one.name for one in present) or "none"
    if name is not None and not named:
        return f"no application called {name!r} is on the SAMP hub; present: {there}"
    if name is not None:
        return f"{named[0].name} does not accept {mtype}; present: {there}"
    return f"no application on the SAMP hub accepts {mtype}; present: {there}"

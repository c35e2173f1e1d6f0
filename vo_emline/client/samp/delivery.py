"""What became of a message: who took it, who refused it, who never answered."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from vo_emline.errors import ArchiveError

Status = Literal["ok", "warning", "error", "no reply"]


@dataclass(frozen=True, slots=True)
class Receiver:
    """An application on the hub."""

    id: str
    """Public identifier the hub gave it."""
    name: str
    """``samp.name`` (``topcat``), or the identifier where it declares none."""
    description: str
    mtypes: tuple[str, ...]
    """Messages it subscribed to; they may end with ``.*``."""

    def accepts(self, mtype: str) -> bool:
        """Tell whether it subscribed to `mtype` (SAMP 1.3, section 3.7: ``*`` stands for the rest)."""
        return any(
            pattern in ("*", mtype) or (pattern.endswith(".*") and mtype.startswith(pattern[:-1]))
            for pattern in self.mtypes
        )


@dataclass(frozen=True, slots=True)
class Delivery:
    """The outcome of one message at one receiver."""

    receiver: Receiver
    status: Status
    text: str = ""
    """What the receiver said, where it said something."""

    @property
    def accepted(self) -> bool:
        """Whether the receiver acted on the message (perhaps with a warning)."""
        return self.status in ("ok", "warning")

    def __str__(self) -> str:
        """Say it in one line."""
        return f"{self.receiver.name}: {self.status}" + (f" ({self.text})" if self.text else "")


class RefusedError(ArchiveError):
    """No application on the hub acted on a message.

    Parameters
    ----------
    deliveries
        What each receiver answered.
    """

    def __init__(self, deliveries: Iterable[Delivery]) -> None:
        self.deliveries = tuple(deliveries)
        answers = "; ".join(map(str, self.deliveries))
        super().__init__(f"no application acted on the message: {answers}", retry=True)


def read_response(receiver: Receiver, response: Mapping[str, Any]) -> Delivery:
    """Turn a SAMP response map into a delivery (SAMP 1.3, section 3.10)."""
    statuses: dict[str, Status] = {"samp.ok": "ok", "samp.warning": "warning"}
    error = response.get("samp.error") or {}
    status = statuses.get(str(response.get("samp.status")), "error")
    return Delivery(receiver, status, str(error.get("samp.errortxt", "")))


class Exchange:
    """Collects the answers to one message sent to several receivers."""

    def __init__(self, receivers: Iterable[Receiver]) -> None:
        self._waiting = {receiver.id: receiver for receiver in receivers}
        self._answers: dict[str, Delivery] = {}
        self._changed = threading.Condition()

    def receive(self, _key: str, responder: str, _tag: str, response: Mapping[str, Any]) -> None:
        """Note an answer; called by the SAMP client from its own thread."""
        with self._changed:
            if responder in self._waiting:
                self._answers[responder] = read_response(self._waiting[responder], response)
                self._changed.notify_all()

    def fail(self, receiver: Receiver, text: str) -> None:
        """Note that the hub could not pass the message on."""
        with self._changed:
            self._answers[receiver.id] = Delivery(receiver, "error", text)
            self._changed.notify_all()

    def wait(self, timeout: float) -> tuple[Delivery, ...]:
        """Wait for all answers, at most `timeout` seconds, and give one delivery per receiver."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._answers) == len(self._waiting), timeout)
            silent = f"no answer within {timeout:g} s"
            return tuple(
                self._answers.get(identifier, Delivery(receiver, "no reply", silent))
                for identifier, receiver in self._waiting.items()
            )

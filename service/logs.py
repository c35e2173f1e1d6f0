"""Where the log goes: one line per event on standard error; standard output is the program's own."""

from __future__ import annotations

import logging
import sys
import threading
import time

import structlog
from structlog.typing import EventDict

from vo_emline.progress import is_quiet


def configure_logs() -> None:
    """Let the loggers of the service write to standard error, unless somebody configured structlog before.

    Where the user wants it quiet (``--quiet``), only our own faults are told.
    """
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    if structlog.is_configured():
        return
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            RateLimit(),
            printable_values,
            structlog.processors.LogfmtRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR if is_quiet() else logging.INFO),
        logger_factory=_standard_error,
    )


class RateLimit:
    """Drops lines of one event beyond so many in a while, and says afterwards how many."""

    def __init__(self, most: int = 2000, seconds: float = 10.0) -> None:
        self._most = most
        self._seconds = seconds
        self._lock = threading.Lock()
        self._seen: dict[str, tuple[float, int]] = {}

    def __call__(self, _logger: object, _method: str, event: EventDict) -> EventDict:
        """Let the event pass, or drop it."""
        kind, now = str(event.get("event")), time.monotonic()
        with self._lock:
            since, count = self._seen.get(kind, (now, 0))
            dropped = 0
            if now - since > self._seconds:
                dropped = max(0, count - self._most)
                since, count = now, 0
            self._seen[kind] = (since, count + 1)
        if count >= self._most:
            raise structlog.DropEvent
        if dropped:
            event["dropped_before"] = dropped
        return event


def printable_values(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Escape control characters, with which a request could steer the terminal that shows the log."""
    for key, value in event.items():
        if isinstance(value, str) and not value.isprintable():
            event[key] = "".join(
                letter if letter.isprintable() or letter in "\n\t" else ascii(letter)[1:-1]
                for letter in value
            )
    return event


def _standard_error(*_: object) -> structlog.PrintLogger:
    """Give the stream that is standard error now, and not when the service was started."""
    return structlog.PrintLogger(sys.stderr)

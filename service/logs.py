"""Where the log goes: one line per event on standard error; standard output is the program's own."""

from __future__ import annotations

import hashlib
import logging
import sys
import threading
import time
from typing import Final, Literal

import structlog
from structlog.typing import EventDict

from vo_emline.progress import is_quiet

LogForm = Literal["logfmt", "json"]

LONGEST_QUERY: Final = 2000
"""Characters of a query that the log keeps."""


class Forward(logging.Handler):
    """Gives what libraries and packages log by the standard library to the one log of the service."""

    def emit(self, record: logging.LogRecord) -> None:
        """Log a record."""
        structlog.get_logger("service").log(
            record.levelno, record.getMessage(), logger=record.name, exc_info=record.exc_info or None
        )


def query_facts(query: str, form: Literal["text", "hash", "off"]) -> dict[str, str]:
    """Give what the log says of a query, by the setting ``query_log``."""
    digest = hashlib.sha256(query.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    match form:
        case "text":
            return {"query": query[:LONGEST_QUERY], "query_hash": digest}
        case "hash":
            return {"query_hash": digest}
        case "off":
            return {}


def configure_logs(*, form: LogForm = "logfmt") -> None:
    """Let the loggers of the service write to standard error, unless somebody configured structlog before.

    Where the user wants it quiet (``--quiet``), only our own faults are told.

    Parameters
    ----------
    form
        How lines are written: ``key=value``, or JSON.
    """
    for name in ("service", "uvicorn"):
        found = logging.getLogger(name)
        found.setLevel(logging.WARNING if name == "uvicorn" else logging.INFO)
        if not any(isinstance(handler, Forward) for handler in found.handlers):
            found.addHandler(Forward())
    if structlog.is_configured():
        return
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            RateLimit(),
            printable_values,
            structlog.processors.JSONRenderer()
            if form == "json"
            else structlog.processors.LogfmtRenderer(bool_as_flag=False),
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

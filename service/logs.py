"""Where the log goes: one line per event on standard error; standard output is the program's own."""

from __future__ import annotations

import logging
import sys

import structlog

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
            structlog.processors.LogfmtRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR if is_quiet() else logging.INFO),
        logger_factory=_standard_error,
    )


def _standard_error(*_: object) -> structlog.PrintLogger:
    """Give the stream that is standard error now, and not when the service was started."""
    return structlog.PrintLogger(sys.stderr)

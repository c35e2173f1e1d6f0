"""What can go wrong in the service, and the HTTP status of each kind."""

from __future__ import annotations

from typing import Final

from vo_emline.errors import EmlineError, UserError

INTERNAL: Final = "internal error of the service"
"""All that a client is told about a fault of ours; the log has the rest."""


class StoppedError(EmlineError):
    """A query was stopped because nobody waits for it any more."""


class FaultError(EmlineError):
    """The service failed at a request that was right: status 500, and an error in the log."""


class BusyError(UserError):
    """Too many queries run already; the same request may succeed later."""


class QuotaError(UserError):
    """A client has more going on, or kept, than one may; others do not notice."""


class ForbiddenError(UserError):
    """A page of another site asks for what only its user may."""


class TooLargeError(UserError):
    """The request is larger than the service takes."""


class NotFoundError(UserError):
    """What the address names does not exist."""


_STATUS: Final = {
    BusyError: 503,
    QuotaError: 429,
    ForbiddenError: 403,
    TooLargeError: 413,
    NotFoundError: 404,
}
RETRY_SECONDS: Final = 5
"""What ``Retry-After`` says when the service is busy."""


def status_of(error: Exception) -> int:
    """Give the HTTP status of an error: 400 for a user's mistake, 500 for ours."""
    for kind, status in _STATUS.items():
        if isinstance(error, kind):
            return status
    return 400 if isinstance(error, UserError) else 500

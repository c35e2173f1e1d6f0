"""Whether the service works (VOSI 1.1, section 6)."""

from __future__ import annotations

from datetime import UTC, datetime

from vo_models.vosi.availability import Availability

from service.store import ReleaseStore
from service.xml import document
from vo_emline.errors import EmlineError

STARTED = datetime.now(UTC).replace(microsecond=0)
"""When this process began."""


def availability(store: ReleaseStore) -> bytes:
    """Give the availability document; the release is really asked."""
    problem = _problem(store)
    made = Availability(
        available=problem is None,
        up_since=None if problem else STARTED,
        note=[problem] if problem else [],
    )
    return document(made)


def _problem(store: ReleaseStore) -> str | None:
    try:
        with store.lease() as release:
            release.rows("SELECT 1 AS one")
    except EmlineError:
        return "the release cannot be read"
    return None

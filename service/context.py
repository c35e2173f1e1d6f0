"""What every handler works with: the settings, the addresses, the release and the slots."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request

from service.config import Settings
from service.finished import FinishedAnswers
from service.metrics import Metrics, SharedCounts
from service.origin import origin
from service.slots import Slots
from service.store import ReleaseStore
from service.urls import Urls
from vo_emline.errors import EmlineError


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The collaborators of the handlers, made once in :mod:`service.app`."""

    settings: Settings
    urls: Urls
    store: ReleaseStore
    slots: Slots
    """Where queries run whose answer is waited for."""
    metrics: Metrics
    """What was done so far."""
    shared_counts: SharedCounts | None
    """The same of all processes, where there are several."""
    finished: FinishedAnswers
    """Pages that need not be made again."""
    pages: Slots
    """Where pages, pictures, spectra, SSA and DataLink are made: queries never take their slots."""

    def origin(self) -> dict[str, str]:
        """Say where what is answered now comes from; nothing where the release cannot be read."""
        try:
            with self.store.lease() as release:
                return origin(release, self.settings, self.urls)
        except EmlineError:
            return {}


def services(request: Request) -> Services:
    """Give the collaborators of the application that answers `request`."""
    found = request.app.state.services
    if not isinstance(found, Services):
        raise TypeError("the application was not assembled by service.app.create_app")
    return found

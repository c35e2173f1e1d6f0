"""What every handler works with: the settings, the addresses, the release, the queries and the jobs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.requests import Request

from service.config import Settings
from service.store import ReleaseStore
from service.urls import Urls

if TYPE_CHECKING:
    from service.tap.places import Places
    from service.tap.queries import QueryRunner
    from service.uws.manager import JobManager


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The collaborators of the handlers, made once in :mod:`service.app`."""

    settings: Settings
    urls: Urls
    store: ReleaseStore
    queries: QueryRunner
    jobs: JobManager
    places: Places
    """Where synchronous queries run."""


def services(request: Request) -> Services:
    """Give the collaborators of the application that answers `request`."""
    found = request.app.state.services
    if not isinstance(found, Services):
        raise TypeError("the application was not assembled by service.app.create_app")
    return found

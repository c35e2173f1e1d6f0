"""What the handlers of TAP work with beside the others: queries and jobs."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request

from service.context import Services, services
from service.spool import Quota
from service.tap.queries import QueryRunner
from service.tap.uploads import UploadReader
from service.uws.manager import JobManager


@dataclass(frozen=True, slots=True, kw_only=True)
class TapServices(Services):
    """The collaborators of the handlers of TAP."""

    queries: QueryRunner
    jobs: JobManager
    uploads: UploadReader
    quota: Quota
    """What of the answers may wait on disk for slow readers."""


def tap_services(request: Request) -> TapServices:
    """Give the collaborators of the application that answers `request`."""
    found = services(request)
    if not isinstance(found, TapServices):
        raise TypeError("the application was assembled without TAP")
    return found

"""Services on which people may label, and what is in their log."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from service.labelling.context import LABELS_FILE
from service.labelling.people import FILE, People, Role
from vo_emline.labelling import LabelLog, Queue, QueueItem, Queues


@dataclass(frozen=True)
class Labelled:
    """A running service, and the files beside it, opened a second time."""

    url: str
    folder: Path
    log: LabelLog
    queues: Queues
    people: People
    dids: list[str]

    def add_queue(self, name: str, dids: list[str], **more: Any) -> None:
        """Make a queue of some spectra."""
        self.queues.add(Queue(name=name, kind="list", **more), [QueueItem(publisher_did=did) for did in dids])

    def get(self, path: str, cookies: dict[str, str] | None = None, **headers: str) -> httpx.Response:
        with httpx.Client(cookies=cookies, timeout=30) as client:
            return client.get(f"{self.url}{path}", headers=headers)

    def post(
        self, path: str, given: Any, cookies: dict[str, str] | None = None, **headers: str
    ) -> httpx.Response:
        with httpx.Client(cookies=cookies, timeout=30) as client:
            return client.post(f"{self.url}{path}", json=given, headers=headers)

    def invited(self, name: str, role: Role = Role.LABELLER) -> dict[str, str]:
        """Let somebody accept an invitation; give the cookie."""
        invitation, secret = self.people.invite(name, role)
        answer = self.post("/label/api/enter", {"invitation": invitation, "secret": secret})
        assert answer.status_code == 200
        return dict(answer.cookies)


StartLabelled = Callable[..., Labelled]


@pytest.fixture(scope="session")
def start_labelled(start_service: Any, release_file: Path, tmp_path_factory: Any) -> StartLabelled:
    """Start a service of the small release on which people may label: ``start_labelled(**settings)``."""

    def start(release: Path = release_file, **settings: Any) -> Labelled:
        folder = tmp_path_factory.mktemp("labels")
        served = start_service(release, label=True, label_state=folder, **settings)
        log = LabelLog(folder / LABELS_FILE)
        with served.services.store.lease() as leased:
            rows = leased.rows("SELECT obs_publisher_did AS did FROM emline.scores ORDER BY 1")
        dids = [row["did"] for row in rows]
        return Labelled(served.url, folder, log, Queues(log), People(folder / FILE), dids)

    return start


@pytest.fixture(scope="session")
def own(start_labelled: StartLabelled) -> Labelled:
    """A service of one's own computer."""
    return start_labelled()


@pytest.fixture(scope="session")
def public(start_labelled: StartLabelled) -> Labelled:
    """A service for others, too: one labels by invitation."""
    return start_labelled(host="0.0.0.0")


def a_label(did: str, profile: str = "emission", **more: Any) -> dict[str, Any]:
    """Give a label as a page sends it."""
    given = {"label_id": str(uuid4()), "labelled_at": "2026-12-01T03:00:00.000Z"}
    return {**given, "publisher_did": did, "profile": profile, **more}


@pytest.fixture(scope="session")
def label() -> Callable[..., dict[str, Any]]:
    """Give a function that makes a label as a page sends it."""
    return a_label

"""Spectra are made ready in the order of their queue, and given again without being made anew."""

from __future__ import annotations

import time
from typing import Any

import pytest

from service.labelling import ahead
from service.labelling.ahead import NEXT, Ahead


def test_what_comes_next_is_there_before_it_is_asked_for(
    own: Any, served: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    own.add_queue("ahead", own.dids[:40])
    made: list[str] = []
    items_of = ahead.items_of

    def counted(store: Any, urls: Any, dids: Any) -> Any:
        made.extend(dids)
        return items_of(store, urls, dids)

    monkeypatch.setattr(ahead, "items_of", counted)
    ready = Ahead(served.services.store, served.services.urls, own.queues)
    first = ready.items(own.dids[:3])
    ready.prepare("ahead", 2)
    deadline = time.monotonic() + 20
    while len(made) < 3 + NEXT and time.monotonic() < deadline:
        time.sleep(0.01)
    assert made == own.dids[: 3 + NEXT]
    ready.close()
    again = ready.items(own.dids[: 3 + NEXT])
    assert again[:3] == first
    assert len(made) == 3 + NEXT  # nothing was made anew
    assert [item["publisher_did"] for item in again] == own.dids[: 3 + NEXT]

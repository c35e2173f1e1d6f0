"""Whatever is uploaded: an answer within the limit, never a fault of ours, and no memory that stays."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.hostile.conftest import Report, Target
from tests.hostile.uploads import fits_bombs, generated, votable_bombs

SECONDS = 40
"""Limit of a query and the wait for a slot, with room for a busy machine."""
GROWTH = 100
"""Memory that the server may grow by, MB."""


def send(target: Target, content: bytes, **more: Any) -> tuple[int, float]:
    """Upload a table to a query; give the status and the seconds it took."""
    values = {
        "LANG": "ADQL",
        "QUERY": "SELECT COUNT(*) AS n FROM TAP_UPLOAD.t",
        "UPLOAD": "t,param:p",
        **more,
    }
    start = time.monotonic()
    answer = httpx.post(f"{target.url}/tap/sync", data=values, files={"p": content}, timeout=120)
    return answer.status_code, time.monotonic() - start


@pytest.mark.parametrize("content", [*votable_bombs(), *fits_bombs()], ids=lambda content: str(len(content)))
def test_a_bomb_is_refused_and_leaves_nothing(target: Target, content: bytes) -> None:
    before = target.memory()
    status, seconds = send(target, content)
    assert status in (200, 400)
    assert seconds < SECONDS
    assert target.memory() - before < GROWTH


def test_an_endless_table_does_not_keep_its_place(target: Target) -> None:
    """Many at once: the slots are free again after the limit, and a plain query is answered."""
    bomb = next(votable_bombs())
    with ThreadPoolExecutor(12) as threads:
        answers = list(threads.map(lambda _: send(target, bomb), range(12)))
    assert {status for status, _ in answers} <= {400, 429, 503}
    values = {"LANG": "ADQL", "QUERY": "SELECT TOP 1 label FROM emline.scores"}
    assert httpx.get(f"{target.url}/tap/sync", params=values, timeout=60).status_code == 200


@pytest.mark.timeout(7200)
def test_generated_uploads(target: Target, full: bool, report: Report) -> None:
    before = target.memory()
    number = 20_000 if full else 150
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda content: send(target, content), generated(1, number)))
    worst = max(seconds for _, seconds in answers)
    report("uploads", cases=number, worst_seconds=worst, memory_mb=target.memory() - before)
    assert {status for status, _ in answers} <= {200, 400}
    assert worst < SECONDS
    assert target.memory() - before < GROWTH


def test_a_job_with_a_bomb_ends_as_an_error(target: Target) -> None:
    values = {"LANG": "ADQL", "QUERY": "SELECT * FROM TAP_UPLOAD.t", "UPLOAD": "t,param:p", "PHASE": "RUN"}
    made = httpx.post(f"{target.url}/tap/async", data=values, files={"p": next(fits_bombs())}, timeout=60)
    job = made.headers["location"]
    until = time.monotonic() + 60
    while (phase := httpx.get(f"{job}/phase", timeout=60).text) in ("QUEUED", "EXECUTING", "PENDING"):
        assert time.monotonic() < until
        time.sleep(0.2)
    assert phase == "ERROR"

"""Many values, many pictures, many identifiers: a cap, slots of their own, and queries that go on."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.hostile.conftest import Report, Target

PLAIN = {"LANG": "ADQL", "QUERY": "SELECT TOP 1 label FROM emline.scores"}


@pytest.mark.parametrize("name", ["BAND", "TIME", "SPECRP", "TARGETNAME", "COLLECTION", "MTIME", "SNR"])
def test_ssa_takes_only_so_many_values(target: Target, name: str) -> None:
    start = time.monotonic()
    answer = httpx.post(f"{target.url}/ssa", data={name: ",".join(["1"] * 50_000)}, timeout=60)
    assert 'value="ERROR"' in answer.text
    assert "is the most" in answer.text
    assert time.monotonic() - start < 10


def test_datalink_answers_only_so_many_identifiers(target: Target) -> None:
    start = time.monotonic()
    data = {"ID": [f"ivo://x/~?{number}" for number in range(5000)]}
    answer = httpx.post(f"{target.url}/datalink/links", data=data, timeout=60)
    assert 'value="OVERFLOW"' in answer.text
    assert time.monotonic() - start < 20


def test_many_pictures_at_once_leave_queries_alone(target: Target, full: bool, report: Report) -> None:
    values = {**PLAIN, "QUERY": "SELECT TOP 20 obs_publisher_did FROM ivoa.obscore", "RESPONSEFORMAT": "json"}
    rows = httpx.get(f"{target.url}/tap/sync", params=values, timeout=60).json()["data"]
    number = 300 if full else 40

    def picture(place: int) -> int:
        did = rows[place % len(rows)][0]
        return httpx.get(f"{target.url}/preview.png", params={"ID": did}, timeout=120).status_code

    with ThreadPoolExecutor(number) as threads:
        pending = [threads.submit(picture, place) for place in range(number)]
        start = time.monotonic()
        assert httpx.get(f"{target.url}/tap/sync", params=PLAIN, timeout=60).status_code == 200
        waited = time.monotonic() - start
        statuses = {done.result() for done in pending}
    report("previews", cases=number, worst_seconds=waited)
    assert statuses <= {200, 404, 429, 503}
    assert waited < 20

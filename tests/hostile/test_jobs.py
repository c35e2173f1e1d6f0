"""Other people's jobs: not seen, not touched by pages of other sites, and not crowded out."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import fromstring

import httpx
import pytest

from service.config import Settings
from service.uws.jobs import JobStore
from service.uws.manager import JobManager
from tests.hostile.conftest import Target, attacked
from vo_emline.errors import UserError

ASKED = {"LANG": "ADQL", "QUERY": "SELECT TOP 3 ra FROM emline.scores"}


@pytest.fixture(scope="module")
def crowded(release_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """A service whose clients may keep little."""
    state = tmp_path_factory.mktemp("state")
    yield from attacked(release_file, state, client_jobs=5, client_bytes=3_000_000, upload_bytes=1_000_000)


def create(target: Target, headers: dict[str, str] | None = None, **more: Any) -> httpx.Response:
    return httpx.post(f"{target.url}/tap/async", data=ASKED | more, headers=headers, timeout=60)


def clear(target: Target, jobs: list[str]) -> None:
    for job in jobs:
        assert httpx.delete(job, timeout=60).status_code == 303


def test_nobody_is_told_of_jobs_and_their_names_cannot_be_guessed(target: Target) -> None:
    job = create(target).headers["location"]
    listed = fromstring(httpx.get(f"{target.url}/tap/async", timeout=60).content)
    assert len(listed) == 0
    assert len(job.rpartition("/")[2]) == 32
    clear(target, [job])


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost.evil.example"])
def test_a_page_of_another_site_changes_nothing(target: Target, origin: str) -> None:
    job = create(target).headers["location"]
    headers = {"Origin": origin}
    tries = [
        httpx.delete(job, headers=headers, timeout=60),
        httpx.post(job, data={"ACTION": "DELETE"}, headers=headers, timeout=60),
        *(
            httpx.post(f"{job}/{child}", data=data, headers=headers, timeout=60)
            for child, data in (
                ("phase", {"PHASE": "RUN"}), ("phase", {"PHASE": "ABORT"}), ("parameters", {"QUERY": "x"}),
                ("destruction", {"DESTRUCTION": "2020-01-01"}),
                ("executionduration", {"EXECUTIONDURATION": 1}),
            )
        ),
        create(target, headers=headers, PHASE="RUN"),
    ]  # fmt: skip
    assert [answer.status_code for answer in tries] == [403] * len(tries)
    assert httpx.get(f"{job}/phase", timeout=60).text == "PENDING"
    clear(target, [job])


def test_our_own_pages_and_programs_may(target: Target) -> None:
    job = create(target).headers["location"]
    answer = httpx.post(f"{job}/phase", data={"PHASE": "RUN"}, headers={"Origin": target.url}, timeout=60)
    assert answer.status_code == 303
    clear(target, [job])


def test_a_client_keeps_only_so_many_jobs(crowded: Target) -> None:
    made = [create(crowded) for _ in range(6)]
    assert [answer.status_code for answer in made] == [303] * 5 + [429]
    assert int(made[-1].headers["retry-after"]) > 0
    clear(crowded, [answer.headers["location"] for answer in made[:5]])
    again = create(crowded)
    assert again.status_code == 303
    clear(crowded, [again.headers["location"]])


def test_a_job_and_a_client_keep_only_so_many_bytes(crowded: Target) -> None:
    job = create(crowded).headers["location"]
    table = b"a\n" + b"1\n" * 400_000
    answers = [
        httpx.post(
            f"{job}/parameters", data={"UPLOAD": f"t{n},param:p{n}"}, files={f"p{n}": table}, timeout=60
        ).status_code
        for n in range(5)
    ]
    assert answers[0] == 303
    assert answers[-1] == 413
    long = [create(crowded, QUERY="SELECT " + "1" * 900_000) for _ in range(4)]
    assert 429 in [answer.status_code for answer in long]
    clear(crowded, [job, *(answer.headers["location"] for answer in long if answer.status_code == 303)])


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_times_beyond_the_calendar_are_mistakes(target: Target, moment: str) -> None:
    job = create(target).headers["location"]
    answer = httpx.post(f"{job}/destruction", data={"DESTRUCTION": moment}, timeout=60)
    assert answer.status_code == 400
    assert httpx.get(f"{target.url}/tap/async", params={"AFTER": moment}, timeout=60).status_code == 400
    clear(target, [job])


def test_a_damaged_store_is_named_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "jobs.sqlite"
    path.write_bytes(b"no database" * 1000)
    with pytest.raises(UserError, match="move it away"):
        JobStore(path)
    assert path.read_bytes() == b"no database" * 1000


class _Nothing:
    """Work that writes its result at once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def run(self) -> str:
        (self._folder / "result").write_bytes(b"done")
        return "text/plain"

    def stop(self) -> None:
        """There is nothing to stop."""


def test_workers_outlive_a_full_disk_and_say_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manager = JobManager(tmp_path, settings=Settings(), make_work=lambda job, folder, room: _Nothing(folder))
    change = manager._store.change
    full = True

    def refused(*args: Any, **values: Any) -> bool:
        if full and "ended" in values:
            raise sqlite3.OperationalError("database or disk is full")
        return change(*args, **values)

    monkeypatch.setattr(manager._store, "change", refused)
    manager.start()
    try:
        job = manager.create([])
        manager.run(job.job_id)
        until = time.monotonic() + 30
        while manager.problem() is None and time.monotonic() < until:
            time.sleep(0.02)
        assert "cannot be written" in (manager.problem() or "")
        full = False
        while manager.get(job.job_id).phase.value != "COMPLETED" and time.monotonic() < until:
            time.sleep(0.02)
        assert manager.get(job.job_id).phase.value == "COMPLETED"
        assert manager.problem() is None
    finally:
        manager.close()

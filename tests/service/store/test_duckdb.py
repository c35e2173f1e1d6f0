"""Queries in processes of their own: what goes over a limit is ended, and the next one is answered."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from service.config import Settings
from service.deadline import Deadline
from service.errors import StoppedError
from service.processes import KilledError
from service.store import FileStore
from service.store.duckdb import SPARE, DuckdbRelease
from service.urls import Urls
from vo_emline.errors import UserError

TRIPLES = "emline.scores AS a, emline.scores AS b, emline.scores AS c"
ENDLESS = f"SELECT COUNT(*) AS n FROM {TRIPLES}, emline.scores AS d, emline.scores AS e"
ONE = "SELECT COUNT(*) AS n FROM emline.scores"


@pytest.fixture(scope="module")
def store(release_file: Path) -> Iterator[FileStore]:
    settings = Settings(threads=1, memory="300MB", queries=2, workers=1)
    made = FileStore(release_file, settings=settings, urls=Urls("https://example.org"))
    yield made
    made.close()


def run(store: FileStore, query: str, seconds: float = 120) -> list[dict[str, Any]]:
    with store.lease() as release:
        compiled = release.compile(query)
        with closing(release.run(deadline=Deadline.after(seconds))) as running:
            return [row for batch in running.start(compiled.sql, uploads={}) for row in batch.to_pylist()]


def until(true: Callable[[], bool]) -> None:
    """Wait until something is so, for twenty seconds."""
    end = time.monotonic() + 20
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def resident() -> int:
    """Bytes of memory of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_one_process_answers_one_query_after_the_other(store: FileStore) -> None:
    run(store, ONE)
    with store.lease() as release:
        until(lambda: len(release._idle) == SPARE)  # type: ignore[attr-defined]
        last = release._idle[-1]  # type: ignore[attr-defined]
        assert [run(store, ONE) for _ in range(3)] == [[{"n": 200}]] * 3
        assert release._idle[-1] is last  # type: ignore[attr-defined]
        assert len(release._idle) == SPARE  # type: ignore[attr-defined]


def test_a_query_is_ended_at_its_deadline_while_it_runs(store: FileStore) -> None:
    run(store, ONE)
    start = time.monotonic()
    with pytest.raises(UserError, match="time limit of 1 s"):
        run(store, ENDLESS, seconds=1)
    assert time.monotonic() - start < 10
    assert run(store, ONE) == [{"n": 200}]


def test_a_query_is_ended_at_its_deadline_while_it_is_planned(store: FileStore) -> None:
    run(store, ONE)
    corners = ", ".join(f"{100 + (place % 25) / 10}, {place / 10}" for place in range(250))
    planned = f"SELECT ra FROM emline.scores WHERE 1 = INTERSECTS(CIRCLE(ra, dec, 1), POLYGON({corners}))"
    start = time.monotonic()
    with pytest.raises(UserError, match="time limit of 1 s"):
        run(store, planned, seconds=1)
    assert time.monotonic() - start < 10


def test_strings_that_double_are_counted(store: FileStore) -> None:
    doubled = ", ".join(f"a{k} AS (SELECT s || s AS s FROM a{k - 1})" for k in range(1, 32))
    query = f"WITH a0 AS (SELECT access_url AS s FROM emline.scores), {doubled} SELECT UPPER(s) AS s FROM a31"
    before = resident()
    with pytest.raises(UserError, match=r"more memory|time limit"):
        run(store, query, seconds=120)
    assert resident() - before < 100_000_000
    assert run(store, ONE) == [{"n": 200}]


def test_a_query_that_is_stopped_ends_soon(store: FileStore) -> None:
    with store.lease() as release, closing(release.run(deadline=Deadline.after(120))) as running:
        threading.Timer(0.5, running.stop).start()
        with pytest.raises(StoppedError):
            list(running.start(release.compile(ENDLESS).sql, uploads={}))
    assert run(store, ONE) == [{"n": 200}]


def test_rows_that_are_not_read_end_with_their_query(store: FileStore) -> None:
    with store.lease() as release:
        sql = release.compile(f"SELECT a.ra FROM {TRIPLES}").sql
        with closing(release.run(deadline=Deadline.after(120))) as running:
            assert next(running.start(sql, uploads={})).num_rows > 0
    assert run(store, ONE) == [{"n": 200}]


def test_what_the_values_are_to_blame_for_is_said(store: FileStore) -> None:
    with pytest.raises(UserError, match="Conversion Error"):
        run(store, "SELECT CAST(label AS INTEGER) AS n FROM emline.scores")


def test_uploads_and_empty_answers_arrive_whole(store: FileStore) -> None:
    rows = pa.table({"n": pa.array(range(100_000), pa.int32()), "s": ["č" * 50] * 100_000})
    with store.lease() as release, closing(release.run(deadline=Deadline.after(120))) as running:
        batches = running.start('SELECT n, s FROM "TAP_UPLOAD.t" ORDER BY n', uploads={"TAP_UPLOAD.t": rows})
        assert pa.Table.from_batches(batches) == rows
    assert run(store, "SELECT ra FROM emline.scores WHERE ra > 1000") == []


def test_a_query_that_is_stopped_before_it_begins_does_not_begin(store: FileStore) -> None:
    with store.lease() as release, closing(release.run(deadline=Deadline.after(120))) as running:
        reading = running._read(release.compile(ENDLESS).sql, {})
        running.stop()  # between the last look at whether it was stopped and the beginning
        start = time.monotonic()
        with pytest.raises(KilledError):
            next(reading)
        assert time.monotonic() - start < 10


def test_a_query_whose_process_is_killed_is_done_by_another(store: FileStore) -> None:
    with store.lease() as release, closing(release.run(deadline=Deadline.after(120))) as running:
        running._worker.kill()  # type: ignore[attr-defined]
        running._worker._stopped = False  # type: ignore[attr-defined]  # as if somebody else had
        batches = running.start(release.compile(ONE).sql, uploads={})
        assert [row for batch in batches for row in batch.to_pylist()] == [{"n": 200}]


def test_processes_that_a_crowd_needed_end_when_it_has_gone(
    store: FileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.store.duckdb.WAIT_S", 0.0)
    with store.lease() as release:
        with ExitStack() as crowd:
            for _ in range(SPARE + 1):
                crowd.enter_context(closing(release.run(deadline=Deadline.after(120))))
        assert len(release._idle) > SPARE  # type: ignore[attr-defined]
        monkeypatch.setattr("service.store.duckdb.IDLE_S", 0.0)
        run(store, ONE)
        assert len(release._idle) == SPARE  # type: ignore[attr-defined]


def test_processes_of_a_crowd_end_also_where_no_query_follows(
    store: FileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.store.duckdb.WAIT_S", 0.0)
    monkeypatch.setattr("service.store.duckdb.IDLE_S", 1.0)
    with store.lease() as release:
        if release._tidying:  # type: ignore[attr-defined]  # of another test, half a minute ahead
            release._tidying.cancel()  # type: ignore[attr-defined]
            release._tidying = None  # type: ignore[attr-defined]
        with ExitStack() as crowd:
            for _ in range(SPARE + 1):
                crowd.enter_context(closing(release.run(deadline=Deadline.after(120))))
        crowd_of = len(release._idle)  # type: ignore[attr-defined]
        until(lambda: len(release._idle) <= SPARE)  # type: ignore[attr-defined]
        assert crowd_of > len(release._idle) == SPARE  # type: ignore[attr-defined]


def test_what_a_killed_query_had_on_disk_is_removed(store: FileStore) -> None:
    columns = "a.ra, b.ra AS rb, c.ra AS rc, a.snr_r, b.dec"
    sort = f"SELECT TOP 7900000 {columns} FROM {TRIPLES} ORDER BY rb, rc, a.ra"
    with store.lease() as release:
        assert isinstance(release, DuckdbRelease)
        folder = Path(release.opening.spill_directory)

    def spilt() -> set[int]:
        return {int(file.name.split("_")[2]) for file in folder.glob("*/duckdb_temp_*_storage_*")}

    killed: set[int] = set()

    def kill_who_spills() -> None:
        for _ in range(2):  # the second process takes over, once
            until(lambda: bool(spilt() - killed))
            for pid in spilt() - killed:
                killed.add(pid)
                os.kill(pid, signal.SIGKILL)

    killing = threading.Thread(target=kill_who_spills)
    killing.start()
    with pytest.raises(UserError, match="more memory"):
        run(store, sort)
    killing.join()
    assert len(killed) == 2
    until(lambda: not spilt())
    assert run(store, ONE) == [{"n": 200}]

"""Pools outlive their dead; what a process dies of is found."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType

import pytest

from vo_emline.errors import EmlineError
from vo_emline.survey import pool
from vo_emline.survey.pool import count_workers, work_through
from vo_emline.survey.shards import Shard

from .conftest import make_shards

WORK = """
import os, signal, time

def sources(shard):
    '''Give the files of a shard; a process dies of some of them.'''
    for name in shard.sources:
        if name.startswith("deadly") and name not in shard.deadly:
            os.kill(os.getpid(), signal.SIGKILL)
    return [name for name in shard.sources if name not in shard.deadly]

def dies_of_many(shard):
    if len(shard.sources) > 2:
        os.kill(os.getpid(), signal.SIGKILL)

def dies_once(shard):
    '''Die the first time, told by a file.'''
    first = shard.sources[0] + ".seen"
    if shard.number == 1 and not os.path.exists(first):
        open(first, "w").close()
        os.kill(os.getpid(), signal.SIGKILL)
    return os.getpid()

def fails(shard):
    raise LookupError("no such thing")
"""


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """A module that new processes can import too."""
    (tmp_path / "emline_pool_work.py").write_text(WORK)
    monkeypatch.syspath_prepend(tmp_path)
    import emline_pool_work  # type: ignore[import-not-found]

    yield emline_pool_work
    del sys.modules["emline_pool_work"]


def test_no_more_workers_than_shards_and_one_per_core() -> None:
    assert count_workers(0, n_shards=1) == count_workers(8, n_shards=1) == count_workers(2, n_shards=0) == 1
    assert count_workers(3, n_shards=10) == 3
    assert count_workers(0, n_shards=1000) == len(os.sched_getaffinity(0))


def test_one_worker_is_this_process_and_shards_are_taken_as_they_are_needed() -> None:
    taken: list[int] = []

    def shards() -> Iterator[Shard]:
        for number in range(1000):
            taken.append(number)
            yield Shard(number, 1)

    done = work_through(lambda _: os.getpid(), shards(), workers=1)
    assert next(done)[1] == os.getpid()
    assert taken == [0]
    with ThreadPoolExecutor(2) as threads:
        next(work_through(lambda shard: shard.number, shards(), workers=2, executor=threads))
    assert len(taken) < 20


@pytest.mark.slow
def test_deadly_files_are_found_and_the_rest_is_done(work: ModuleType) -> None:
    names = [f"{number}.fits" for number in range(12)]
    names[3], names[10] = "deadly-a.fits", "deadly-b.fits"
    shards = make_shards(names, size=6)
    done = dict(work_through(work.sources, shards, workers=2))
    assert sorted(name for found in done.values() for name in found) == sorted(
        name for name in names if not name.startswith("deadly")
    )
    assert {shard.number: shard.deadly for shard in done} == {
        0: {"deadly-a.fits"}, 1: {"deadly-b.fits"},
    }  # fmt: skip


@pytest.mark.slow
def test_a_death_by_accident_costs_nothing_but_time(work: ModuleType, tmp_path: Path) -> None:
    shards = make_shards([str(tmp_path / f"{number}") for number in range(6)], size=1)
    done = dict(work_through(work.dies_once, shards, workers=2))
    assert sorted(shard.number for shard in done) == list(range(6))
    assert not any(shard.deadly for shard in done)
    assert os.getpid() not in done.values()


@pytest.mark.slow
def test_deaths_that_no_file_explains_end_the_work_with_the_name_of_the_shard(work: ModuleType) -> None:
    shards = make_shards([f"{number}.fits" for number in range(8)], size=4)
    with pytest.raises(EmlineError, match=r"of shard 0 \(0\.fits … 3\.fits\), of no file alone"):
        list(work_through(work.dies_of_many, shards, workers=2))


@pytest.mark.slow
def test_too_many_deadly_files_are_the_fault_of_the_machine(
    work: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "MOST_DEADLY", 1)
    shards = [Shard(0, 4, tuple(f"deadly-{number}" for number in range(4))), Shard(1, 1, ("a",))]
    with pytest.raises(EmlineError, match=r"of more than 1 files: look for a lack of memory"):
        list(work_through(work.sources, shards, workers=2))


def test_what_a_worker_raises_is_raised_here() -> None:
    def fails(_: Shard) -> None:
        raise LookupError("no such thing")

    with ThreadPoolExecutor(1) as threads, pytest.raises(LookupError, match="no such thing"):
        list(work_through(fails, [Shard(0, 1)], workers=1, executor=threads))

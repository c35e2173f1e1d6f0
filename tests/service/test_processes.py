"""Work in processes of its own: answers, mistakes, deaths, limits, and nothing left behind."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from service import processes
from service.errors import BusyError, FaultError
from service.nursery import FRAME, NICENESS, Limits
from service.pool import Pool
from service.processes import KilledError, Nursery, Worker
from vo_emline.errors import UserError

SECONDS = 60
"""Time that no call here needs, on however busy a machine."""


# The work: functions that a worker finds by name in this module, which it must be able to import.
def echo(*words: str) -> list[bytes]:
    return [word.encode() for word in words]


def large(size: int) -> list[bytes]:
    return [b"x" * size]


def mistaken() -> list[bytes]:
    raise UserError("ünsound")


def faulty() -> list[bytes]:
    raise RuntimeError("a secret path")


def endless() -> Iterator[bytes]:
    while True:
        yield b"."


def silent() -> list[bytes]:
    while True:
        pass


def greedy(size: int) -> list[bytes]:
    return [bytes(size)[:1]]


def dead() -> list[bytes]:
    os._exit(3)


def writing(path: str, size: int) -> list[bytes]:
    Path(path).write_bytes(bytes(size))
    return [b"written"]


def identity() -> list[bytes]:
    return [str(os.getpid()).encode()]


def patient() -> Iterator[bytes]:
    """Say the niceness as it begins, the least of any thread after a while, and who it was."""
    yield str(os.nice(0)).encode()
    until = time.monotonic() + SECONDS
    while time.monotonic() < until and least_niceness() < NICENESS:
        time.sleep(0.01)
    yield str(least_niceness()).encode()
    yield str(os.getpid()).encode()


def least_niceness() -> int:
    threads = Path("/proc/self/task").iterdir()
    return min(os.getpriority(os.PRIO_PROCESS, int(thread.name)) for thread in threads)


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    made = Nursery([__name__])
    yield made
    made.close()


@pytest.fixture(scope="module")
def pool(nursery: Nursery) -> Iterator[Pool]:
    limits = Limits(memory=300_000_000, cpu_seconds=20, file_bytes=1_000_000)
    made = Pool(2, nursery=nursery, limits=limits)
    yield made
    made.close()


def test_pieces_come_in_order_and_large_ones_whole(pool: Pool) -> None:
    assert list(pool.call(echo, "a", "b", seconds=SECONDS)) == [b"a", b"b"]
    assert sum(map(len, pool.call(large, 3 * FRAME + 1, seconds=SECONDS))) == 3 * FRAME + 1


def test_a_mistake_is_told_and_a_fault_is_not(pool: Pool) -> None:
    with pytest.raises(UserError, match="ünsound"):
        list(pool.call(mistaken, seconds=SECONDS))
    with pytest.raises(FaultError) as caught:
        list(pool.call(faulty, seconds=SECONDS))
    assert "secret" not in str(caught.value)


def test_the_deadline_kills(pool: Pool) -> None:
    started = time.monotonic()
    with pytest.raises(KilledError) as caught:
        list(pool.call(silent, seconds=1))
    assert caught.value.reason == "time"
    assert time.monotonic() - started < 20


@pytest.mark.parametrize("size", [10**9, 10**12])
def test_memory_beyond_the_limit_is_refused(pool: Pool, size: int) -> None:
    with pytest.raises(KilledError) as caught:
        list(pool.call(greedy, size, seconds=SECONDS))
    assert caught.value.reason == "memory"
    assert list(pool.call(greedy, 1000, seconds=SECONDS)) == [b"\0"]


def test_a_worker_that_dies_is_told_and_replaced(pool: Pool) -> None:
    for _ in range(3):
        with pytest.raises(KilledError):
            list(pool.call(dead, seconds=SECONDS))
    assert list(pool.call(echo, "still", seconds=SECONDS)) == [b"still"]


def test_a_file_beyond_the_limit_is_not_written(pool: Pool, tmp_path: Path) -> None:
    path = tmp_path / "large"
    with pytest.raises((KilledError, FaultError)):
        list(pool.call(writing, str(path), 2_000_000, seconds=SECONDS))
    assert path.stat().st_size <= 1_000_000


def test_another_thread_can_stop_it(pool: Pool) -> None:
    workers: list[Worker] = []
    timer = threading.Timer(0.5, lambda: workers[0].kill())
    timer.start()
    with pytest.raises(KilledError) as caught:
        list(pool.call(silent, seconds=SECONDS, started=workers.append))
    assert caught.value.reason == "stopped"


def test_an_answer_that_nobody_reads_ends_with_its_process(pool: Pool) -> None:
    for _ in range(5):  # more than there are places
        answer = pool.call(endless, seconds=SECONDS)
        assert next(answer) == b"."
        answer.close()


def test_more_than_there_are_places_wait_and_are_refused(pool: Pool) -> None:
    held = [pool.call(endless, seconds=SECONDS) for _ in range(2)]
    for answer in held:
        next(answer)
    with pytest.raises(BusyError):
        list(pool.call(echo, "x", seconds=0.2))
    for answer in held:
        answer.close()


def test_each_call_has_a_process_of_its_own_unless_it_is_reused(
    pool: Pool, nursery: Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "LONG_S", SECONDS)  # this machine may be slow
    assert len({next(pool.call(identity, seconds=SECONDS)) for _ in range(3)}) == 3
    reused = Pool(1, nursery=nursery, reuse=True)
    try:
        assert len({b"".join(reused.call(identity, seconds=SECONDS)) for _ in range(3)}) == 1
    finally:
        reused.close()


def test_work_that_takes_long_gives_way_and_its_process_is_not_used_again(
    nursery: Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "LONG_S", 0.1)
    reused = Pool(1, nursery=nursery, reuse=True)
    try:
        said = [int(piece) for piece in reused.call(patient, seconds=SECONDS)]
        assert said[1] == said[0] + NICENESS
        assert b"".join(reused.call(identity, seconds=SECONDS)) != str(said[2]).encode()
    finally:
        reused.close()


def test_no_process_is_left_when_the_pool_is_closed(nursery: Nursery) -> None:
    closing = Pool(1, nursery=nursery, reuse=True)
    number = int(b"".join(closing.call(identity, seconds=SECONDS)))
    closing.close()
    until = time.monotonic() + 20
    while Path(f"/proc/{number}").exists() and time.monotonic() < until:
        time.sleep(0.05)
    assert not Path(f"/proc/{number}").exists()


def test_a_nursery_that_was_killed_is_begun_again() -> None:
    nursery = Nursery([__name__])
    made = Pool(1, nursery=nursery)
    try:
        assert list(made.call(echo, "a", seconds=SECONDS)) == [b"a"]
        process = nursery._process
        assert process is not None
        process.kill()
        process.wait()
        assert list(made.call(echo, "b", seconds=SECONDS)) == [b"b"]
    finally:
        nursery.close()


def gone(number: int) -> bool:
    """Tell whether a process has ended; one whose end nobody asked for yet has, too."""
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def test_work_that_is_stopped_leaves_its_process_for_the_next_call(nursery: Nursery) -> None:
    worker = nursery.worker(Limits(), patience=SECONDS)
    before = b"".join(worker.call(identity, (), deadline=time.monotonic() + SECONDS))
    answer = worker.call(endless, (), deadline=time.monotonic() + SECONDS)
    assert next(answer) == b"."
    worker.stop()
    with pytest.raises(KilledError) as caught:
        list(answer)
    assert caught.value.reason == "stopped"
    unread = worker.call(endless, (), deadline=time.monotonic() + SECONDS)
    assert next(unread) == b"."
    unread.close()
    with pytest.raises(KilledError) as caught:
        list(worker.call(endless, (), deadline=time.monotonic() + 0.2))
    assert caught.value.reason == "time"
    worker.stop()  # nothing is being done
    assert b"".join(worker.call(identity, (), deadline=time.monotonic() + SECONDS)) == before
    worker.close()


def test_work_that_does_not_stop_is_killed_after_a_while(nursery: Nursery) -> None:
    worker = nursery.worker(Limits(), patience=0.2)
    threading.Timer(0.2, worker.stop).start()
    with pytest.raises(KilledError) as caught:
        list(worker.call(silent, (), deadline=time.monotonic() + SECONDS))
    assert caught.value.reason == "stopped"
    assert not worker.alive
    worker.close()


def test_a_worker_at_work_ends_when_its_server_does() -> None:
    program = (
        "from service.nursery import Limits; from service.processes import Nursery\n"
        "from test_processes import identity, silent\n"
        "nursery = Nursery()\n"
        "workers = [nursery.worker(Limits()) for _ in range(2)]\n"
        "for worker in workers:\n"
        "    print(b''.join(worker.call(identity, (), deadline=1e6)).decode(), flush=True)\n"
        "next(workers[0].call(silent, (), deadline=1e6))"
    )
    paths = os.pathsep.join([str(Path(__file__).parent), str(Path(__file__).parents[2])])
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": paths},
    ) as server:
        assert server.stdout is not None
        numbers = [int(server.stdout.readline()) for _ in range(2)]
        server.kill()
    until = time.monotonic() + 20
    while not all(map(gone, numbers)) and time.monotonic() < until:
        time.sleep(0.05)
    assert all(map(gone, numbers))

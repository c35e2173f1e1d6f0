"""Several processes behind one listener: all answer, one that is killed is replaced, jobs run once."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from service.config import Settings, bytes_of
from service.supervisor import portion

ONE = {"LANG": "ADQL", "QUERY": "SELECT COUNT(*) AS n FROM emline.scores", "RESPONSEFORMAT": "csv"}


def children(pid: int) -> list[int]:
    """Give the processes that a process has started."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return [int(child) for task in tasks for child in (task / "children").read_text().split()]


def wait_until(condition: Callable[[], object], seconds: float = 60.0) -> None:
    """Wait until `condition()` holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.fixture(scope="module")
def two(release_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, int]]:
    """A service of two processes: its address, and the supervisor."""
    command = [sys.executable, "-m", "service", str(release_file), "--port", "0", "--processes", "2"]
    state = ["--state-directory", str(tmp_path_factory.mktemp("state"))]
    with subprocess.Popen([*command, *state], stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        yield running.stdout.readline().strip(), running.pid
        running.terminate()
        assert running.wait(timeout=60) == 0


def asked(url: str) -> httpx.Response | None:
    """Ask a query on a connection of its own; None where the connection broke."""
    try:
        return httpx.get(f"{url}/tap/sync", params=ONE, timeout=60)
    except httpx.TransportError:
        return None


def test_what_is_allowed_is_divided() -> None:
    whole = Settings(processes=3, queries=8, memory="4GB")
    part = portion(whole)
    assert part.queries == 3
    assert 3 * bytes_of(part.memory) <= bytes_of(whole.memory)
    assert part.processes == 3


def test_a_process_that_is_killed_is_replaced_while_answers_go_on(two: tuple[str, int]) -> None:
    url, supervisor = two
    wait_until(lambda: len(children(supervisor)) == 2)
    first = asked(url)
    assert first is not None
    assert first.text == "n\r\n200\r\n"
    killed = children(supervisor)[0]
    os.kill(killed, signal.SIGKILL)
    answers = [asked(url) for _ in range(5)]
    assert [answer.status_code for answer in answers if answer is not None][-1] == 200
    wait_until(lambda: len(children(supervisor)) == 2 and killed not in children(supervisor))


def test_jobs_of_all_processes_are_executed_once_and_aborted_by_any(two: tuple[str, int]) -> None:
    url, _ = two
    jobs = []
    for _ in range(6):  # each over a connection of its own, so that either process may take it
        made = httpx.post(f"{url}/tap/async", data={**ONE, "PHASE": "RUN"}, timeout=60)
        assert made.status_code == 303
        jobs.append(made.headers["location"])
    for job in jobs:
        wait_until(lambda job=job: httpx.get(f"{job}/phase", timeout=60).text == "COMPLETED")
        assert httpx.get(f"{job}/results/result", timeout=60).text == "n\r\n200\r\n"
    endless = ", ".join(f"emline.scores AS t{number}" for number in range(7))
    query = {**ONE, "QUERY": f"SELECT COUNT(*) AS n FROM {endless}", "PHASE": "RUN"}
    job = httpx.post(f"{url}/tap/async", data=query, timeout=60).headers["location"]
    wait_until(lambda: httpx.get(f"{job}/phase", timeout=60).text == "EXECUTING")
    for _ in range(3):
        httpx.post(f"{job}/phase", data={"PHASE": "ABORT"}, timeout=60)
    made = httpx.post(f"{url}/tap/async", data={**ONE, "PHASE": "RUN"}, timeout=60)
    last = made.headers["location"]
    wait_until(lambda: httpx.get(f"{last}/phase", timeout=60).text == "COMPLETED")
    assert httpx.get(f"{job}/phase", timeout=60).text == "ABORTED"


def test_counts_are_those_of_all_processes(two: tuple[str, int]) -> None:
    url, _ = two

    def counted() -> int:
        text = httpx.get(f"{url}/metrics", timeout=60).text
        return sum(map(int, re.findall(r'requests_total\{kind="query",status="200"\} (\d+)', text)))

    before = counted()
    for _ in range(8):
        asked(url)
    wait_until(lambda: counted() >= before + 8)
    assert counted() == before + 8

"""Any process of the service is killed at random moments: no result is lost, and clients may ask again."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from tests.hostile.conftest import Report

ONE = {"LANG": "ADQL", "QUERY": "SELECT COUNT(*) AS n FROM emline.scores", "RESPONSEFORMAT": "csv"}
RIGHT = "n\r\n200\r\n"
LONG = {
    **ONE,
    "QUERY": "SELECT COUNT(*) AS n FROM emline.scores AS a, emline.scores AS b, emline.scores AS c "
    "WHERE SIN(a.score + b.score + c.score) + COS(a.score - b.score) + TAN(b.score * c.score) < 1e9",
}
LONG_RIGHT = "n\r\n8000000\r\n"
LIVES = 3
"""Executions of a job, at most: it is given up after the service died during two of them."""


def descendants(root: int) -> list[int]:
    """Give all processes below `root`."""
    found, waiting = [], [root]
    while waiting:
        try:
            tasks = list(Path(f"/proc/{waiting.pop()}/task").iterdir())
            below = [int(child) for task in tasks for child in (task / "children").read_text().split()]
        except OSError:  # it has just ended
            continue
        found += below
        waiting += below
    return found


def ask(url: str, seen: Counter[str], stop: threading.Event) -> None:
    """Ask one query after the other, each on a connection of its own."""
    while not stop.is_set():
        try:
            answer = httpx.get(f"{url}/tap/sync", params=ONE, timeout=60)
        except httpx.TransportError:
            seen["hung up"] += 1  # the process that had the connection is the one that was killed
            continue
        right = answer.status_code == 200 and answer.text == RIGHT
        seen["right" if right else f"{answer.status_code} {answer.text[:300]}"] += 1


def patiently(method: str, url: str, **options: Any) -> httpx.Response:
    """Ask until there is an answer that is no 503, for a minute."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        with contextlib.suppress(httpx.TransportError):
            answer = httpx.request(method, url, timeout=60, **options)
            if answer.status_code != 503:
                return answer
        time.sleep(0.1)
    raise TimeoutError(f"{url} does not answer")


def work(base: str, ended: dict[str, str], stop: threading.Event) -> None:
    """Run one job after the other, each to its end."""
    while not stop.is_set():
        made = patiently("POST", f"{base}/tap/async", data={**LONG, "PHASE": "RUN"})
        job = base + urlsplit(made.headers["location"]).path
        while (phase := patiently("GET", f"{job}/phase").text) not in {"COMPLETED", "ERROR"}:
            time.sleep(0.05)
        ended[job.rsplit("/", 1)[1]] = phase


def records(state: Path) -> dict[str, tuple[str, int, int]]:
    """Give phase, end and number of executions of each job that has ended."""
    with contextlib.closing(sqlite3.connect(state / "jobs.sqlite")) as store:
        if not store.execute("SELECT 1 FROM sqlite_master WHERE name = 'jobs'").fetchone():
            return {}  # the service only just begins
        rows = store.execute("SELECT job_id, phase, ended, attempts FROM jobs WHERE ended IS NOT NULL")
        return {name: (phase, end, attempts) for name, phase, end, attempts in rows}


@contextlib.contextmanager
def serving(command: list[str]) -> Iterator[subprocess.Popen[str]]:
    """Run a service; it ends whatever happens."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as running:
        try:
            yield running
        finally:
            running.terminate()


def test_whatever_is_killed_the_service_goes_on(
    release_file: Path, tmp_path: Path, full: bool, report: Report
) -> None:
    dice, kills = random.Random(17), 50 if full else 4
    state = tmp_path / "state"
    command = [sys.executable, "-m", "service", str(release_file), "--port", "0", "--processes", "2"]
    with serving([*command, "--state-directory", str(state)]) as running:
        assert running.stdout is not None
        url = running.stdout.readline().strip()
        seen: Counter[str] = Counter()
        ended: dict[str, str] = {}
        stop = threading.Event()
        people = [threading.Thread(target=ask, args=(url, seen, stop)) for _ in range(2)]
        people += [threading.Thread(target=work, args=(url, ended, stop)) for _ in range(2)]
        for person in people:
            person.start()
        at_once = dict[str, tuple[str, int, int]]()
        try:
            patiently("GET", f"{url}/tap/availability")
            for _ in range(kills):
                time.sleep(dice.uniform(0.5, 4.0))  # a process needs two seconds to start
                at_once = records(state) | at_once
                if alive := descendants(running.pid):
                    os.kill(dice.choice(alive), signal.SIGKILL)
            time.sleep(1)
        finally:
            stop.set()
            for person in people:
                person.join()
        wrong = {
            said: count for said, count in seen.items() if not said.startswith(("right", "hung up", "503"))
        }
        assert wrong == {}
        assert seen["right"] > 0
        in_the_end = records(state)
        assert at_once.items() <= in_the_end.items()  # what has ended is not executed once more
        assert all(attempts <= LIVES for _, _, attempts in in_the_end.values())
        completed = [name for name, phase in ended.items() if phase == "COMPLETED"]
        assert completed
        for name in completed:
            assert patiently("GET", f"{url}/tap/async/{name}/results/result").text == LONG_RIGHT
        report(
            "kill",
            tried=kills,
            right=seen["right"],
            hung_up=seen["hung up"],
            jobs=len(ended),
            completed=len(completed),
            executed_again=sum(attempts > 1 for _, _, attempts in in_the_end.values()),
        )

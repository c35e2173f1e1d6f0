"""Any process of the service is killed at random moments: no result is lost, and clients may ask again."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import httpx

from tests.hostile.conftest import Report

ONE = {"LANG": "ADQL", "QUERY": "SELECT COUNT(*) AS n FROM emline.scores", "RESPONSEFORMAT": "csv"}
RIGHT = "n\r\n200\r\n"


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


def test_whatever_is_killed_the_service_goes_on(
    release_file: Path, tmp_path: Path, full: bool, report: Report
) -> None:
    dice, kills = random.Random(17), 50 if full else 3
    command = [sys.executable, "-m", "service", str(release_file), "--port", "0", "--processes", "2"]
    with subprocess.Popen(
        [*command, "--state-directory", str(tmp_path / "state")],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as running:
        assert running.stdout is not None
        url = running.stdout.readline().strip()
        job = httpx.post(f"{url}/tap/async", data={**ONE, "PHASE": "RUN"}, timeout=60).headers["location"]
        while httpx.get(f"{job}/phase", timeout=60).text != "COMPLETED":
            time.sleep(0.1)
        seen: Counter[str] = Counter()
        stop = threading.Event()
        clients = [threading.Thread(target=ask, args=(url, seen, stop)) for _ in range(2)]
        for client in clients:
            client.start()
        for _ in range(kills):
            time.sleep(dice.uniform(0.2, 1.0))
            if alive := descendants(running.pid):
                os.kill(dice.choice(alive), signal.SIGKILL)
        time.sleep(1)
        stop.set()
        for client in clients:
            client.join()
        wrong = {
            said: count for said, count in seen.items() if not said.startswith(("right", "hung up", "503"))
        }
        assert wrong == {}
        assert seen["right"] > 0
        assert httpx.get(f"{job}/results/result", timeout=60).text == RIGHT
        report("kill", tried=kills, right=seen["right"], hung_up=seen["hung up"])
        running.terminate()
        running.wait(timeout=60)

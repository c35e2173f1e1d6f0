"""A service under mixed load for a long time: what well-behaved clients see with hostile ones beside them.

``make soak SOAK="--minutes 60"`` or ``python benchmarks/soak.py``. Good clients ask cones, counts and the
best candidates on connections they keep, and think between (``--think``); hostile ones do not read, send half
a request, upload what reads for ever, ask what never ends, and hang up. First the good ones are alone for a
quarter of the time.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import urlencode, urlsplit

import httpx
import numpy as np
from tap_client import Load, Request, Server, load
from tap_rows import SELECT, made_rows, write_release

from vo_emline.candidates import SCORES

TABLE: Final = SCORES.qualified_name
MILLIONS: Final = f"SELECT a.ra, b.dec FROM {TABLE} AS a, {TABLE} AS b"  # noqa: S608 - fixed names
ENDLESS: Final = (
    f"SELECT COUNT(*) AS n FROM {TABLE} AS a, {TABLE} AS b, {TABLE} AS c "  # noqa: S608
    "WHERE SIN(a.ra + b.ra + c.ra) > 2"
)
WARM_S: Final = 60.0
"""Seconds of load after which caches are as full as they will be."""
SYNC_S: Final = 20
"""Time limit of the service: after it the last query of a crowd is over."""
REST_S: Final = 100.0
"""Seconds after which the last query of a crowd is over, and its processes are gone."""
STRETCH_S: Final = 60.0
"""Seconds alone, and then beside hostile clients."""
ELSEWHERE: Final = "127.0.0.2"
"""Where hostile clients come from: limits are kept by address."""
UPLOAD: Final = (
    b'<VOTABLE version="1.4"><RESOURCE><TABLE><FIELD name="f" datatype="bit" arraysize="0"/>'
    b'<DATA><BINARY><STREAM encoding="base64">AAAA</STREAM></BINARY></DATA></TABLE></RESOURCE></VOTABLE>'
)


def good(rng: np.random.Generator) -> Request:
    """Give what a user asks."""
    ra, dec = rng.uniform(0, 360), rng.uniform(-10, 60)
    cone = f" WHERE 1 = CONTAINS(POINT('ICRS', ra, dec), CIRCLE('ICRS', {ra:.4f}, {dec:.4f}, 0.5))"
    queries = (
        SELECT + cone,
        "SELECT label, COUNT(*) AS n FROM {table} GROUP BY label",
        SELECT.replace("SELECT", "SELECT TOP 10") + " ORDER BY p_emission DESC",
    )
    return Request("good", queries[rng.choice(3, p=(0.8, 0.1, 0.1))])


def hostile(url: str, kind: int, stop: threading.Event) -> None:
    """Do one kind of harm again and again."""
    place = urlsplit(url)
    while not stop.is_set():
        query = urlencode({"LANG": "ADQL", "QUERY": (MILLIONS, ENDLESS)[kind % 2], "MAXREC": 5_000_000})
        with contextlib.suppress(OSError, httpx.HTTPError):
            if kind % 4 == 3:
                values = {"LANG": "ADQL", "QUERY": "SELECT * FROM TAP_UPLOAD.t", "UPLOAD": "t,param:p"}
                with httpx.Client(transport=httpx.HTTPTransport(local_address=ELSEWHERE)) as client:
                    client.post(f"{url}/tap/sync", data=values, files={"p": UPLOAD}, timeout=30)
                continue
            with socket.create_connection(
                ("127.0.0.1", place.port or 80), source_address=(ELSEWHERE, 0)
            ) as connection:
                head = f"GET /tap/sync?{query} HTTP/1.1\r\nHost: x\r\n"
                connection.sendall(head.encode() if kind % 4 == 2 else f"{head}\r\n".encode())
                stop.wait(10)  # and read nothing


def memory(process: int) -> float:
    """Give the resident memory of a process and all that it has started, MB; what they share counts once.

    Linux: from ``/proc``. One of several processes only knows of itself, so that what each says in its turn
    cannot be compared.
    """
    total, waiting = 0, [process]
    while waiting:
        one = Path("/proc") / str(waiting.pop())
        with contextlib.suppress(OSError):  # it has ended
            found = re.search(r"^Pss:\s+(\d+) kB$", (one / "smaps_rollup").read_text(), re.MULTILINE)
            total += int(found[1]) if found else 0
            for task in (one / "task").iterdir():
                waiting += map(int, (task / "children").read_text().split())
    return total / 1e3


def rested(process: int) -> float:
    """Give the memory (:func:`memory`) once what a crowd needed is gone."""
    time.sleep(REST_S)
    return memory(process)


def line(name: str, seen: Load) -> str:
    """Give the figures of one stretch of time."""
    p50, p99 = np.quantile(seen.seconds, (0.5, 0.99))
    rate = len(seen.seconds) / seen.wall
    return f"| {name} | {len(seen.seconds)} | {seen.errors} | {rate:.1f} | {p50:.3f} | {p99:.3f} |"


@dataclass
class Soak:
    """What was seen."""

    alone: Load = field(default_factory=Load)
    beside: Load = field(default_factory=Load)
    memory: list[float] = field(default_factory=list)
    """MB: at rest, after each stretch beside hostile clients, and at rest again."""

    def text(self, n_hostile: int) -> str:
        """Give the table and what went wrong."""
        ratio = np.quantile(self.beside.seconds, 0.99) / np.quantile(self.alone.seconds, 0.99)
        meanwhile = ", ".join(f"{size:.0f}" for size in self.memory[1:-1])
        lines = [
            "| good clients | answers | errors | per second | median, s | p99, s |",
            "|---|---:|---:|---:|---:|---:|",
            line("alone", self.alone),
            line(f"beside {n_hostile} hostile ones", self.beside),
            "",
            f"p99 beside hostile clients: {ratio:.1f} times that of good ones alone",
            f"memory, MB: {self.memory[0]:.0f} before, {self.memory[-1]:.0f} after, meanwhile {meanwhile}",
        ]
        for name, load_ in (("alone", self.alone), ("beside", self.beside)):
            lines += [f"{name}: {count} × {what}" for what, count in load_.failures.most_common()]
        return "\n".join(lines) + "\n"


def soak(url: str, process: int, crowd: Callable[..., Load], *, stretches: int, n_hostile: int) -> Soak:
    """Let the crowd ask alone and beside hostile clients in turns."""
    crowd(seconds=WARM_S)
    found = Soak(memory=[rested(process)])
    for _ in range(stretches):
        found.alone.add(crowd(seconds=STRETCH_S))
        stop = threading.Event()
        attackers = [
            threading.Thread(target=hostile, args=(url, kind, stop), daemon=True) for kind in range(n_hostile)
        ]
        for attacker in attackers:
            attacker.start()
        found.beside.add(crowd(seconds=STRETCH_S))
        found.memory.append(memory(process))
        stop.set()
        for attacker in attackers:
            attacker.join()
        time.sleep(SYNC_S + 5)
    found.memory.append(rested(process))
    return found


def main() -> None:
    """Measure and write the table to standard output."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--hostile", type=int, default=8)
    parser.add_argument(
        "--think", type=float, default=0.0, help="seconds that good clients think, on average"
    )
    parser.add_argument("--rows", type=int, default=100_000)
    options = parser.parse_args()
    stretches = max(1, round(options.minutes * 60 / (2 * STRETCH_S + SYNC_S)))
    with tempfile.TemporaryDirectory() as folder:
        release = Path(folder) / "release.duckdb"
        write_release(release, made_rows(options.rows))
        command = [sys.executable, "-m", "service", str(release), "--port", "0"]
        command += ["--processes", str(options.processes)]
        environment = {**os.environ, "VO_EMLINE_SERVICE_SYNC_SECONDS": str(SYNC_S)}
        with subprocess.Popen(  # noqa: S603 - our own program
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
        ) as service:
            url = service.stdout.readline().strip() if service.stdout else ""
            crowd = partial(
                load, Server(f"{url}/tap", TABLE), good, clients=options.clients, think=options.think
            )
            found = soak(url, service.pid, crowd, stretches=stretches, n_hostile=options.hostile)
            service.terminate()
    sys.stdout.write(found.text(options.hostile))


if __name__ == "__main__":
    main()

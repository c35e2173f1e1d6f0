"""How long a service takes for what a person does who labels: 1000 labels at three per second.

``make bench-label`` or ``python benchmarks/label.py [--rows N] [--labels N]``. The release is made
here (3 % are candidates, as in a survey), queues are drawn from it, and one person does what the page
does: twenty spectra are there beforehand, eight more are asked for at a time, and every label is sent as it
is given. What is measured is the time of the answers; nobody who labels waits for any of them.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import platform
import subprocess
import sys
import time
import uuid
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import numpy as np
from release import in_folder, publishing
from release_shards import write_shards
from web import processor_seconds

AHEAD: Final = 20
PART: Final = 8
"""As in ``service/web/static/label.js``."""

KINDS: Final = ("audit", "uncertain", "surprising", "random-positives", "mixed")


class Person:
    """Somebody who labels.

    Parameters
    ----------
    url
        The service.
    """

    def __init__(self, url: str) -> None:
        place = urlsplit(url)
        self._connection = http.client.HTTPConnection(place.hostname or "localhost", place.port, timeout=600)
        self.seconds: defaultdict[str, list[float]] = defaultdict(list)
        self.have: list[tuple[str, int]] = []
        self.seen: set[str] = set()

    def ask(self, what: str, method: str, path: str, given: Any = None) -> Any:
        """Ask, and note the seconds.

        Raises
        ------
        SystemExit
            The service refuses.
        """
        body = None if given is None else json.dumps(given)
        start = time.perf_counter()
        headers = {"Content-Type": "application/json"} if body else {}
        self._connection.request(method, f"/label/api/{path}", body, headers)
        response = self._connection.getresponse()
        content = response.read()
        self.seconds[what].append(time.perf_counter() - start)
        if response.status >= 300:
            raise SystemExit(f"{path}: {response.status} {content[:300]!r}")
        return json.loads(content)

    def fill(self, queue: str) -> None:
        """Get what the page would have ahead."""
        if len(self.have) >= AHEAD:
            return
        places = ",".join(str(position) for _, position in self.have)
        path = f"queues/{queue}/next?n={AHEAD + PART}&have={places}"
        for item in self.ask("next spectra", "GET", path)["items"]:
            if item["publisher_did"] not in self.seen:
                self.seen.add(item["publisher_did"])
                self.have.append((item["publisher_did"], item["position"]))

    def label(self, queue: str, number: int, *, per_second: float) -> None:
        """Label so many spectra of a queue at a steady pace."""
        begun = time.perf_counter()
        for turn in range(number):
            self.fill(queue)
            did, _ = self.have.pop(0)
            given = {
                "label_id": str(uuid.uuid4()), "publisher_did": did, "queue": queue, "profile": "emission",
                "labelled_at": "2026-01-01T00:00:00Z", "seconds": 0.3, "blind": True, "view": "halpha",
            }  # fmt: skip
            self.ask("a label", "POST", "labels", [given])
            if turn % 10 == 9:
                self.ask("estimates", "GET", f"queues/{queue}/estimates")
            time.sleep(max(0.0, begun + (turn + 1) / per_second - time.perf_counter()))


@contextmanager
def serving(release: Path, state: Path) -> Iterator[str]:
    """Serve with labelling on a free port; give the address."""
    options = ["--port", "0", "--label", "--state-directory", str(state)]
    command = [sys.executable, "-m", "service", str(release), *options]
    with subprocess.Popen(  # noqa: S603 - our own program
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            yield process.stdout.readline().strip() if process.stdout else ""
        finally:
            process.terminate()


def measure(survey: Path, options: argparse.Namespace) -> None:
    """Measure and write the tables to standard output."""
    release = survey / "release.duckdb"
    if not release.is_file():
        write_shards(survey, options.rows)
        publishing(survey, "4GB")
    state = survey / f"label-state-{uuid.uuid4().hex[:8]}"
    lines = []
    with serving(release, state) as url:
        owner = Person(url)
        for kind in KINDS:
            size = options.labels if kind == "random-positives" else 600
            owner.ask(f"make: {kind}", "POST", "queues", {"kind": kind, "name": kind, "size": size})
        before, begun = processor_seconds(), time.perf_counter()
        person = Person(url)
        person.label("random-positives", options.labels, per_second=options.per_second)
        took, processors = time.perf_counter() - begun, processor_seconds() - before
    lines += ["| queue of 600 | s |", "|---|---:|"]
    lines += [f"| {what.removeprefix('make: ')} | {times[0]:.2f} |" for what, times in owner.seconds.items()]
    lines += ["", "| answer, ms | n | median | p99 | greatest |", "|---|---:|---:|---:|---:|"]
    for what, times in person.seconds.items():
        ms = 1000 * np.array(times)
        figures = (np.median(ms), np.percentile(ms, 99), ms.max())
        lines.append(f"| {what} | {len(ms)} | {' | '.join(f'{figure:.1f}' for figure in figures)} |")
    every = 1000 * np.concatenate([times for what, times in person.seconds.items()])
    lines.append(f"\nall answers: p99 {np.percentile(every, 99):.1f} ms, greatest {every.max():.1f} ms;")
    lines.append(
        f"{options.labels} labels in {took:.0f} s took {processors:.1f} s of processors, clients too"
    )
    sys.stdout.write("\n".join(lines) + "\n")


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=2_000_000, help="[%(default)s]")
    parser.add_argument("--labels", type=int, default=1000, help="[%(default)s]")
    parser.add_argument("--per-second", type=float, default=3.0, help="[%(default)s]")
    parser.add_argument("--folder", type=Path, help="where releases stay [a folder that goes]")
    options = parser.parse_args()
    load = os.getloadavg()[0]
    sys.stdout.write(
        f"{options.rows:,} rows; {platform.machine()}, {os.cpu_count()} cores, load {load:.1f}\n\n"
    )
    in_folder(options.folder, lambda folder: measure(folder / f"web-{options.rows}", options))


if __name__ == "__main__":
    main()

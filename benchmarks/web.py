"""How fast the pages for people are: lists, counts, a gallery of 100, a candidate, the map of the sky.

``make bench-web`` or ``python benchmarks/web.py [--rows N]... [--folder DIR]``. The release is made here (3 %
are candidates, as in a survey). Each page is asked by one client, and then by 16 together, and read to its
end. *Cold*, every request differs from all before, so that nothing is there already but the first page and
the counts of a view of which another page is asked. *Warm*, the requests are drawn from 200 that were asked
before. The last line is a mixture: of ten requests four are lists, two galleries, three candidates and one
is a map, and three of them are drawn from 200 that were asked (what is linked, shared, or gone back to).
Clients and server share the machine.
"""

from __future__ import annotations

import argparse
import http.client
import os
import platform
import statistics
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlencode, urlsplit

import duckdb
import numpy as np
from release import in_folder, publishing
from release_shards import write_shards
from tap import serving

CLIENTS: Final = 16
SECONDS: Final = 8.0
ALONE: Final = 9
"""Requests of one client, of which the median is given."""

DEFAULT_ROWS: Final = 2_000_000

SAMPLE: Final = 20_000
"""Candidates whose pages are asked."""
AGAIN: Final = 200
"""Addresses that are asked again and again."""
MIXTURE: Final = {
    "list, filtered and counted": 2, "list, a further page": 1, "around a place": 1, "gallery of 100": 2,
    "candidate": 3, "map of the sky": 1,
}  # fmt: skip
"""Of ten requests of the mixture so many are of each kind."""
REPEATED: Final = 0.3
"""Share of the mixture that was asked before."""

MakePath = Callable[[np.random.Generator], str]
"""Makes the path of a request unlike the one before."""


def pages(identifiers: list[str]) -> dict[str, MakePath]:
    """Give what is asked, by name."""
    return {
        "list, filtered and counted": lambda rng: listed(rng, size="50"),
        "list of all classified, filtered": lambda rng: listed(rng, size="50", all="1"),
        "list, a further page": lambda rng: f"/candidates?{urlencode({'page': rng.integers(1, 400)})}",
        "gallery of 100": lambda rng: listed(rng, size="100", show="gallery"),
        "around a place": lambda rng: near(rng),
        "candidate": lambda rng: f"/candidate/{identifiers[rng.integers(len(identifiers))]}.html",
        "map of the sky": lambda rng: f"/sky?{urlencode({'snr_r_min': f'{rng.uniform(5, 60):.4f}'})}",
        "first page": lambda _: "/",
    }


def again(make: MakePath) -> MakePath:
    """Give requests that are drawn from some that `make` gives."""
    rng = np.random.default_rng(2)
    some = [make(rng) for _ in range(AGAIN)]
    return lambda rng: some[rng.integers(AGAIN)]


def mixture(made: Mapping[str, MakePath]) -> MakePath:
    """Give requests as people send them: of several pages, some of them asked before."""
    pages = [made[name] for name, share in MIXTURE.items() for _ in range(share)]

    def anything(rng: np.random.Generator) -> str:
        return pages[rng.integers(len(pages))](rng)

    repeated = again(anything)
    return lambda rng: repeated(rng) if rng.random() < REPEATED else anything(rng)


def listed(rng: np.random.Generator, **more: str) -> str:
    """Give the address of a list with limits that no other request has."""
    label = rng.choice(["emission", "double-peak"])
    return f"/candidates?{urlencode({'label': label, 'snr_r_min': f'{rng.uniform(5, 60):.4f}', **more})}"


def near(rng: np.random.Generator) -> str:
    """Give the address of what is within a degree of a place."""
    place = f"{rng.uniform(0, 360):.3f} {rng.uniform(-5, 55):.3f}"
    return f"/candidates?{urlencode({'q': place, 'radius': 1, 'unit': 'deg'})}"


def ask(connection: http.client.HTTPConnection, path: str) -> float:
    """Ask for a page and read it; give the seconds.

    Raises
    ------
    SystemExit
        The server refuses.
    """
    start = time.perf_counter()
    connection.request("GET", path)
    response = connection.getresponse()
    content = response.read()
    if response.status != 200:
        raise SystemExit(f"{path}: {response.status} {content[:300]!r}")
    return time.perf_counter() - start


def alone(url: str, make: MakePath) -> tuple[float, float]:
    """Give for one client the median and the processor time of the service for a page, s."""
    connection, rng = connect(url), np.random.default_rng(5)
    ask(connection, make(rng))
    before = processor_seconds()
    median = statistics.median(ask(connection, make(rng)) for _ in range(ALONE))
    return median, (processor_seconds() - before) / ALONE


def many(url: str, make: MakePath) -> tuple[float, float]:
    """Give for many clients median and p99, s."""
    seconds = together(url, make)
    return statistics.median(seconds), float(np.percentile(seconds, 99))


def processor_seconds() -> float:
    """Sum what all processes that were started here have taken of processors, s (Linux: from ``/proc``)."""
    ticks, waiting = 0, _children(os.getpid())
    while waiting:
        process = waiting.pop()
        try:
            fields = (Path("/proc") / str(process) / "stat").read_text().rpartition(")")[2].split()
            waiting += _children(process)
        except OSError:  # it has ended
            continue
        ticks += sum(map(int, fields[11:15]))  # its own and that of children that ended, user and system
    return ticks / os.sysconf("SC_CLK_TCK")


def _children(process: int) -> list[int]:
    tasks = (Path("/proc") / str(process) / "task").iterdir()
    return [int(child) for task in tasks for child in (task / "children").read_text().split()]


def together(url: str, make: MakePath) -> list[float]:
    """Give the seconds of all requests of many clients."""
    found: list[float] = []
    end = time.perf_counter() + SECONDS

    def client(seed: int) -> None:
        connection, rng = connect(url), np.random.default_rng(seed)
        while time.perf_counter() < end:
            found.append(ask(connection, make(rng)))

    threads = [threading.Thread(target=client, args=(100 + number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def connect(url: str) -> http.client.HTTPConnection:
    """Open a connection."""
    place = urlsplit(url)
    return http.client.HTTPConnection(place.hostname or "localhost", place.port, timeout=120)


def measure(rows: int, folder: Path) -> dict[str, tuple[float, ...]]:
    """Give for each page median and processor time of one client, those of many, cold and warm, s."""
    survey = folder / f"web-{rows}"
    if not (survey / "release.duckdb").is_file():
        write_shards(survey, rows)
        publishing(survey, "4GB")
    release = survey / "release.duckdb"
    with duckdb.connect(str(release), read_only=True) as database:
        some = database.sql(
            f"SELECT candidate_id FROM emline.candidates USING SAMPLE {SAMPLE}"  # noqa: S608
        ).fetchall()
    found = {}
    with serving(release) as server:
        url = server.tap.removesuffix("/tap")
        made = pages([row[0] for row in some])
        for name, make in made.items():
            found[name] = (*alone(url, make), *many(url, make), *warm(url, make))
        mixed = mixture(made)
        found["a mixture, 3 of 10 asked before"] = (*alone(url, mixed), *many(url, mixed))
    return found


def warm(url: str, make: MakePath) -> tuple[float, float]:
    """Give the same as :func:`many` of pages that were asked before."""
    asked, connection, rng = again(make), connect(url), np.random.default_rng(2)
    for _ in range(AGAIN):
        ask(connection, make(rng))
    return many(url, asked)


def main() -> None:
    """Measure and write a table for each size to standard output."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, action="append", help=f"repeatable [{DEFAULT_ROWS:,}]")
    parser.add_argument("--folder", type=Path, help="where releases stay [a folder that goes]")
    options = parser.parse_args()

    def work(folder: Path) -> None:
        for rows in options.rows or [DEFAULT_ROWS]:
            before = os.getloadavg()[0]
            heads = f"one client | processors | {CLIENTS} clients, cold | p99 | warm | p99"
            lines = [f"\n| {rows:,} rows, s | {heads} |", "|---|" + "---:|" * 6]
            lines += [
                f"| {name} | {' | '.join(f'{value:.3f}' for value in values)} |"
                for name, values in measure(rows, folder).items()
            ]
            sys.stdout.write("\n".join(lines) + f"\n\n(load {before:.1f} before)\n")

    sys.stdout.write(f"{platform.machine()}, {os.cpu_count()} cores, DuckDB {duckdb.__version__}\n")
    in_folder(options.folder, work)


if __name__ == "__main__":
    main()

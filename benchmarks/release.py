"""How long a release takes to build and to open: from the shards of a survey to the first answer.

``make bench-release`` or ``python benchmarks/release.py [--rows N]... [--memory 4GB] [--folder DIR]``. The
shards are made here. What is timed: `vo-emline publish` as its user starts it, and as the limit DuckDB alone
sorting the same Parquet files into a table, without identifiers, pixels, indexes or checks; then the
service started on the release, asked once and then again. The memory is the most that the program had in RAM.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb
from release_shards import write_shards
from tap import cone, serving
from tap_client import Request, Server, answer, timed

DEFAULT_ROWS: Final = 2_000_000
FIRST: Final = Request("first query", "SELECT label, COUNT(*) AS n FROM {table} GROUP BY label", slow=True)
LIMIT: Final = """
import sys, duckdb
source, target, memory = sys.argv[1:]
with duckdb.connect(target, config={"memory_limit": memory}) as database:
    database.execute("SET enable_progress_bar = false")
    shards = f"read_parquet('{source}/scores-*.parquet')"
    database.execute(f"CREATE TABLE scores AS FROM {shards} ORDER BY ra, dec")
"""


@dataclass(frozen=True)
class Cost:
    """What a program took."""

    seconds: float
    peak_bytes: int
    disk_bytes: int
    """Size of what it made."""


def cost(command: list[str], made: Path) -> Cost:
    """Run a program to its end; give time, most memory, and the size of what it made.

    Raises
    ------
    SystemExit
        It failed.
    """
    start = time.perf_counter()
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:  # noqa: S603 - our own programs
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command[:4])} … ended with {process.returncode}")
    return Cost(time.perf_counter() - start, usage.ru_maxrss * 1024, made.stat().st_size)


def publishing(survey: Path, memory: str) -> Cost:
    """Build the release of a survey with the program."""
    release = survey / "release.duckdb"
    command = [sys.executable, "-m", "vo_emline", "--quiet", "publish", str(survey), "--memory", memory]
    return cost(command, release)


def sorting(survey: Path, memory: str) -> Cost:
    """Sort the same files into a table with DuckDB alone."""
    target = survey / "limit.duckdb"
    try:
        return cost([sys.executable, "-c", LIMIT, str(survey), str(target), memory], target)
    finally:
        target.unlink(missing_ok=True)


def answers(release: Path) -> dict[str, float]:
    """Give the seconds until the service is up, of the first query, and of queries after it."""
    with duckdb.connect(str(release), read_only=True) as database:
        did, candidate = database.sql(
            "SELECT obs_publisher_did, candidate_id FROM emline.scores LIMIT 1 OFFSET 1000"
        ).fetchall()[0]
    by_did = f"SELECT label FROM {{table}} WHERE obs_publisher_did = '{did}'"  # noqa: S608 - our own rows
    by_candidate = f"SELECT label FROM {{table}} WHERE candidate_id = '{candidate}'"  # noqa: S608
    start = time.perf_counter()
    with serving(release) as server:
        seconds = {"service started, s": time.perf_counter() - start}
        seconds["first query (GROUP BY label), s"] = once(server, FIRST)
        seconds["first cone 0.5°, s"] = once(server, Request("cone", cone(211, 37)))
        for name, query in (
            ("GROUP BY label, s", FIRST.query),
            ("cone 0.5°, s", cone(150, 20)),
            ("one publisher DID, s", by_did),
            ("one candidate_id, s", by_candidate),
        ):
            seconds[name] = timed(server, Request(name, query), repeat=9).total
    return seconds


def once(server: Server, request: Request) -> float:
    """Give the seconds of one request."""
    start = time.perf_counter()
    answer(server, request)
    return time.perf_counter() - start


def measure(rows: int, folder: Path, *, memory: str) -> dict[str, str]:
    """Give the figures for one size, in words."""
    survey = folder / f"survey-{rows}"
    if not survey.is_dir():
        write_shards(survey, rows)
    built, limit = publishing(survey, memory), sorting(survey, memory)
    figures: dict[str, str] = {
        "shards, MB": f"{sum(path.stat().st_size for path in survey.glob('*-*.parquet')) / 1e6:,.0f}",
        "building, s": f"{built.seconds:.1f}",
        "rows per second": f"{rows / built.seconds:,.0f}",
        "peak memory, GB": f"{built.peak_bytes / 1e9:.2f}",
        "release, MB": f"{built.disk_bytes / 1e6:,.0f}",
        "DuckDB alone, s": f"{limit.seconds:.1f}",
        "DuckDB alone, peak memory, GB": f"{limit.peak_bytes / 1e9:.2f}",
        "building / DuckDB alone": f"{built.seconds / limit.seconds:.1f}",
    }
    found = answers(survey / "release.duckdb")
    return figures | {name: f"{seconds:.3f}" for name, seconds in found.items()}


def table(columns: dict[int, dict[str, str]]) -> str:
    """Give the figures in Markdown, a column per size."""
    lines = ["| | " + " | ".join(f"{rows:,}" for rows in columns) + " |", "|---|" + "---:|" * len(columns)]
    names = next(iter(columns.values()))
    lines += [f"| {name} | " + " | ".join(found[name] for found in columns.values()) + " |" for name in names]
    return "\n".join(lines)


def in_folder(folder: Path | None, work: Callable[[Path], None]) -> None:
    """Work in a folder that stays, or in one that goes."""
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        work(folder)
        return
    with tempfile.TemporaryDirectory() as name:
        work(Path(name))


def main() -> None:
    """Measure and write the table to standard output."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, action="append", help=f"inputs; repeatable [{DEFAULT_ROWS:,}]")
    parser.add_argument("--memory", default="4GB", help="memory of the database [%(default)s]")
    parser.add_argument("--folder", type=Path, help="where shards and releases stay [a folder that goes]")
    options = parser.parse_args()
    load_before = os.getloadavg()[0]
    columns: dict[int, dict[str, str]] = {}

    def work(folder: Path) -> None:
        for rows in options.rows or [DEFAULT_ROWS]:
            columns[rows] = measure(rows, folder, memory=options.memory)
            if options.folder is None:
                shutil.rmtree(folder / f"survey-{rows}")

    in_folder(options.folder, work)
    sys.stdout.write(
        f"{platform.machine()}, {os.cpu_count()} cores (load {load_before:.1f} before), "
        f"Python {platform.python_version()}, DuckDB {duckdb.__version__}, limit {options.memory}\n\n"
        f"{table(columns)}\n"
    )


if __name__ == "__main__":
    main()

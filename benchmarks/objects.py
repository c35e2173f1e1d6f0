"""What the table of stars costs: its share of `vo-emline publish`, and the memory, over the number of rows.

``python benchmarks/objects.py [--rows N]... [--memory 4GB] [--threads 1] [--folder DIR]``. The shards are
made here: spectra all over the sky, every fourth one another epoch of a star, 0.3 arcsec off. Every size is
published in a process of its own; times are those of the processor (user and system), memory is the most that
was in RAM.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import click
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from release_shards import write_shards

DEFAULT_ROWS: Final = (500_000, 2_000_000)
COLUMNS: Final = {
    "rows": "10d", "stars_s": "10.1f", "stars_wall_s": "8.1f", "all_s": "10.1f", "wall_s": "10.1f",
    "peak_gb": "10.2f", "release_gb": "10.2f",
}  # fmt: skip
"""What is shown, and how."""
OFFSET: Final = 0.3 / 3600
"""By how much two epochs of a star are apart, deg."""


def repeat_stars(survey: Path) -> None:
    """Let every second shard observe half of the stars of the shard before it again."""
    rng = np.random.default_rng(1)
    shards = sorted(survey.glob("scores-*.parquet"))
    for before, again in zip(shards[::2], shards[1::2], strict=False):
        earlier, later = pq.read_table(before, columns=["ra", "dec"]), pq.read_table(again)
        half = min(len(earlier), len(later)) // 2
        for name in ("ra", "dec"):
            place = later.column_names.index(name)
            values = later[name].to_numpy(zero_copy_only=False).copy()
            values[:half] = earlier[name].to_numpy(zero_copy_only=False)[:half] + rng.normal(0, OFFSET, half)
            later = later.set_column(place, later.schema.field(name), pa.array(values))
        pq.write_table(later, again, compression="zstd")


def processor_seconds() -> float:
    """Give the time that this process has had."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def publish(survey: Path, release: Path, *, memory: str, threads: int) -> dict[str, Any]:
    """Publish a survey in this process; give what it took, and what of it the stars."""
    from vo_emline.candidates import Limits, Provenance, release_survey
    from vo_emline.candidates import release as module

    seconds: list[tuple[float, float]] = []
    write = module.write_stars

    def timed(*given: Any, **named: Any) -> None:
        start, wall = processor_seconds(), time.perf_counter()
        write(*given, **named)
        seconds.append((processor_seconds() - start, time.perf_counter() - wall))

    module.write_stars = timed
    start, wall = processor_seconds(), time.perf_counter()
    counts = release_survey(
        release, survey, provenance=Provenance(run_id="bench"), limits=Limits(memory=memory, threads=threads)
    )
    return {
        "rows": counts.scores,
        "all_s": processor_seconds() - start,
        "stars_s": sum(used for used, _ in seconds),
        "stars_wall_s": sum(wall for _, wall in seconds),
        "wall_s": time.perf_counter() - wall,
        "peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6,
        "release_gb": release.stat().st_size / 1e9,
    }


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, action="append")
    parser.add_argument("--memory", default="4GB")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        took = publish(given.one, given.one / "release.duckdb", memory=given.memory, threads=given.threads)
        click.echo(json.dumps(took))
        return
    click.echo(f"{len(os.sched_getaffinity(0))} cores, {given.threads} in use, memory limit {given.memory}")
    click.echo("      rows   stars, s   (wall)     all, s     (wall)   peak, GB   release, GB")
    for rows in given.rows or DEFAULT_ROWS:
        folder = Path(tempfile.mkdtemp(dir=given.folder))
        try:
            write_shards(folder / "survey", rows, size=100_000)
            repeat_stars(folder / "survey")
            command = [sys.executable, __file__, "--one", str(folder / "survey"), "--memory", given.memory]
            done = subprocess.run(  # noqa: S603 - our own program
                [*command, "--threads", str(given.threads)], check=True, capture_output=True, text=True
            )
            took = json.loads(done.stdout.splitlines()[-1])
            click.echo(" ".join(format(took[name], form) for name, form in COLUMNS.items()))
        finally:
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()

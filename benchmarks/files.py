"""From files to candidates: spectra per second and the share of each stage, against reading the bytes alone.

``make bench-files`` or ``python benchmarks/files.py [--n N] [--data DIR] [--predict here|workers|both]``.
The mirror holds N names for a few real LAMOST files found in DIR (simulated ones where there are none), plain
and gzipped: the files come from the page cache, so that the program is measured and not the disk. The limit
is reading (and decompressing) the bytes with as many processes. Times are wall time of the whole command, its
start included; the stages are seconds of all processes added up.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from itertools import cycle, islice
from multiprocessing import get_context
from pathlib import Path
from typing import Final

from vo_emline.simulate import write_lamost
from vo_emline.spectra import iter_spectra
from vo_emline.survey.counts import SESSIONS

try:  # the library that the program uses where it is installed
    from isal.isal_zlib import decompress as gunzip
except ImportError:
    from zlib import decompress as gunzip

DATA: Final = Path(__file__).parents[2] / "shared" / "data" / "lamost" / "dr1-plate"
PER_FOLDER: Final = 2000
SHARD_SIZE: Final = 2000


def make_mirror(folder: Path, originals: list[Path], *, count: int) -> None:
    """Give `count` names to a few files, in folders as a mirror has them."""
    for number, path in enumerate(islice(cycle(originals), count)):
        plan = folder / f"plan{number // PER_FOLDER:04d}"
        plan.mkdir(parents=True, exist_ok=True)
        suffix = ".fits.gz" if path.suffix == ".gz" else ".fits"
        (plan / f"spec-55903-B90306_sp06-{number:07d}{suffix}").hardlink_to(path)


def originals(data: Path, folder: Path) -> dict[str, list[Path]]:
    """Copy the files to work with, plain and gzipped."""
    if not data.is_dir():
        write_lamost(folder / "simulated", n_stars=60, seed=1)
        data = folder / "simulated"
    made: dict[str, list[Path]] = {"plain": [], "gzipped": []}
    for number, name in enumerate(iter_spectra([data])):
        content = Path(name).read_bytes()
        plain = gzip.decompress(content) if name.endswith(".gz") else content
        for kind, suffix, data_out in (("plain", "fits", plain), ("gzipped", "gz", gzip.compress(plain, 6))):
            path = folder / kind / f"{number}.{suffix}"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(data_out)
            made[kind].append(path)
    return made


def bytes_alone(names: list[str]) -> int:
    """Read files and decompress them; give the number of bytes read."""
    total = 0
    for name in names:
        content = Path(name).read_bytes()
        total += len(content)
        if name.endswith(".gz"):
            gunzip(content, 31)
    return total


def limit(mirror: Path, *, workers: int) -> tuple[float, int]:
    """Give files per second when nothing but their bytes is read, and the bytes."""
    names = list(iter_spectra([mirror]))
    pieces = [names[first : first + 500] for first in range(0, len(names), 500)]
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        sum(pool.map(bytes_alone, pieces[:workers]))  # starts the processes
        began = time.perf_counter()
        total = sum(pool.map(bytes_alone, pieces))
        return len(names) / (time.perf_counter() - began), total


def classified(mirror: Path, output: Path, *, place: str, workers: int) -> tuple[float, dict[str, float]]:
    """Run the command; give its seconds in all, and those of each stage."""
    options = ["--shard-size", SHARD_SIZE, "--workers", workers, "--predict", place, "--output", output]
    command = [sys.executable, "-m", "vo_emline", "-q", "classify-survey", mirror, *options]
    began = time.perf_counter()
    subprocess.run(list(map(str, command)), check=True)  # noqa: S603  our own command
    wall = time.perf_counter() - began
    (record,) = (json.loads(path.read_text()) for path in (output / SESSIONS).iterdir())
    stages = {name: float(stage["seconds"]) for name, stage in record["stages"].items()}
    return wall, stages | {"start, listing, counting, tables": wall - float(record["seconds"])}


def table(mirror: Path, scratch: Path, *, places: list[str], workers: int) -> str:
    """Measure one mirror; give a table in Markdown."""
    bound, size = limit(mirror, workers=workers)
    n = sum(1 for _ in iter_spectra([mirror]))
    lines = [
        f"### {mirror.name}: {n} files of {size / n / 1000:.0f} kB",
        "",
        "| network runs | spectra/s | share of reading the bytes alone | seconds | of them, by stage |",
        "|---|---:|---:|---:|---|",
        f"| (bytes alone) | {bound:,.0f} | 1 | {n / bound:.1f} | |",
    ]
    for place in places:
        output = scratch / f"{mirror.name}-{place}"
        wall, stages = classified(mirror, output, place=place, workers=workers)
        by_stage = ", ".join(f"{name} {taken:.1f}" for name, taken in stages.items())
        lines.append(f"| {place} | {n / wall:,.0f} | {n / wall / bound:.2f} | {wall:.1f} | {by_stage} |")
    return "\n".join(lines) + "\n\n"


def main() -> None:
    """Measure and write the tables to standard output."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA, help="folder of LAMOST files [%(default)s]")
    parser.add_argument("--n", type=int, default=20_000, help="files of each kind [%(default)s]")
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)), help="[%(default)s]")
    parser.add_argument("--predict", choices=["here", "workers", "both"], default="both")
    parser.add_argument("--kind", choices=["plain", "gzipped", "both"], default="both")
    parser.add_argument("--scratch", type=Path, help="folder for the mirror [a temporary one]")
    options = parser.parse_args()
    places: list[str] = ["here", "workers"] if options.predict == "both" else [options.predict]
    load = os.getloadavg()[0]
    sys.stdout.write(
        f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores (load {load:.1f} before), "
        f"Python {platform.python_version()}, {options.workers} processes, shards of {SHARD_SIZE}\n\n"
    )
    with tempfile.TemporaryDirectory(dir=options.scratch) as name:
        for kind, files in originals(options.data, Path(name)).items():
            if options.kind in (kind, "both"):
                mirror = Path(name) / "mirrors" / kind
                make_mirror(mirror, files, count=options.n)
                sys.stdout.write(table(mirror, Path(name), places=places, workers=options.workers))
                sys.stdout.flush()


if __name__ == "__main__":
    main()

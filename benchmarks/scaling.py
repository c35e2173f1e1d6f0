"""How time and memory grow with the size of a survey, and how much faster two workers are than one.

``make bench-scaling`` or ``python benchmarks/scaling.py [--sizes 10_000 100_000 1_000_000] [--run RUN]
[--directory DIR] [--figure docs/images/scaling.png]``. Surveys are simulated as stores of windows and go
through ``vo-emline classify-survey`` as a user starts it. The sizes run with all workers; the ratio of one
worker on one core to two on two is taken at the size given by ``--ratio-at``. Ten million windows need 20 GB
of disk.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

import numpy as np
from process_tree import Watched, watch

from vo_emline.errors import EmlineError
from vo_emline.files import require_space

SIZES: Final = (10_000, 100_000, 1_000_000)
BYTES: Final = 2_000
"""Disk for each window of a store and its scores."""


def main() -> None:
    """Run the benchmark and print a table for the documentation."""
    options = _options()
    sizes = sorted(set(options.sizes))
    with tempfile.TemporaryDirectory(prefix="scaling-", dir=options.directory) as folder:
        place = Path(folder)
        require_space(place, BYTES * sizes[-1])
        runs = {}
        for size in sizes:
            runs[size] = measure(size, place, workers=options.workers, run=options.run)
            sys.stderr.write(f"{size} windows: {runs[size].seconds:.1f} s, {runs[size].peak_mb:.0f} MB\n")
        at = options.ratio_at or sizes[-1]
        pair = [measure(at, place, workers=count, run=options.run, cores=count) for count in (1, 2)]
    sys.stdout.write(report(runs, pair, at=at) + "\n")
    if options.figure:
        draw(runs, options.figure)


def measure(size: int, place: Path, *, workers: int, run: Path | None, cores: int | None = None) -> Watched:
    """Classify a simulated survey of `size` windows on some cores; the store of another size makes room."""
    store, output = place / "store", place / "output"
    command = [sys.executable, "-m", "vo_emline", "-q"]
    if not _holds(store, size):
        shutil.rmtree(store, ignore_errors=True)
        watch([*command, "simulate-survey", "--n", str(size), "--output", str(store), *_run(run)])
    shutil.rmtree(output, ignore_errors=True)
    arguments = [
        "classify-survey",
        str(store),
        "--output",
        str(output),
        "--workers",
        str(workers),
        *_run(run),
    ]
    watched = watch([*_on(cores), *command, *arguments])
    done = json.loads((output / "summary.json").read_text())["inputs"]
    if done != size:
        raise EmlineError(f"{done} of {size} windows were classified")
    return watched


def report(runs: dict[int, Watched], pair: list[Watched], *, at: int) -> str:
    """Give what was measured as Markdown."""
    load = " ".join(f"{value:.1f}" for value in os.getloadavg())
    lines = [
        f"{platform.machine()}, {len(os.sched_getaffinity(0))} cores, load {load}",
        "",
        "| windows | time, s | windows/s | CPU time, s | own memory at most, MB |",
        "|---:|---:|---:|---:|---:|",
    ]
    for size, seen in runs.items():
        rate, cpu = f"{size / seen.seconds:,.0f}", f"{seen.cpu_seconds:.1f}"
        cells = (f"{size:,}", f"{seen.seconds:.1f}", rate, cpu, f"{seen.peak_mb:.0f}")
        lines.append(f"| {' | '.join(cells)} |")
    if len(runs) > 1:
        start, each = fitted(runs)
        lines += ["", f"Time = {start:.1f} s + {each * 1e6:.0f} µs × windows."]
    one, two = (seen.seconds for seen in pair)
    lines.append(
        f"{at:,} windows: one worker on one core {one:.1f} s, two on two {two:.1f} s: {one / two:.2f} times."
    )
    return "\n".join(lines)


def fitted(runs: dict[int, Watched]) -> tuple[float, float]:
    """Fit the time to start and the time for each window, s, each size weighing the same."""
    sizes = np.array(list(runs), dtype=float)
    seconds = np.array([seen.seconds for seen in runs.values()])
    design = np.stack([np.ones_like(sizes), sizes], axis=1) / seconds[:, None]
    start, each = np.linalg.lstsq(design, np.ones_like(sizes), rcond=None)[0]
    return float(start), float(each)


def draw(runs: dict[int, Watched], path: Path) -> None:
    """Draw time against size, and memory against time."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.0, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    sizes = np.array(list(runs), dtype=float)
    left.loglog(sizes, [seen.seconds for seen in runs.values()], "o", color="C0", label="measured")
    if len(runs) > 1:
        start, each = fitted(runs)
        line = np.geomspace(sizes[0], sizes[-1], 50)
        left.loglog(
            line,
            start + each * line,
            color="C0",
            lw=1,
            label=f"{start:.0f} s + {each * 1e6:.0f} µs × windows",
        )
    left.set(xlabel="windows", ylabel="time, s", title="Time")
    left.legend(frameon=False)
    for number, (size, seen) in enumerate(runs.items()):
        share = np.array(seen.times) / seen.seconds
        right.plot(100 * share, seen.own_mb, color=f"C{number}", lw=1, label=f"{size:,} windows")
    right.set(
        xlabel="share of the run, %",
        ylabel="memory of all processes, MB",
        title="Memory",
        ylim=(0, None),
    )
    right.legend(frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)


def _on(cores: int | None) -> list[str]:
    """Give what keeps a command on so many cores: one worker alone would use the others' as well."""
    if cores is None:
        return []
    chosen = sorted(os.sched_getaffinity(0))[:cores]
    return ["taskset", "--cpu-list", ",".join(map(str, chosen))]


def _holds(store: Path, size: int) -> bool:
    manifest = store / "manifest.json"
    return manifest.is_file() and json.loads(manifest.read_text())["inputs"] == size


def _run(run: Path | None) -> list[str]:
    return [] if run is None else ["--run", str(run)]


def _options() -> Any:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--workers", type=int, default=0, help="0: one per core")
    parser.add_argument("--ratio-at", type=int, help="size for one worker against two [default: the largest]")
    parser.add_argument("--run", type=Path, help="a trained run [default: the model of the package]")
    parser.add_argument("--directory", type=Path, help="where there is room [default: the temporary folder]")
    parser.add_argument("--figure", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()

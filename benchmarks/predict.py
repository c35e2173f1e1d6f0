"""Prediction of windows in memory: ours against the same network in other frameworks, and the limit.

``make bench-predict`` or ``python benchmarks/predict.py [--windows N] [--rounds N] [--model DIR] [--only NAME
...]``. Every framework runs in a process of its own on the same cores with the same weights; all processes
live at once and take turns, so that other work on the machine meets all alike. Outputs must agree to 1e-4.
The limit is the time of the matrix products that the layers are, by the fastest library for each
(``gemm.py``), measured in the same rounds. ``pip install 'vo-emline[bench]'`` brings the other frameworks;
those missing are left out.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import IO, Any, Final, cast

import numpy as np
from frameworks import FRAMEWORKS
from gemm import FLOP

from vo_emline.errors import EmlineError
from vo_emline.rundir import DEFAULT_MODEL
from vo_emline.simulate import SKY_FRACTIONS, simulate_windows
from vo_emline.training import Classifier
from vo_emline.training.architecture import Architecture
from vo_emline.training.network import apply, outline

AGREEMENT: Final = 1e-4
"""Largest difference of a logit from the reference, in units of the largest logit."""

STARS: Final = 2048
"""Simulated spectra, with the prevalence of a survey; more windows are copies of them."""

HERE: Final = Path(__file__).parent


class Worker:
    """A process that works with one framework."""

    def __init__(self, name: str, problem: Path) -> None:
        self.name = name
        command = [sys.executable, str(HERE / "frameworks.py"), name, str(problem)]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True)  # noqa: S603
        self._input, self._output = (
            cast("IO[str]", self._process.stdin),
            cast("IO[str]", self._process.stdout),
        )

    def read(self) -> Any:
        """Read an answer."""
        line = self._output.readline()
        if not line:
            raise EmlineError(f"{self.name} failed with status {self._process.wait()}; see above")
        return json.loads(line)

    def run(self) -> float:
        """Predict all windows once; seconds."""
        self._input.write("\n")
        self._input.flush()
        return float(self.read())

    def close(self) -> None:
        """End the process."""
        self._input.close()
        self._process.wait()


def write_problem(path: Path, model: Path, *, windows: int) -> None:
    """Write windows, weights and the logits that the plain network of Flax gives."""
    classifier = Classifier.load(model)
    simulated = simulate_windows(min(windows, STARS), seed=1, fractions=SKY_FRACTIONS)
    flux = np.resize(simulated.prepare(classifier.description.preprocess).flux, (windows, 140))
    graph = outline(Architecture.from_dict(classifier.description.architecture))
    some = np.asarray(apply(graph, classifier.parameters, flux[:STARS]))
    weights = {f"weights.{name}": np.asarray(value) for name, value in classifier.parameters.items()}
    np.savez(path, flux=flux, reference=np.resize(some, (windows, 3)), model=str(model.resolve()), **weights)


def start(names: list[str], problem: Path) -> tuple[list[Worker], dict[str, float]]:
    """Start the workers; give those that work, and the share of windows of which each gives logits."""
    workers, full = [], {}
    scale = float(np.abs(np.load(problem)["reference"]).max())
    for name in names:
        worker = Worker(name, problem)
        said = worker.read()
        if "missing" in said:
            sys.stderr.write(f"left out: {name} ({said['missing']})\n")
            worker.close()
            continue
        if said["difference"] > AGREEMENT * scale:
            raise EmlineError(f"{name} disagrees: logits differ by {said['difference']}")
        workers.append(worker)
        full[name] = said["full"]
    return workers, full


def limit(*, windows: int = 256) -> float:
    """Give the seconds per window of the products alone, by the fastest library for each."""
    command = [sys.executable, str(HERE / "gemm.py"), str(windows)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
    return sum(min(times) for times in zip(*json.loads(done.stdout).values(), strict=True))


def table(taken: dict[str, list[float]], limits: list[float], *, windows: int, full: dict[str, float]) -> str:
    """Give the rates as a table in Markdown."""
    best = 1 / min(limits)
    products = f"matrix products, {best * FLOP / 1e9:.0f} GFLOP/s"
    lines = [
        "| | windows/s, median | smallest to largest | of the limit | full network sees |",
        "|---|---:|---:|---:|---:|",
        f"| *{products}* | {1 / median(limits):,.0f} | {1 / max(limits):,.0f} to {best:,.0f} | | |",
    ]
    for name, times in taken.items():
        rate = windows / median(times)
        lines.append(
            f"| {name} | {rate:,.0f} | {windows / max(times):,.0f} to {windows / min(times):,.0f} "
            f"| {100 * rate * median(limits):.0f} % | {100 * full[name]:.0f} % |"
        )
    return "\n".join(lines)


def main() -> None:
    """Measure and write a table for the documentation."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--windows", type=int, default=4096, help="[%(default)s]")
    parser.add_argument("--rounds", type=int, default=7, help="[%(default)s]")
    parser.add_argument("--model", type=Path, default=DEFAULT_MODEL, help="[%(default)s]")
    parser.add_argument("--only", nargs="+", choices=FRAMEWORKS, default=list(FRAMEWORKS), metavar="NAME")
    options = parser.parse_args()
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        problem = Path(folder) / "problem.npz"
        write_problem(problem, options.model, windows=options.windows)
        workers, full = start(options.only, problem)
        taken: dict[str, list[float]] = {worker.name: [] for worker in workers}
        limits = []
        for _ in range(options.rounds):
            limits.append(limit(windows=min(options.windows, 256)))
            for worker in workers:
                taken[worker.name].append(worker.run())
        for worker in workers:
            worker.close()
    sys.stdout.write(
        f"{platform.machine()}, {len(os.sched_getaffinity(0))} cores (load {load:.1f} before), "
        f"{options.windows} windows, {options.rounds} rounds\n\n"
        f"{table(taken, limits, windows=options.windows, full=full)}\n"
    )


if __name__ == "__main__":
    main()

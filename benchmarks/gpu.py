"""Prediction on the device that JAX finds: steady state, share of the measured matrix rate, end to end.

``make bench-gpu`` or ``python benchmarks/gpu.py [--windows N] [--batch N] [--matrix N] [--model DIR]``. Meant
for a GPU; with small numbers it also runs on a CPU. It prints

* windows per second in memory, for each precision, and TFLOP/s against a matrix product of the same;
* seconds from a store of simulated windows to finished shards of scores, transfer and writing included, the
  labels that bfloat16 turns, and the largest change of a score.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, Final

import jax
import jax.numpy as jnp
import numpy as np
from gemm import FLOP

from vo_emline.rundir import DEFAULT_MODEL
from vo_emline.simulate import FRACTIONS, simulate_windows
from vo_emline.survey import SurveyOptions, WindowStore, Work
from vo_emline.survey.pipeline import predicting_here
from vo_emline.survey.shards import ShardStore, run_shards
from vo_emline.survey.synthetic import Synthetic, simulate_store
from vo_emline.training import Classifier
from vo_emline.training.device import describe_device, device_words
from vo_emline.training.prediction import Precision

PRECISIONS: Final[tuple[Precision, ...]] = ("float32", "bfloat16")
REPEATS: Final = 5
STARS: Final = 2048


def seconds(work: Callable[[], Any]) -> float:
    """Give the median of the wall time of `work` after a first call that is not counted, s."""
    work()
    taken = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return median(taken)


def matrix_rate(size: int, precision: Precision) -> float:
    """Measure a product of two square matrices, FLOP/s."""
    matrix = jnp.ones((size, size), dtype=precision)
    accuracy = jax.lax.Precision.HIGHEST if precision == "float32" else None
    product = jax.jit(lambda x: jnp.matmul(x, x, precision=accuracy))
    return 2 * size**3 / seconds(lambda: product(matrix).block_until_ready())


def in_memory(model: Path, *, windows: int, batch: int | None, matrix: int) -> list[str]:
    """Measure prediction of windows in memory, for each precision; rows of a table."""
    flux = np.resize(simulate_windows(min(windows, STARS), seed=1).prepare().flux, (windows, 140))
    rows = []
    for precision in PRECISIONS:
        classifier = Classifier.load(model, batch=batch, precision=precision)
        whole = seconds(lambda: classifier.predictor(flux))  # noqa: B023  called at once
        resident = classifier.predictor.resident_seconds(flux, calls=REPEATS)
        rate, limit = 1 / resident, matrix_rate(matrix, precision)
        rows.append(
            f"| {precision} | {windows / whole:,.0f} | {rate:,.0f} | {rate * FLOP / 1e12:.2f} "
            f"| {limit / 1e12:.2f} | {100 * rate * FLOP / limit:.0f} % |"
        )
    return rows


def from_store(model: Path, *, windows: int, batch: int | None, precision: Precision) -> float:
    """Measure a survey from a store to finished shards, seconds."""
    classifier = Classifier.load(model, batch=batch, precision=precision)
    classifier.predictor(np.zeros((1, 140), dtype=np.float32))  # compiles
    preprocess = classifier.description.preprocess
    with tempfile.TemporaryDirectory() as folder:
        store, scores = Path(folder) / "store", Path(folder) / "scores"
        simulate_store(store, Synthetic(n=windows, library_size=min(windows, 4000)), preprocess=preprocess)
        began = time.perf_counter()
        work = Work(
            directory=scores, model=model, preprocess=preprocess, options=SurveyOptions(), store=store
        )
        do = partial(predicting_here, scorer=classifier, work=work)
        run_shards(WindowStore.open(store), ShardStore(scores), do)
        return time.perf_counter() - began


def agreement(model: Path, *, stars: int) -> str:
    """Tell how many labels of simulated windows half precision turns, and the largest change of a score."""
    flux = simulate_windows(stars, seed=2, fractions=FRACTIONS).prepare().flux
    shares = SurveyOptions().class_shares
    single, half = (
        Classifier.load(model, precision=precision).predict_proba(flux, shares=shares)
        for precision in PRECISIONS
    )
    turned = int((single.argmax(axis=1) != half.argmax(axis=1)).sum())
    return (
        f"bfloat16 turns {turned} of {stars} labels of simulated spectra, a third of them with emission; "
        f"scores change by {np.abs(single[:, 0] - half[:, 0]).max():.4f} at most"
    )


def main() -> None:
    """Measure and write a table for the documentation."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--windows", type=int, default=2_000_000, help="[%(default)s]")
    parser.add_argument("--batch", type=int, help="windows per batch and device [what suits the device]")
    parser.add_argument("--matrix", type=int, default=8192, help="rows of the matrices [%(default)s]")
    parser.add_argument("--model", type=Path, default=DEFAULT_MODEL, help="[%(default)s]")
    options = parser.parse_args()
    lines = [
        f"{device_words(describe_device())}, {options.windows:,} windows\n",
        "| | windows/s from host memory | windows/s on the device | TFLOP/s | matrix product | share |",
        "|---|---:|---:|---:|---:|---:|",
        *in_memory(options.model, windows=options.windows, batch=options.batch, matrix=options.matrix),
        "",
    ]
    for precision in PRECISIONS:
        taken = from_store(options.model, windows=options.windows, batch=options.batch, precision=precision)
        lines.append(f"from the store to shards, {precision}: {taken:.1f} s")
    lines.append(agreement(options.model, stars=min(options.windows, STARS)))
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()

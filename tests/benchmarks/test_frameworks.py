"""The benchmarks beside other frameworks run, at the smallest size, where the frameworks are installed."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
PACKAGES = {"TensorFlow/Keras": "tensorflow", "PyTorch": "torch", "ONNX Runtime": "onnxruntime"}


def run(script: str, *arguments: str) -> tuple[list[list[str]], str]:
    """Run a benchmark; give the cells of its tables, and all it wrote."""
    done = subprocess.run(
        [sys.executable, str(BENCHMARKS / script), *arguments],
        env={**os.environ, "JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    rows = [line for line in done.stdout.splitlines() if line.startswith("| ") and "---" not in line]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows], done.stdout


def number(text: str) -> float:
    return float(re.sub("[^0-9.]", "", text))


@pytest.mark.slow
def test_prediction_is_measured_in_every_framework_that_is_here() -> None:
    """The benchmark itself refuses networks that disagree."""
    wanted = ["vo-emline", "vo-emline, cascade", *PACKAGES]
    rows, _ = run("predict.py", "--windows", "64", "--rounds", "1", "--only", *wanted)
    rates = {row[0]: number(row[1]) for row in rows[1:]}
    assert rows[1][0].startswith("*matrix products")
    installed = [name for name, package in PACKAGES.items() if importlib.util.find_spec(package)]
    assert list(rates)[1:] == ["vo-emline", "vo-emline, cascade", *installed]
    assert min(rates.values()) > 10


@pytest.mark.slow
def test_training_is_measured() -> None:
    rows, _ = run("train.py", "--stars", "150", "--epochs", "2", "--rounds", "1", "--score", "0.1")
    assert rows[0][2] == "seconds to 0.100"
    assert rows[1][0] == "vo-emline"
    assert (len(rows) == 3) == bool(importlib.util.find_spec("tensorflow"))
    for row in rows[1:]:
        assert number(row[2]) > 0
        assert 0.1 <= number(row[3]) <= 1


@pytest.mark.slow
def test_the_benchmark_for_gpus_runs_without_one() -> None:
    rows, written = run("gpu.py", "--windows", "100", "--matrix", "64")
    assert [row[0] for row in rows[1:]] == ["float32", "bfloat16"]
    assert written.startswith("cpu")
    assert len(re.findall(r"from the store to shards, \w+: [0-9.]+ s", written)) == 2


def test_the_products_are_those_of_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    from gemm import FLOP, SHAPES

    weights = sum(k * n for _, k, n in SHAPES) + sum(n for _, _, n in SHAPES)
    assert weights == 2_481_731
    assert round(FLOP / 1e6) == 34

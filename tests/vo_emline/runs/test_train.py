"""Training by itself, through the program: resumed, used by other commands, continued by a run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from pyarrow import csv

from vo_emline.simulate import write_lamost, write_ondrejov

pytestmark = pytest.mark.slow

SMALL = {
    "JAX_PLATFORMS": "cpu",
    "VO_EMLINE_RUN_HOSTS__NEGATIVES": "100",
    "VO_EMLINE_RUN_HOSTS__INJECTED": "200",
    "VO_EMLINE_RUN_LINES__STARS": "300",
    "VO_EMLINE_RUN_LINES__MEMBERS": "1",
    "VO_EMLINE_RUN_LINES__EPOCHS": "1",
}
LEARNT = ("already done: training set", "already done: network")


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small labelled archive and a small survey."""
    root = tmp_path_factory.mktemp("inputs")
    write_ondrejov(root / "ondrejov", n_stars=60, per_star=2, seed=31)
    write_lamost(root / "lamost", n_stars=40, seed=32)
    return root


def start(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "vo_emline", *arguments],
        env={**os.environ, **SMALL},
        check=True,
        capture_output=True,
        text=True,
    )


def arguments(inputs: Path, run: Path, *others: str) -> list[str]:
    return [
        "--training", f"{inputs}/ondrejov", "--labels", f"{inputs}/ondrejov/labels.csv",
        "--unlabelled", f"{inputs}/lamost", "--output", str(run), "--simulate", "500", "--epochs", "2",
        "--balance", "weights", *others,
    ]  # fmt: skip


@pytest.fixture(scope="module")
def trained(inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    run = tmp_path_factory.mktemp("runs") / "run"
    return run, start("train", *arguments(inputs, run)).stdout


def test_the_metrics_of_unseen_stars_are_printed(trained: tuple[Path, str]) -> None:
    run, text = trained
    assert "held-out stars, unseen in training" in text
    assert "unlabelled spectra of the survey as negatives and hosts" in text
    assert set(json.loads((run / "metrics.json").read_text())["by_origin"]) == {
        "labelled", "simulated", "survey", "injected",
    }  # fmt: skip
    assert {path.stem for path in (run / "figures").glob("*.png")} == {"training-curve", "confusion"}
    assert (
        json.loads((run / "model" / "model.json").read_text())["training"]["options"]["balance"] == "weights"
    )


def test_a_second_start_does_nothing(trained: tuple[Path, str], inputs: Path) -> None:
    run, _ = trained
    before = (run / "model" / "model.json").stat().st_mtime_ns
    text = start("train", *arguments(inputs, run)).stdout
    assert all(words in text for words in LEARNT)
    assert (run / "model" / "model.json").stat().st_mtime_ns == before


def test_other_commands_use_the_model(trained: tuple[Path, str], inputs: Path, tmp_path: Path) -> None:
    output = tmp_path / "result.csv"
    start("classify", f"{inputs}/lamost", "--run", str(trained[0]), "--output", str(output))
    assert len(csv.read_csv(output)) == 40


def test_a_run_goes_on_from_there(trained: tuple[Path, str], inputs: Path) -> None:
    run, _ = trained
    done = start("run", *arguments(inputs, run, "--survey", f"{inputs}/lamost", "--workers", "1"))
    assert all(words in done.stdout for words in LEARNT)
    assert (run / "release.duckdb").is_file()

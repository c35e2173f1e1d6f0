"""The demonstration at small size, through the program, over real HTTP."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

SIZE = ["--training-stars", "50", "--survey-stars", "60", "--fill", "600", "--epochs", "2"]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    output = tmp_path_factory.mktemp("demo") / "demo-run"
    return output, run(output)


def run(output: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "vo_emline", "demo", "--output", str(output), *SIZE]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_exit_code_is_the_verdict(demo: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    _, done = demo
    assert all(line.startswith("training: ") for line in done.stderr.splitlines())  # one a minute, the last
    assert done.returncode == (0 if "\n  passed" in done.stdout else 1)
    assert ("\n  passed" in done.stdout) != ("\n  FAILED" in done.stdout)


def test_training_spectra_came_through_the_virtual_observatory(
    demo: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    output, done = demo
    assert "100 of 100 spectra are in" in done.stdout
    entries = [json.loads(line) for line in (output / "fetched" / "manifest.jsonl").read_text().splitlines()]
    addresses = [entry["url"] for entry in entries if entry.get("status") == "done"]
    assert len(addresses) == 100
    assert all("/spectrum?" in url and "FLUXCALIB=normalized" in url for url in addresses)


def test_one_query_was_answered_and_the_figures_are_there(
    demo: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    output, done = demo
    assert "SELECT TOP 5 designation" in done.stdout
    assert f"vo-emline serve {output / 'run'}" in done.stdout
    figures = {path.stem for path in (output / "run" / "figures").iterdir()}
    assert figures >= {"adaptation", "confusion", "training-curve"}


def test_a_second_start_repeats_nothing(demo: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    output, _ = demo
    again = run(output)
    assert again.stdout.count("already done") == 8
    assert "100 were there, 0 fetched" in again.stdout

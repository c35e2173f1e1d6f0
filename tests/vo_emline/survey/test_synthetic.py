"""Simulated surveys: the same bytes from any number of processes, after any interruption, in flat memory."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from vo_emline.cli import app
from vo_emline.errors import UserError
from vo_emline.preprocess import PreprocessOptions
from vo_emline.preprocess.prepare import prepare
from vo_emline.spectra import find_spectra, read
from vo_emline.survey import SurveyOptions, WindowStore, read_scores
from vo_emline.survey.synthetic import Synthetic, simulate_files, simulate_store

from .conftest import classify_with

SURVEY = Synthetic(n=700, seed=3, prevalence=0.3, shard_size=200, library_size=128)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> WindowStore:
    directory = tmp_path_factory.mktemp("synthetic") / "store"
    simulate_store(directory, SURVEY, workers=1)
    return WindowStore.open(directory)


def contents(directory: Path) -> dict[str, str]:
    return {
        str(path.relative_to(directory)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }


def test_a_simulated_store_is_a_store(store: WindowStore) -> None:
    assert store.inputs == 700
    assert store.preprocess == PreprocessOptions()
    prepared = [one for _, one in store.read_all(store.shards())]
    windows, rejects = (sum(len(getattr(one, part)) for one in prepared) for part in ("windows", "rejects"))
    assert (windows, rejects) == (700, 0)
    assert len(set(store.sources())) == 700
    assert not (store.directory / ".library").exists()


def test_the_truth_stands_beside_each_window(store: WindowStore) -> None:
    for shard in store.shards():
        truth = pq.read_table(store.path("truth", shard.number))
        identity = store.read(shard).windows.identity
        assert truth["obsid"].to_pylist() == identity["obsid"].to_pylist()
        assert truth["ra"].to_pylist() == identity["ra"].to_pylist()
    labels = [label for table in store.batches("truth") for label in table["label"].to_pylist()]
    assert np.mean(np.array(labels) != "absorption") == pytest.approx(0.3, abs=0.07)


def test_it_can_be_classified(store: WindowStore, classifier: Any, tmp_path: Path) -> None:
    scores, options = tmp_path / "scores", SurveyOptions(workers=1)
    tally = classify_with(store, classifier, scores, preprocess=store.preprocess, options=options)
    assert tally.inputs == 700
    assert read_scores(tmp_path / "scores")["layout"].null_count == 0


def test_two_processes_write_the_bytes_of_one(store: WindowStore, tmp_path: Path) -> None:
    simulate_store(tmp_path, SURVEY, workers=2)
    assert contents(tmp_path) == contents(store.directory)


def test_an_interrupted_simulation_goes_on(store: WindowStore, tmp_path: Path) -> None:
    simulate_store(tmp_path, SURVEY, workers=1)
    kept = tmp_path / "windows-000000.arrow"
    before = kept.stat().st_mtime_ns
    (tmp_path / "windows-000002.arrow").unlink()
    (tmp_path / "truth-000002.parquet").unlink()
    simulate_store(tmp_path, SURVEY, workers=1)
    assert contents(tmp_path) == contents(store.directory)
    assert kept.stat().st_mtime_ns == before


COMMAND = [sys.executable, "-m", "vo_emline", "-q", "simulate-survey", "--n", "60000", "--workers", "1"]


def test_killed_while_writing_it_goes_on(tmp_path: Path) -> None:
    """A kill at any moment leaves whole shards; the second start does the others."""
    directory = tmp_path / "store"
    with subprocess.Popen([*COMMAND, "--output", str(directory)]) as first:
        while not (directory / "windows-000002.arrow").is_file():
            assert first.poll() is None, "it was too fast to be killed"
            time.sleep(0.01)
        first.kill()
    with pytest.raises(UserError, match="not finished"):
        WindowStore.open(directory)
    subprocess.run([*COMMAND, "--output", str(directory)], check=True)
    store = WindowStore.open(directory)
    assert sum(len(one.windows) for _, one in store.read_all(store.shards())) == 60_000
    assert not list(directory.glob("*.part"))


def test_another_survey_is_not_mixed_in(store: WindowStore) -> None:
    with pytest.raises(UserError, match="another run"):
        simulate_store(store.directory, Synthetic(n=700, seed=4, shard_size=200))


def test_too_small_a_disk_is_told_before_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=5))
    with pytest.raises(UserError, match=r"needs 17\.0 GB of disk and 0\.0 GB are free"):
        simulate_store(tmp_path / "new", Synthetic(n=10_000_000))
    assert not (tmp_path / "new").exists()


def test_files_are_read_like_those_of_the_survey(tmp_path: Path) -> None:
    survey = Synthetic(n=13, seed=2, prevalence=0.5, shard_size=7)
    classes = simulate_files(tmp_path / "one", survey, workers=1)
    assert classes.total() == 13
    paths = find_spectra([tmp_path / "one"])
    windows, rejects = prepare(map(read, paths))
    assert (len(windows), rejects) == (13, [])
    assert (
        len(set(windows.identity["obsid"].drop_null().to_pylist()))
        == 13 - windows.identity["obsid"].null_count
    )
    simulate_files(tmp_path / "two", survey, workers=2)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_the_command_says_what_it_made(tmp_path: Path) -> None:
    arguments = ["simulate-survey", "--n", "1_000", "--output", str(tmp_path / "store"), "--workers", "1"]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    assert "absorption" in done.output
    assert WindowStore.open(tmp_path / "store").inputs == 1000

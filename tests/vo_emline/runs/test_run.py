"""A whole run at small size: through the program, killed half-way, started again."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest
from pyarrow import csv, parquet

from vo_emline.candidates import index_spectra
from vo_emline.simulate import write_lamost, write_ondrejov

pytestmark = pytest.mark.slow
N_SURVEY = 60


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small labelled archive and a small survey with three files that cannot be used."""
    root = tmp_path_factory.mktemp("inputs")
    write_ondrejov(root / "ondrejov", n_stars=60, per_star=2, seed=31)
    write_lamost(root / "lamost", n_stars=N_SURVEY - 3, seed=32)
    (root / "lamost" / "empty.fits").touch()
    (root / "lamost" / "foreign.fits").write_bytes(b"not a spectrum at all")
    (root / "lamost" / os.fsdecode(b"latin\xe9.fits")).touch()
    return root


def command(inputs: Path, run: Path) -> list[str]:
    return [
        sys.executable, "-m", "vo_emline", "run", "--training", f"{inputs}/ondrejov",
        "--labels", f"{inputs}/ondrejov/labels.csv", "--survey", f"{inputs}/lamost",
        "--output", str(run), "--simulate", "600", "--epochs", "2", "--workers", "1",
    ]  # fmt: skip


@pytest.fixture(scope="module")
def run(inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run that was killed when its training set was done."""
    directory = tmp_path_factory.mktemp("runs") / "run"
    environment = {**os.environ, "JAX_PLATFORMS": "cpu"}
    with subprocess.Popen(command(inputs, directory), env=environment, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            if (directory / "training" / "labels.parquet").exists():
                process.send_signal(signal.SIGKILL)
            time.sleep(0.05)
    assert process.returncode == -signal.SIGKILL
    assert not (directory / "release.duckdb").exists()
    subprocess.run(command(inputs, directory), env=environment, check=True, capture_output=True, text=True)
    return directory


def test_a_second_start_finishes_and_a_third_does_nothing(run: Path, inputs: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in (run / "survey").iterdir()}
    done = subprocess.run(command(inputs, run), check=True, capture_output=True, text=True)
    assert done.stdout.count("already done") == 8
    assert {path: path.stat().st_mtime_ns for path in (run / "survey").iterdir()} == before


def test_what_was_removed_is_made_again(run: Path, inputs: Path, tmp_path: Path) -> None:
    twin = tmp_path / "twin"
    shutil.copytree(run, twin)
    shutil.rmtree(twin / "training")
    (twin / "release.duckdb").unlink()
    done = subprocess.run(command(inputs, twin), check=True, capture_output=True, text=True)
    assert done.stdout.count("already done") == 4  # network, line regression, familiarity, survey
    assert (twin / "release.duckdb").is_file()


def test_rows_in_are_candidates_others_and_rejects(run: Path) -> None:
    with duckdb.connect(str(run / "release.duckdb"), read_only=True) as database:
        count = {
            name: database.sql(f"SELECT count(*) FROM emline.{name}").fetchall()[0][0]
            for name in ("candidates", "scores", "rejects")
        }
        codes = database.sql("SELECT source, code FROM emline.rejects ORDER BY 1").fetchall()
    assert count["scores"] + count["rejects"] == N_SURVEY
    assert {"empty.fits", "foreign.fits"} <= {source for source, _ in codes}
    facts = json.loads((run / "run.json").read_text())["steps"]["release"]
    assert facts["candidates"] == count["candidates"]
    assert facts["candidates"] + facts["others"] == count["scores"]


def test_the_run_directory_holds_what_the_docs_promise(run: Path) -> None:
    names = {path.name for path in run.iterdir()}
    assert names >= {"config.toml", "run.json", "run.log", "metrics.json", "release.duckdb"}
    assert {path.stem for path in (run / "figures").glob("*.png")} >= {"training-curve", "confusion"}
    metrics = json.loads((run / "metrics.json").read_text())
    assert set(metrics["by_origin"]) == {"labelled", "simulated"}
    assert metrics["network"]["n_stars"] > 0
    scores = parquet.read_table(run / "tables" / "scores.parquet")
    assert abs(scores["p_absorption"][0].as_py() + scores["score"][0].as_py() - 1) < 1e-5


def test_classify_writes_one_row_per_file(run: Path, inputs: Path, tmp_path: Path) -> None:
    output = tmp_path / "result.csv"
    arguments = ["classify", f"{inputs}/lamost", "--run", str(run), "--output", str(output)]
    subprocess.run([sys.executable, "-m", "vo_emline", *arguments], check=True, capture_output=True)
    rows = csv.read_csv(output).to_pylist()
    assert len(rows) == N_SURVEY
    refused = {Path(row["file"]).name: row for row in rows if not row["label"]}
    assert refused["empty.fits"]["reason"] == "the file is empty"
    assert refused["empty.fits"]["p_emission"] is None
    assert "not valid UTF-8" in refused[r"latin\xe9.fits"]["reason"]
    wanted = "file label p_absorption p_emission p_double_peak snr_r obsid designation ra dec flags"
    assert set(wanted.split()) <= set(rows[0])


def test_another_folder_is_not_overwritten(inputs: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    done = subprocess.run(command(inputs, tmp_path), capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "holds something that is no run" in done.stderr


def test_a_store_of_windows_gives_the_release_that_its_files_give(
    run: Path, inputs: Path, tmp_path: Path
) -> None:
    def start(*arguments: str) -> None:
        subprocess.run([sys.executable, "-m", "vo_emline", *arguments], check=True, capture_output=True)

    store, twin = tmp_path / "store", tmp_path / "twin"
    start("ingest", f"{inputs}/lamost", "--output", str(store), "--run", str(run), "--workers", "1")
    shutil.copytree(run, twin)
    start(*[str(store) if word == f"{inputs}/lamost" else word for word in command(inputs, twin)[3:]])
    assert json.loads((twin / "run.json").read_text())["steps"]["survey"]["inputs_total"] == N_SURVEY
    for name in ("candidates", "scores", "rejects"):
        one, other = (parquet.read_table(at / "tables" / f"{name}.parquet") for at in (run, twin))
        assert one.equals(other)
    output = tmp_path / "result.csv"
    start("classify", str(store), "--run", str(run), "--output", str(output))
    rows = csv.read_csv(output).to_pylist()
    assert len({row["file"] for row in rows}) == N_SURVEY


def test_the_index_of_a_release_is_that_of_its_files(run: Path) -> None:
    with duckdb.connect(str(run / "release.duckdb"), read_only=True) as database:
        stored = database.sql("SELECT * EXCLUDE hpx10 FROM internal.spectra ORDER BY path").to_arrow_table()
    paths = [Path(path) for path in stored["path"].to_pylist()]
    made, rejects = index_spectra(paths)
    assert not rejects
    assert stored.num_rows > N_SURVEY / 2
    assert stored.to_pylist() == made.select(stored.column_names).to_pylist()

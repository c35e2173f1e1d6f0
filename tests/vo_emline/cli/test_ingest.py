from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from vo_emline.cli import app
from vo_emline.simulate import write_lamost
from vo_emline.survey import WindowStore


@pytest.fixture(scope="module")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mirror")
    write_lamost(folder / "a", n_stars=4, seed=3)
    write_lamost(folder / "b", n_stars=3, seed=4)
    (folder / "b" / "empty.fits").touch()
    return folder


def test_folders_become_a_store_with_the_reasons_of_the_rest(mirror: Path, tmp_path: Path) -> None:
    output = tmp_path / "store"
    arguments = ["ingest", f"{mirror}/a", f"{mirror}/b", "--output", str(output), "--workers", "1"]
    for _ in range(2):
        done = CliRunner().invoke(app, arguments, catch_exceptions=False)
        assert done.exit_code == 0
        assert [line.split() for line in done.stderr.splitlines()] == [
            ["7", "windows", "in", str(output)],
            ["1", "empty"],
            ["2", "passed", "over:", "a", "table", "beside", "spectra", "(truth.csv,", "…)"],
        ]
    assert WindowStore.open(output).inputs == 8


def test_a_folder_that_is_no_run_is_refused(mirror: Path, tmp_path: Path) -> None:
    arguments = ["ingest", str(mirror), "--output", str(tmp_path / "store"), "--run", str(tmp_path)]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code != 0
    assert "no trained model" in str(done.exception)

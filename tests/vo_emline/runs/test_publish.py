"""Publishing a survey of real files, as an operator does; and what its objects are known as."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from vo_emline.errors import UserError
from vo_emline.rundir import DEFAULT_MODEL, RunDirectory
from vo_emline.runs.publish import find_publication, missing_files, publish
from vo_emline.survey import classify_survey

COUNTS = "SELECT (SELECT count(*) FROM emline.scores), (SELECT count(*) FROM emline.rejects)"


@pytest.fixture(scope="module")
def survey(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Real LAMOST spectra, named by relative paths and classified with the model that ships."""
    output = tmp_path_factory.mktemp("publish") / "survey"
    before = Path.cwd()
    os.chdir(shared_data)
    try:
        classify_survey([Path("lamost/dr1")], output, model=DEFAULT_MODEL)
    finally:
        os.chdir(before)
    return output


def command(*arguments: str | Path, folder: Path) -> subprocess.CompletedProcess[str]:
    call = [sys.executable, "-m", "vo_emline", "publish", *map(str, arguments)]
    return subprocess.run(call, capture_output=True, text=True, check=False, cwd=folder)


def test_a_survey_is_published_from_any_folder(survey: Path, shared_data: Path, tmp_path: Path) -> None:
    done = command(survey, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "not found" not in done.stderr
    release = survey / "release.duckdb"
    with duckdb.connect(str(release), read_only=True) as database:
        scores, rejects = database.sql(COUNTS).fetchall()[0]
        paths = {row[0] for row in database.sql("SELECT path FROM internal.spectra").fetchall()}
        (run_id,) = database.sql("SELECT DISTINCT run_id FROM emline.scores").fetchall()[0]
    assert scores + rejects == len(list((shared_data / "lamost/dr1").rglob("*.fits*")))
    assert all(Path(path).is_file() for path in paths)
    assert run_id.startswith("survey-")
    assert missing_files(release) == []


def test_files_that_are_not_there_are_told(survey: Path, tmp_path: Path) -> None:
    release = tmp_path / "r.duckdb"
    done = command(survey, "--output", release, "--relative-to", tmp_path, folder=tmp_path)
    assert done.returncode == 0
    assert f"not found: {tmp_path}/lamost" in done.stderr


def test_a_release_has_the_catalogues_and_the_authority_asked_for(survey: Path, tmp_path: Path) -> None:
    catalogue = tmp_path / "known.csv"
    catalogue.write_text("name,ra,dec,type\nnowhere,10.0,-89.0,Be\n")
    release = tmp_path / "r.duckdb"
    publish(find_publication(survey), output=release, known=[str(catalogue)], authority="data.example")
    with duckdb.connect(str(release), read_only=True) as database:
        said = database.sql("SELECT DISTINCT known_as FROM emline.candidates").fetchall()
        dids = database.sql("SELECT obs_publisher_did FROM emline.scores").fetchall()
    assert said in ([("not in known",)], [])
    assert all(did.startswith("ivo://data.example/~?lamost-lrs/") for (did,) in dids)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
def test_a_whole_survey_is_named_without_its_folder(survey: Path, tmp_path: Path) -> None:
    lsdb, pandas = pytest.importorskip("lsdb"), pytest.importorskip("pandas")
    stars = pandas.DataFrame({"ra": [10.0, 200.0], "dec": [-89.0, 80.0], "name": ["one", "two"]})
    lsdb.from_dataframe(stars, catalog_name="deep").write_catalog(tmp_path / "deep.sky")
    release = tmp_path / "r.duckdb"
    publish(find_publication(survey), output=release, known=[str(tmp_path / "deep.sky")])
    with duckdb.connect(str(release), read_only=True) as database:
        facts = dict(database.sql("SELECT key, value FROM internal.metadata").fetchall())
    assert facts["known_in"] == "deep.sky"


def test_what_cannot_be_published_is_said(survey: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no finished survey"):
        find_publication(tmp_path)
    with pytest.raises(UserError, match="no catalogue 'nonsense'"):
        publish(find_publication(survey), output=tmp_path / "r.duckdb", known=["nonsense"])
    done = command(tmp_path, folder=tmp_path)
    assert done.returncode == 2
    assert "no finished survey" in done.stderr
    assert not (tmp_path / "r.duckdb").exists()
    (tmp_path / "r.duckdb").touch()
    done = command(tmp_path / "r.duckdb", folder=tmp_path)
    assert done.returncode == 2
    assert "is a release already; --database says where to load it" in done.stderr


def test_a_run_is_published_under_its_own_name(survey: Path, tmp_path: Path) -> None:
    run = RunDirectory(tmp_path / "run")
    run.root.mkdir()
    run.survey.symlink_to(survey)
    run.manifest.write_text(
        '{"run_id": "run-9", "created": "2026", "version": "1", "steps": {}, "begun": {}}'
    )
    run.config.write_text('authority = "run.example"\n')
    run.tables.mkdir()
    publish(find_publication(run.root))
    with duckdb.connect(str(run.release), read_only=True) as database:
        facts = dict(database.sql("FROM internal.metadata").fetchall())
        (did,) = database.sql("SELECT obs_publisher_did FROM emline.scores LIMIT 1").fetchall()[0]
    assert facts["run_id"] == "run-9"
    assert facts["created"] == "2026"
    assert did.startswith("ivo://run.example/")
    assert {path.name for path in run.tables.iterdir()} >= {"candidates.vot", "scores.parquet"}

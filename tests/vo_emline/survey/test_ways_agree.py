"""Files to a table and anything to a survey: the same labels, scores and measured lines, to the last bit."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from vo_emline.candidates import CLASSIFIED, arrow_schema
from vo_emline.rundir import DEFAULT_MODEL
from vo_emline.runs.classify import classify_paths, classify_windows
from vo_emline.spectra import find_spectra
from vo_emline.survey import (
    SCORES_SCHEMA,
    Start,
    SurveyOptions,
    WindowStore,
    classify_survey,
    read_rejects,
    read_scores,
)
from vo_emline.survey.ingest import ingest
from vo_emline.training import ModelDescription

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folders(shared_data: Path) -> list[Path]:
    """Real spectra with and without emission, and files that are none."""
    return [shared_data / name for name in ("lamost", "formats", "catalogues")]


@pytest.fixture(scope="module")
def surveyed(folders: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("ways") / "survey"
    options = SurveyOptions(shard_size=50, workers=1)
    classify_survey(folders, output, model=DEFAULT_MODEL, options=options, start=Start(place="here"))
    return output


def shared_columns(rows: pa.Table) -> pa.Table:
    """Rows that were classified, the columns that both kinds of table have, by file."""
    published = {field.name: field for field in arrow_schema(CLASSIFIED) if field.name != "designation"}
    names = [name for name in SCORES_SCHEMA.names if name in published]
    types = pa.schema([published[name] for name in names])  # the S/N is published with fewer digits
    key = "file" if "file" in rows.column_names else "source"
    return rows.filter(pc.not_equal(rows["label"], "")).sort_by(key).select(names).cast(types)


def test_the_cascade_takes_part(surveyed: Path) -> None:
    flags = read_scores(surveyed)["flags"].to_pylist()
    assert 0 < sum("screened" in text for text in flags) < len(flags)


def test_files_to_a_table_agree_with_the_survey(folders: list[Path], surveyed: Path) -> None:
    paths = find_spectra(folders)
    rows = classify_paths(paths, DEFAULT_MODEL)
    assert rows["file"].to_pylist() == [str(path) for path in paths]
    assert shared_columns(rows).equals(shared_columns(read_scores(surveyed)))
    refused = rows.filter(pc.equal(rows["label"], "")).sort_by("file")
    rejects = read_rejects(surveyed).sort_by("source")
    assert refused["file"].to_pylist() == rejects["source"].to_pylist()
    assert refused["reason"].to_pylist() == rejects["message"].to_pylist()
    assert refused["flags"].to_pylist() == rejects["code"].to_pylist()


def test_workers_and_other_shards_agree(folders: list[Path], surveyed: Path, tmp_path: Path) -> None:
    options = SurveyOptions(shard_size=33, workers=2)
    classify_survey(folders, tmp_path, model=DEFAULT_MODEL, options=options, start=Start(place="workers"))
    assert read_scores(tmp_path).equals(read_scores(surveyed))


def test_a_store_of_windows_agrees(folders: list[Path], surveyed: Path, tmp_path: Path) -> None:
    preprocess = ModelDescription.read(DEFAULT_MODEL).preprocess
    ingest(find_spectra(folders), tmp_path / "store", preprocess=preprocess, shard_size=40, workers=1)
    options = SurveyOptions(workers=1)
    classify_survey([tmp_path / "store"], tmp_path / "survey", model=DEFAULT_MODEL, options=options)
    assert read_scores(tmp_path / "survey").equals(read_scores(surveyed))
    rows = classify_windows(WindowStore.open(tmp_path / "store"), DEFAULT_MODEL)
    assert shared_columns(rows).equals(shared_columns(read_scores(surveyed)))

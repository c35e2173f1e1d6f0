"""The engine of surveys: parts, assembling, limits, stores, lists, damage; rows in are scores and rejects."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from concurrent.futures import Executor, Future
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from astropy.io.votable import parse_single_table

from vo_emline.candidates import CANDIDATES
from vo_emline.candidates.counted import read_summary
from vo_emline.errors import EmlineError, UserError
from vo_emline.labels import LABELS
from vo_emline.preprocess import GRID, WindowSet
from vo_emline.rundir import DEFAULT_MODEL
from vo_emline.simulate import write_lamost
from vo_emline.spectra import HALPHA_VAC
from vo_emline.survey import (
    Start,
    SurveyOptions,
    SurveySummary,
    Tally,
    classify_survey,
    estimate,
    finish_survey,
    read_rejects,
    read_scores,
    survey,
    work,
)
from vo_emline.survey.counts import describe
from vo_emline.survey.ingest import ingest
from vo_emline.survey.shards import locked
from vo_emline.survey.sources import read_passed_over
from vo_emline.training import ModelDescription

OPTIONS = SurveyOptions(shard_size=4, workers=1)
HERE = Start(place="here")


class Peak:
    """Calls what rises at Hα emission."""

    version = "peak"

    def predict_windows(self, windows: WindowSet, *, shares: Sequence[float] | None = None) -> Any:
        peak = windows.flux[:, np.abs(GRID - HALPHA_VAC) < 5].mean(axis=1)
        p = 1 / (1 + np.exp(-3 * (peak + 1)))
        return np.stack([1 - p, 0.9 * p, 0.1 * p], axis=1).astype(np.float32)


@pytest.fixture(autouse=True)
def quick_network(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (survey, estimate):
        monkeypatch.setattr(module, "load_scorer", lambda *_: Peak())


@pytest.fixture(scope="module")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bulk")
    for night in ("a", "b"):
        write_lamost(folder / night, n_stars=9, seed=ord(night))
    shutil.copy(next((folder / "a").glob("*.fits")), folder / "b")  # one name in two folders
    (folder / "b" / "notes.txt").write_text("no spectrum at all\n")
    return folder


def contents(directory: Path) -> dict[str, bytes]:
    return {
        path.name: path.read_bytes()
        for path in directory.iterdir()
        if path.is_file() and not path.name.startswith(".lock")
    }


def whole(mirror: Path, output: Path, **more: Any) -> SurveySummary:
    more = {"options": OPTIONS, "start": HERE} | more
    done = classify_survey([mirror], output, model=DEFAULT_MODEL, **more)
    assert isinstance(done, SurveySummary)
    return done


def test_every_input_is_a_row_and_the_summary_says_from_what(mirror: Path, tmp_path: Path) -> None:
    summary = whole(mirror, tmp_path)
    assert summary.inputs == 20 == summary.scores + sum(summary.rejects.values())
    assert summary.rejects == {"not_a_spectrum": 1}
    sources = read_scores(tmp_path)["source"].to_pylist() + read_rejects(tmp_path)["source"].to_pylist()
    assert len(set(sources)) == 20
    facts = json.loads((tmp_path / "summary.json").read_text())
    description = ModelDescription.read(DEFAULT_MODEL)
    assert facts["model_version"] == description.version
    assert facts["model_sha256"] == description.sha256
    assert facts["run_id"].startswith("survey-")
    assert facts["preprocess"]["scaling"] == description.preprocess.scaling
    (session,) = (json.loads(path.read_text()) for path in (tmp_path / "sessions").iterdir())
    assert session["spectra"] == 20
    assert set(session["stages"]) == {"read", "predict", "write"}
    assert session["ended"] >= session["began"]


def test_every_other_file_of_the_folders_is_accounted_for(mirror: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(mirror, tmp_path / "mirror")
    for name in ("a/spectra.list.bak", "b/plot.pdf", "b/image.pdf"):
        (folder / name).write_bytes(b"%PDF-1.4 no spectrum")
    summary = whole(folder, tmp_path / "survey")
    account = read_passed_over(tmp_path / "survey")
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert summary.inputs + len(account) == len(files)
    named = {Path(name).name for first in account.examples.values() for name in first}
    assert {"plot.pdf", "image.pdf"} <= named
    (tmp_path / "survey" / "passed-over.json").write_text('{"other": 3}')
    with pytest.raises(UserError, match=r"passed-over\.json is damaged"):
        read_passed_over(tmp_path / "survey")


def test_candidates_are_the_positive_rows_in_the_order_of_the_inputs(mirror: Path, tmp_path: Path) -> None:
    whole(mirror, tmp_path)
    scores = [row for row in read_scores(tmp_path).to_pylist() if row["label"] != LABELS[0]]
    assert scores
    table = pq.read_table(tmp_path / "candidates.parquet")
    assert table.column_names == [column.name for column in CANDIDATES.stored]
    assert table["score"].to_pylist() == [row["score"] for row in scores]
    assert len(set(table["obs_publisher_did"].to_pylist())) == len(table)
    assert table.schema.field("ra").metadata[b"unit"] == b"deg"
    votable = parse_single_table(tmp_path / "candidates.vot")
    assert votable.array["score"].tolist() == table["score"].to_pylist()
    assert votable.array["candidate_id"].tolist() == table["candidate_id"].to_pylist()
    assert votable.get_field_by_id_or_name("ra").ucd == "pos.eq.ra;meta.main"


def test_a_second_start_does_nothing_and_says_the_same(mirror: Path, tmp_path: Path) -> None:
    first = whole(mirror, tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir() if path.is_file()}
    assert whole(mirror, tmp_path) == first
    assert {path: path.stat().st_mtime_ns for path in before} == before


@pytest.mark.parametrize("after", [0, 1, 3])
def test_interrupted_it_goes_on_to_the_same_bytes(
    mirror: Path, tmp_path: Path, after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Interrupted(Peak):
        calls = 0

        def predict_windows(self, windows: WindowSet, *, shares: Sequence[float] | None = None) -> Any:
            if self.calls == after:
                raise KeyboardInterrupt
            self.calls += 1
            return super().predict_windows(windows)

    with monkeypatch.context() as patch:
        patch.setattr(survey, "load_scorer", lambda *_: Interrupted())
        with pytest.raises(KeyboardInterrupt):
            whole(mirror, tmp_path / "broken")
    assert len(list((tmp_path / "broken").glob("scores-*"))) == after
    whole(mirror, tmp_path / "broken")
    whole(mirror, tmp_path / "whole")
    assert contents(tmp_path / "broken") == contents(tmp_path / "whole")


def test_other_inputs_or_another_model_need_another_directory(mirror: Path, tmp_path: Path) -> None:
    whole(mirror, tmp_path)
    with pytest.raises(UserError, match="different sources"):
        whole(mirror / "a", tmp_path)
    with pytest.raises(UserError, match="different options"):
        whole(mirror, tmp_path, options=OPTIONS.model_copy(update={"low_snr": 3.0}))


def test_a_dead_worker_is_said_and_finished_shards_stay(
    mirror: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Dying(Executor):
        left = 3

        def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
            self.left -= 1
            future: Future[Any] = Future()
            if self.left >= 0:
                future.set_result(fn(*args, **kwargs))
            else:
                future.set_exception(BrokenProcessPool("a child was killed"))
            return future

    monkeypatch.setattr(work, "load_scorer", lambda *_: Peak())
    with pytest.raises(EmlineError, match="finished shards are kept"):
        whole(mirror, tmp_path, executor=Dying())
    assert len(list(tmp_path.glob("scores-*"))) == 3
    assert whole(mirror, tmp_path).inputs == 20


def test_lost_rows_are_noticed_and_their_shard_is_done_again(mirror: Path, tmp_path: Path) -> None:
    whole(mirror, tmp_path)
    before = contents(tmp_path)
    path = tmp_path / "scores-000000.parquet"
    pq.write_table(pq.read_table(path).slice(1), path)
    with pytest.raises(UserError, match="shard 0 holds 3 rows of 4 inputs"):
        finish_survey([mirror], tmp_path, model=DEFAULT_MODEL, options=OPTIONS, start=HERE)
    whole(mirror, tmp_path)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("name", ["scores-000001.parquet", "rejects-000002.parquet"])
def test_a_damaged_shard_is_done_again_alone(mirror: Path, tmp_path: Path, name: str) -> None:
    whole(mirror, tmp_path)
    before = contents(tmp_path)
    (tmp_path / name).write_bytes(before[name][:-20])
    with pytest.raises(UserError, match=r"shard \d of .* is damaged .* only this shard is done anew"):
        finish_survey([mirror], tmp_path, model=DEFAULT_MODEL, options=OPTIONS, start=HERE)
    others = {
        path: path.stat().st_mtime_ns for path in tmp_path.glob("*-*.parquet") if name[-9] not in path.name
    }
    whole(mirror, tmp_path)
    assert contents(tmp_path) == before
    assert {path: path.stat().st_mtime_ns for path in others} == others


@pytest.mark.parametrize("content", [b"", b"{", b"[]"])
def test_a_damaged_manifest_costs_no_work(mirror: Path, tmp_path: Path, content: bytes) -> None:
    whole(mirror, tmp_path)
    before = contents(tmp_path)
    (tmp_path / "manifest.json").write_bytes(content)
    with pytest.raises(UserError, match=r"manifest\.json .*remove it and give the command again"):
        whole(mirror, tmp_path)
    (tmp_path / "manifest.json").unlink()
    times = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*-*.parquet")}
    whole(mirror, tmp_path)
    assert contents(tmp_path) == before
    assert {path: path.stat().st_mtime_ns for path in times} == times


@pytest.mark.parametrize("content", [b"", b"{}", b'{"inputs": 3}'])
def test_a_damaged_summary_is_written_anew(mirror: Path, tmp_path: Path, content: bytes) -> None:
    whole(mirror, tmp_path)
    before = contents(tmp_path)
    (tmp_path / "summary.json").write_bytes(content)
    with pytest.raises(UserError, match=r"summary\.json is damaged"):
        read_summary(tmp_path)
    whole(mirror, tmp_path)
    assert contents(tmp_path) == before


def test_a_last_step_that_failed_is_finished_without_the_work(
    mirror: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> int:
        raise ValueError("a position that is none")

    whole(mirror, tmp_path / "whole")
    with monkeypatch.context() as patch:
        patch.setattr(survey, "write_candidates", fails)
        with pytest.raises(ValueError, match="a position that is none"):
            whole(mirror, tmp_path / "failed")
    assert len(list((tmp_path / "failed").glob("scores-*"))) == 5
    monkeypatch.setattr(survey, "load_scorer", fails)
    assert finish_survey([mirror], tmp_path / "failed", model=DEFAULT_MODEL, options=OPTIONS).inputs == 20
    assert contents(tmp_path / "failed") == contents(tmp_path / "whole")


def test_no_candidates_are_a_table_without_rows(mirror: Path, tmp_path: Path) -> None:
    notes = whole(mirror / "b" / "notes.txt", tmp_path)
    assert (notes.inputs, notes.scores) == (1, 0)
    assert len(pq.read_table(tmp_path / "candidates.parquet")) == 0
    assert len(parse_single_table(tmp_path / "candidates.vot").array) == 0


@pytest.mark.parametrize("n", [1, 2, 3, 7])
def test_parts_cover_everything_once_and_are_assembled_to_the_same_bytes(
    mirror: Path, tmp_path: Path, n: int
) -> None:
    whole(mirror, tmp_path / "whole")
    together = tmp_path / "together"
    tallies = []
    for i in range(n, 0, -1):
        start = Start(part=(i, n), place="here")
        done = classify_survey([mirror], together, model=DEFAULT_MODEL, options=OPTIONS, start=start)
        assert isinstance(done, Tally)
        assert not (together / "summary.json").exists()
        tallies.append(done.inputs_now)
    assert sum(tallies) == 20
    assert finish_survey([mirror], together, model=DEFAULT_MODEL, options=OPTIONS, start=HERE).inputs == 20
    assert contents(together) == contents(tmp_path / "whole")
    assert sorted(path.name for path in together.glob(".*")) == [".lock"]


def test_parts_on_machines_that_share_nothing_can_be_copied_together(mirror: Path, tmp_path: Path) -> None:
    whole(mirror, tmp_path / "whole")
    for i in (1, 2):
        start = Start(part=(i, 2), place="here")
        classify_survey([mirror], tmp_path / f"m{i}", model=DEFAULT_MODEL, options=OPTIONS, start=start)
    shutil.copytree(tmp_path / "m2", tmp_path / "m1", dirs_exist_ok=True)
    finish_survey([mirror], tmp_path / "m1", model=DEFAULT_MODEL, options=OPTIONS, start=HERE)
    assert contents(tmp_path / "m1") == contents(tmp_path / "whole")


def test_assembling_too_early_names_what_is_missing(mirror: Path, tmp_path: Path) -> None:
    start = Start(part=(2, 2), place="here")
    classify_survey([mirror], tmp_path, model=DEFAULT_MODEL, options=OPTIONS, start=start)
    with pytest.raises(UserError, match=r"3 of 5 shards of .* are not finished \(the first is 0\)"):
        finish_survey([mirror], tmp_path, model=DEFAULT_MODEL, options=OPTIONS, start=HERE)


def test_two_processes_do_not_do_the_same(mirror: Path, tmp_path: Path) -> None:
    part = Start(part=(1, 2), place="here")
    with locked(tmp_path, part=(2, 2)):
        classify_survey([mirror], tmp_path, model=DEFAULT_MODEL, options=OPTIONS, start=part)  # another part
        with pytest.raises(UserError, match="another process is at work"):
            finish_survey([mirror], tmp_path, model=DEFAULT_MODEL, options=OPTIONS, start=HERE)
    with locked(tmp_path, part=(1, 2)), pytest.raises(UserError, match="another process is at work"):
        classify_survey([mirror], tmp_path, model=DEFAULT_MODEL, options=OPTIONS, start=part)


def test_a_limit_takes_the_first_inputs(mirror: Path, tmp_path: Path) -> None:
    start = Start(limit=6, place="here")
    assert whole(mirror, tmp_path / "six", start=start).inputs == 6
    whole(mirror, tmp_path / "whole")
    first = read_scores(tmp_path / "whole")["source"].to_pylist()[:6]
    assert read_scores(tmp_path / "six")["source"].to_pylist() == first
    with pytest.raises(UserError, match=r"another run \(different limit\)"):
        whole(mirror, tmp_path / "six")


def test_a_store_gives_the_results_of_its_files(mirror: Path, tmp_path: Path) -> None:
    preprocess = ModelDescription.read(DEFAULT_MODEL).preprocess
    files = [path for path in sorted(mirror.rglob("*")) if path.is_file() and path.name != "truth.csv"]
    ingest(files, tmp_path / "store", preprocess=preprocess, shard_size=4, workers=1)
    listed = tmp_path / "list.txt"
    listed.write_text("".join(f"{path}\n" for path in files))
    whole(tmp_path / "store", tmp_path / "of-store")
    whole(listed, tmp_path / "of-list")
    assert read_scores(tmp_path / "of-store").equals(read_scores(tmp_path / "of-list"))
    tables = [tmp_path / name / "scores-000001.parquet" for name in ("of-store", "of-list")]
    assert tables[0].read_bytes() == tables[1].read_bytes()
    limited = Start(limit=5, place="here")
    assert whole(tmp_path / "store", tmp_path / "limited", start=limited).inputs == 8  # whole shards


def test_what_came_to_the_mirror_later_is_left_to_another_survey(mirror: Path, tmp_path: Path) -> None:
    grows = tmp_path / "mirror"
    shutil.copytree(mirror, grows)
    start = Start(part=(1, 2), place="here")
    classify_survey([grows], tmp_path / "survey", model=DEFAULT_MODEL, options=OPTIONS, start=start)
    write_lamost(grows / "c", n_stars=3, seed=9)
    assert whole(grows, tmp_path / "survey").inputs == 20
    assert whole(grows, tmp_path / "later").inputs == 23


def test_a_lost_shard_and_a_lost_table_are_made_again(mirror: Path, tmp_path: Path) -> None:
    whole(mirror, tmp_path)
    before = contents(tmp_path)
    (tmp_path / "scores-000002.parquet").unlink()
    (tmp_path / "candidates.vot").unlink()
    whole(mirror, tmp_path)
    assert contents(tmp_path) == before


def test_a_dry_run_counts_measures_and_leaves_nothing(mirror: Path, tmp_path: Path) -> None:
    output = tmp_path / "survey"
    found = estimate.estimate([mirror], output, model=DEFAULT_MODEL, options=OPTIONS, start=HERE)
    assert (found.inputs, found.shards, found.finished, found.left) == (20, 5, 0, 20)
    assert found.sample == 20
    assert not output.exists()
    assert 10 < found.bytes_per_input < 20_000
    assert found.disk == pytest.approx(20 * found.bytes_per_input)
    assert found.duration.total_seconds() == pytest.approx(20 / found.rate + estimate.START_S, abs=1)
    part = Start(part=(1, 2), place="here")
    classify_survey([mirror], output, model=DEFAULT_MODEL, options=OPTIONS, start=part)
    before = contents(output)
    found = estimate.estimate([mirror], output, model=DEFAULT_MODEL, options=OPTIONS, start=HERE)
    assert (found.finished, found.left) == (3, 8)
    assert "12 in 3 shards; 8 to do" in found.text()
    assert contents(output) == before


def test_a_dry_run_says_when_the_disk_is_too_small() -> None:
    small = estimate.Estimate(
        inputs=11_000_000, shards=2750, finished=0, left=11_000_000, sample=1000, workers=2,
        seconds={"read": 2e-4, "predict": 1e-4, "write": 2e-5}, bytes_per_input=250, free=1_000_000,
    )  # fmt: skip
    assert small.rate == pytest.approx(1 / 2.1e-4)
    assert "0:38:36 to go" in small.text()
    assert "2.75 GB more, 1 MB free  NOT ENOUGH" in small.text()


def test_the_report_tells_classes_rejects_and_where(mirror: Path, tmp_path: Path) -> None:
    summary = whole(mirror, tmp_path)
    text = describe(summary, tmp_path)
    assert f"{summary.classes['absorption']:10d}  absorption\n" in text
    assert "         1  rejected: not_a_spectrum\n" in text
    assert text.endswith("candidates.vot, candidates.parquet, summary.json")

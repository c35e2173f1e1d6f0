"""The bulk engine: resumable, idempotent, nothing lost or doubled."""

from __future__ import annotations

import hashlib
import signal
import subprocess
import sys
import textwrap
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from vo_emline.errors import EmlineError, UserError
from vo_emline.preprocess import PreprocessOptions
from vo_emline.survey import SurveyOptions, SurveySummary, classify_survey, read_rejects, read_scores

OPTIONS = SurveyOptions(shard_size=4, workers=1)


def run(files: list[Path], classifier: Any, directory: Path, **more: Any) -> SurveySummary:
    more.setdefault("options", OPTIONS)
    return classify_survey(files, classifier, directory, preprocess=PreprocessOptions(), **more)


def contents(directory: Path) -> dict[str, str]:
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in directory.iterdir()
        if path.suffix == ".parquet"
    }


def test_every_file_is_a_score_or_a_reject(files: list[Path], classifier: Any, tmp_path: Path) -> None:
    summary = run(files, classifier, tmp_path)
    assert summary.inputs == len(files) == 14
    assert sum(summary.classes.values()) == 12
    assert summary.rejects == {"not_a_spectrum": 1, "truncated": 1}
    sources = read_scores(tmp_path)["source"].to_pylist() + read_rejects(tmp_path)["source"].to_pylist()
    assert sorted(sources) == sorted(map(str, files))
    assert len(list(tmp_path.glob("scores-*.parquet"))) == 4


def test_a_second_run_does_nothing_and_says_the_same(
    files: list[Path], classifier: Any, tmp_path: Path
) -> None:
    first = run(files, classifier, tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.parquet")}
    assert run(files, classifier, tmp_path) == first
    assert {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.parquet")} == before


@pytest.mark.parametrize("after", [0, 1, 3])
def test_interrupted_it_goes_on_to_the_same_bytes(
    files: list[Path], classifier: Any, tmp_path: Path, after: int
) -> None:
    class Interrupted(type(classifier)):  # type: ignore[misc]
        calls = 0

        def predict_windows(self, windows: Any, *, shares: Any = None) -> Any:
            if self.calls == after:
                raise KeyboardInterrupt
            self.calls += 1
            return super().predict_windows(windows)

    with pytest.raises(KeyboardInterrupt):
        run(files, Interrupted(), tmp_path / "broken")
    assert len(list((tmp_path / "broken").glob("scores-*"))) == after
    run(files, classifier, tmp_path / "broken")
    run(files, classifier, tmp_path / "whole")
    assert contents(tmp_path / "broken") == contents(tmp_path / "whole")


KILLED = """
    import os, signal, sys
    from pathlib import Path
    import numpy as np
    from vo_emline.preprocess import PreprocessOptions
    from vo_emline.survey import SurveyOptions, classify_survey
    from vo_emline.survey.shards import ShardStore

    class Flat:
        version = "flat"
        def predict_windows(self, windows, *, shares=None):
            return np.tile(np.array([0.8, 0.1, 0.1], dtype=np.float32), (len(windows), 1))

    directory, kill_after, *files = sys.argv[1:]
    if kill_after != "never":
        write, done = ShardStore.write, []
        def deadly(self, *args, **kwargs):
            if len(done) == int(kill_after):
                os.kill(os.getpid(), signal.SIGKILL)
            write(self, *args, **kwargs)
            done.append(1)
        ShardStore.write = deadly
    classify_survey([Path(f) for f in files], Flat(), Path(directory), preprocess=PreprocessOptions(),
                    options=SurveyOptions(shard_size=3, workers=1))
"""


@pytest.mark.slow
def test_killed_without_warning_it_goes_on_to_the_same_bytes(files: list[Path], tmp_path: Path) -> None:
    def start(directory: str, kill_after: str) -> int:
        command = [sys.executable, "-c", textwrap.dedent(KILLED), str(tmp_path / directory), kill_after]
        return subprocess.run([*command, *map(str, files)], check=False).returncode

    assert start("whole", "never") == 0
    assert start("killed", "1") == -signal.SIGKILL
    assert start("killed", "2") == -signal.SIGKILL
    assert start("killed", "never") == 0
    assert contents(tmp_path / "killed") == contents(tmp_path / "whole")


@pytest.mark.slow
def test_processes_give_the_same_bytes_as_one(files: list[Path], classifier: Any, tmp_path: Path) -> None:
    run(files, classifier, tmp_path / "one")
    run(files, classifier, tmp_path / "two", options=OPTIONS.model_copy(update={"workers": 2}))
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_any_executor_reads(files: list[Path], classifier: Any, tmp_path: Path) -> None:
    run(files, classifier, tmp_path / "one")
    with ThreadPoolExecutor(2) as threads:
        run(files, classifier, tmp_path / "threads", executor=threads)
    assert contents(tmp_path / "one") == contents(tmp_path / "threads")


def test_other_inputs_or_another_model_need_another_directory(
    files: list[Path], classifier: Any, tmp_path: Path
) -> None:
    run(files, classifier, tmp_path)
    with pytest.raises(UserError, match="different inputs_sha256"):
        run(files[:-1], classifier, tmp_path)
    classifier.version = "peak-2"
    with pytest.raises(UserError, match="different model_version"):
        run(files, classifier, tmp_path)


def test_nothing_to_classify_is_said(classifier: Any, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nothing to read"):
        run([], classifier, tmp_path)


def test_a_dead_reader_is_said_and_finished_shards_stay(
    files: list[Path], classifier: Any, tmp_path: Path
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

    with pytest.raises(EmlineError, match="finished shards are kept"):
        run(files, classifier, tmp_path, executor=Dying())
    assert len(list(tmp_path.glob("scores-*"))) == 3
    assert run(files, classifier, tmp_path).inputs == 14


def test_lost_rows_are_noticed(files: list[Path], classifier: Any, tmp_path: Path) -> None:
    run(files, classifier, tmp_path)
    path = tmp_path / "scores-000000.parquet"
    pq.write_table(pq.read_table(path).slice(1), path)
    with pytest.raises(EmlineError, match="14 files gave 11 scores and 2 rejects"):
        run(files, classifier, tmp_path)

"""A mirror becomes a store: every file a window or a reject, whatever happens on the way."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from vo_emline.errors import UserError
from vo_emline.preprocess import PreprocessOptions, WindowSet, read_windows
from vo_emline.preprocess.prepare import prepare
from vo_emline.rejects import Reject
from vo_emline.spectra import find_spectra, read_or_reject
from vo_emline.survey import IngestSummary, WindowStore, prepare_files
from vo_emline.survey.ingest import ingest

from .conftest import make_shards

OPTIONS = [
    PreprocessOptions(),
    PreprocessOptions(lsf="thesis", continuum="pipeline"),
    PreprocessOptions(lsf="none", scaling="minmax", continuum="none"),
    PreprocessOptions(target_resolving_power=600, minimum_coverage=0.3),
    PreprocessOptions(lsf="thesis", target_resolving_power=600, max_bad_fraction=0, max_bad_line_fraction=0),
]


def contents(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def same(a: WindowSet, b: WindowSet) -> bool:
    arrays = all(
        getattr(a, name).tobytes() == getattr(b, name).tobytes() for name in ("flux", "ivar", "continuum")
    )
    assert a.coverage is not None
    assert b.coverage is not None
    return arrays and a.identity.equals(b.identity) and a.coverage.equals(b.coverage)


@pytest.mark.parametrize(
    "options", OPTIONS, ids=lambda options: options.model_dump_json(exclude_defaults=True)
)
def test_windows_and_rejects_are_those_of_the_thorough_reader(
    shared_data: Path, options: PreprocessOptions
) -> None:
    folders = [shared_data / name for name in ("lamost/dr1", "lamost/dr2", "lamost/dr6-dr7", "lamost/dr10",
                                               "lamost/mrs", "ondrejov", "formats")]  # fmt: skip
    paths = find_spectra(folders)
    quick = prepare_files([str(path) for path in paths], options)
    found = [read_or_reject(path) for path in paths]
    windows, rejects = prepare((one for one in found if not isinstance(one, Reject)), options)
    assert len(windows) > 100
    assert same(quick.windows, windows)
    assert quick.rejects == (*(one for one in found if isinstance(one, Reject)), *rejects)


def test_every_file_is_a_window_or_a_reject(files: list[Path], tmp_path: Path) -> None:
    summary = ingest(files, tmp_path, shard_size=4, workers=1)
    assert summary == IngestSummary(inputs=14, windows=12, rejects={"not_a_spectrum": 1, "truncated": 1})
    assert sorted(path.name for path in tmp_path.glob("windows-*")) == [
        f"windows-{number:06d}.arrow" for number in range(4)
    ]
    store = WindowStore.open(tmp_path)
    assert store.sources() == [str(path) for path in files if path.name.startswith("spec-")]
    prepared = prepare_files([str(path) for path in files], PreprocessOptions())
    whole = [(one.windows, one.rejects) for _, one in store.read_all(store.shards())]
    assert np.concatenate([windows.flux for windows, _ in whole]).tobytes() == prepared.windows.flux.tobytes()
    assert {reject for _, rejects in whole for reject in rejects} == set(prepared.rejects)


def test_a_second_start_does_nothing_and_a_lost_shard_is_made_again(
    files: list[Path], tmp_path: Path
) -> None:
    ingest(files, tmp_path, shard_size=4, workers=1)
    before, times = contents(tmp_path), {path: path.stat().st_mtime_ns for path in tmp_path.glob("*-*")}
    ingest(files, tmp_path, shard_size=4, workers=1)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.glob("*-*")} == times
    (tmp_path / "windows-000002.arrow").unlink()
    with pytest.raises(UserError, match=r"1 shards of .* are not finished"):
        WindowStore.open(tmp_path)
    ingest(files, tmp_path, shard_size=4, workers=1)
    assert contents(tmp_path) == before


KILLED = """
    import os, signal, sys
    from pathlib import Path
    from vo_emline.survey.ingest import ingest
    from vo_emline.survey.store import WindowStore

    directory, kill_after, *files = sys.argv[1:]
    write, done = WindowStore.write, []
    def deadly(self, *args, **kwargs):
        if len(done) == int(kill_after):
            os.kill(os.getpid(), signal.SIGKILL)
        write(self, *args, **kwargs)
        done.append(1)
    WindowStore.write = deadly
    ingest([Path(f) for f in files], Path(directory), shard_size=3, workers=1)
"""


@pytest.mark.slow
def test_killed_without_warning_it_goes_on_to_the_same_bytes(files: list[Path], tmp_path: Path) -> None:
    def start(kill_after: int) -> int:
        command = [sys.executable, "-c", textwrap.dedent(KILLED), str(tmp_path / "killed"), str(kill_after)]
        return subprocess.run([*command, *map(str, files)], check=False).returncode

    assert [start(after) for after in (0, 1, 2, 9)] == [-signal.SIGKILL] * 3 + [0]
    ingest(files, tmp_path / "whole", shard_size=3, workers=1)
    assert contents(tmp_path / "killed") == contents(tmp_path / "whole")


@pytest.mark.slow
def test_processes_and_any_executor_give_the_same_bytes_as_one(files: list[Path], tmp_path: Path) -> None:
    ingest(files, tmp_path / "one", shard_size=3, workers=1)
    ingest(iter(files), tmp_path / "two", shard_size=3, workers=2)  # and of names that come one by one
    with ThreadPoolExecutor(2) as threads:
        ingest(files, tmp_path / "threads", shard_size=3, executor=threads)
    assert contents(tmp_path / "one") == contents(tmp_path / "two") == contents(tmp_path / "threads")


def test_other_files_or_settings_need_another_directory(files: list[Path], tmp_path: Path) -> None:
    ingest(files, tmp_path, shard_size=20)
    with pytest.raises(UserError, match="different inputs, inputs_sha256"):
        ingest(files[1:], tmp_path, shard_size=20)
    with pytest.raises(UserError, match="different preprocess"):
        ingest(files, tmp_path, shard_size=20, preprocess=PreprocessOptions(lsf="none"))


def test_lost_rows_are_noticed_and_their_shard_is_made_again(
    files: list[Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ingest(files, tmp_path, shard_size=20)
    before = contents(tmp_path)
    shard = make_shards(["anything"], size=1)[0]
    store = WindowStore(tmp_path)
    prepared = prepare_files([str(path) for path in files[:3]], PreprocessOptions())
    store.write(shard, prepared, preprocess=PreprocessOptions())
    assert len(read_windows(store.path("windows", 0))) == 3
    assert ingest(files, tmp_path, shard_size=20).inputs == 14
    assert "shard 0 holds 3 rows of 14 inputs" in caplog.text
    assert contents(tmp_path) == before


def test_nothing_to_ingest_is_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nothing to read"):
        ingest([], tmp_path)

"""What goes wrong in a night: a full disk, files that cannot be read, processes that die, a spoilt model."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.dataset as ds
import pytest

from vo_emline.files import write_json
from vo_emline.rundir import DEFAULT_MODEL, RunDirectory
from vo_emline.simulate import write_lamost
from vo_emline.training.classifier import Classifier, write_weights

ENVIRONMENT = {**os.environ, "JAX_PLATFORMS": "cpu"}


@pytest.fixture(scope="module")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("failures")
    originals = list(write_lamost(folder / "originals", n_stars=6, seed=7).files)
    (folder / "mirror").mkdir()
    for number in range(60):
        (folder / "mirror" / f"spec-{number:03d}.fits").hardlink_to(originals[number % len(originals)])
    return folder / "mirror"


def command(mirror: Path, output: Path, *more: str) -> list[str]:
    options = ["--output", str(output), "--shard-size", "10", "--predict", "here", "--workers", "1", *more]
    return [sys.executable, "-m", "vo_emline", "classify-survey", str(mirror), *options]


def run(arguments: list[str], **more: object) -> subprocess.CompletedProcess[str]:
    more.setdefault("env", ENVIRONMENT)
    return subprocess.run(arguments, capture_output=True, text=True, check=False, **more)  # type: ignore[call-overload,no-any-return]


def contents(directory: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file() and path.parent.name != "sessions"
    }


def rejects(directory: Path) -> dict[str, str]:
    table = ds.dataset(sorted(map(str, directory.glob("rejects-*.parquet")))).to_table()
    return {Path(row["source"]).name: row["code"] for row in table.to_pylist()}


@pytest.fixture(scope="module")
def whole(mirror: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("whole") / "survey"
    done = run(command(mirror, output))
    assert done.returncode == 0, done.stderr
    return output


@pytest.mark.slow
def test_a_file_that_may_not_grow_ends_it_clearly_and_it_goes_on(
    mirror: Path, whole: Path, tmp_path: Path
) -> None:
    sizes = {path.name: path.stat().st_size for path in whole.iterdir()}
    kilobytes = min(size for name, size in sizes.items() if name.startswith("scores-")) // 1024
    assert sizes["inputs.arrow"] < 1024 * kilobytes  # the inputs fit, no shard of scores does
    limit = ["bash", "-c", f'ulimit -f {kilobytes}; exec "$@"', "bash"]
    stopped = run([*limit, *command(mirror, tmp_path / "survey")])
    assert stopped.returncode == 2
    (message,) = stopped.stderr.splitlines()
    assert message.startswith("error: no room to write")
    assert "start the same command again: what is finished is kept" in message
    assert [path.name for path in (tmp_path / "survey").glob(".*")] == [".lock"]
    assert run(command(mirror, tmp_path / "survey")).returncode == 0
    assert contents(tmp_path / "survey") == contents(whole)


SMALL_DISK = """
    set -e
    mount -t tmpfs -o size={kilobytes}k tmpfs {mount}
    {command} && exit 90 || test $? = 2
    ls -A {mount}/survey > {out}/left
    mount -o remount,size=50m {mount}
    {command}
    cp -r {mount}/survey {out}/survey
"""


@pytest.mark.slow
def test_a_full_disk_ends_it_clearly_and_it_goes_on(mirror: Path, whole: Path, tmp_path: Path) -> None:
    own = ["unshare", "--map-root-user", "--mount", "sh", "-c"]
    mount = tmp_path / "disk"
    mount.mkdir()
    if shutil.which("unshare") is None or run([*own, f"mount -t tmpfs tmpfs {mount}"]).returncode:
        pytest.skip("no small disk can be made here")
    enough = sum(map(len, contents(whole).values())) // 1000
    script = SMALL_DISK.format(
        kilobytes=enough // 2, mount=mount, out=tmp_path, command=" ".join(command(mirror, mount / "survey"))
    )
    done = run([*own, textwrap.dedent(script)])
    assert done.returncode == 0, done.stderr
    assert "the disk is full" in done.stderr
    left = (tmp_path / "left").read_text().split()
    assert "scores-000000.parquet" in left
    assert "summary.json" not in left
    assert not [name for name in left if name.endswith(".part")]
    assert contents(tmp_path / "survey") == contents(whole)


@pytest.mark.slow
def test_files_that_cannot_be_read_are_rejects(mirror: Path, tmp_path: Path) -> None:
    shutil.copytree(mirror, tmp_path / "mirror")
    os.mkfifo(tmp_path / "mirror" / "pipe.fits")  # would be waited for without end
    (tmp_path / "mirror" / "gone.fits").symlink_to(tmp_path / "nowhere")
    (tmp_path / "mirror" / "folder.fits").mkdir()
    (tmp_path / "mirror" / "empty.fits").touch()
    done = run(command(tmp_path / "mirror", tmp_path / "survey"))
    assert done.returncode == 0, done.stderr
    assert rejects(tmp_path / "survey") == {
        "pipe.fits": "unreadable", "gone.fits": "unreadable", "empty.fits": "empty",
    }  # fmt: skip
    facts = json.loads((tmp_path / "survey" / "summary.json").read_text())
    assert facts["inputs"] == 63


DEADLY = """
    # read at the start of every Python process: a file called deadly kills the process that reads it
    import os, signal
    import vo_emline.survey.work as classify
    read = classify.read_part_or_reject
    def read_and_die(path, **options):
        if "deadly" in path:
            os.kill(os.getpid(), signal.SIGKILL)
        return read(path, **options)
    classify.read_part_or_reject = read_and_die
"""


@pytest.mark.slow
def test_a_file_of_which_processes_die_is_found_and_left_out(
    mirror: Path, whole: Path, tmp_path: Path
) -> None:
    shutil.copytree(mirror, tmp_path / "mirror", copy_function=os.link)
    (tmp_path / "mirror" / "deadly.fits").hardlink_to(mirror / "spec-000.fits")
    (tmp_path / "sitecustomize.py").write_text(textwrap.dedent(DEADLY))
    environment = {**ENVIRONMENT, "PYTHONPATH": str(tmp_path)}
    more = ["--workers", "2", "--shard-size", "16"]
    done = run([*command(tmp_path / "mirror", tmp_path / "survey"), *more], env=environment)
    assert done.returncode == 0, done.stderr
    assert "left out, as a process dies of each: " in done.stderr
    assert rejects(tmp_path / "survey") == {"deadly.fits": "worker_died"}
    assert (
        json.loads((tmp_path / "survey" / "summary.json").read_text())["classes"]
        == (json.loads((whole / "summary.json").read_text())["classes"])
    )


@pytest.mark.slow
def test_a_process_that_is_killed_from_outside_changes_nothing(
    mirror: Path, whole: Path, tmp_path: Path
) -> None:
    more = ["--workers", "2"]
    with subprocess.Popen(
        [*command(mirror, tmp_path / "survey"), *more], env=ENVIRONMENT, stderr=subprocess.PIPE, text=True
    ) as process:
        for victim in new_workers(process.pid):
            os.kill(victim, signal.SIGKILL)
            break
        _, said = process.communicate()
    assert process.returncode == 0, said
    assert "a process died; the shards that were in work" in said
    assert contents(tmp_path / "survey") == contents(whole)


def new_workers(parent: int) -> Iterator[int]:
    """Give the processes of the pool of `parent` as they appear."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                status, words = (entry / "status").read_text(), (entry / "cmdline").read_text()
            except OSError:
                continue
            if f"PPid:\t{parent}\n" in status and "spawn_main" in words:
                yield int(entry.name)
        time.sleep(0.05)


@pytest.mark.slow
def test_a_model_with_weights_that_are_no_numbers_is_refused_before_anything_is_written(
    mirror: Path, tmp_path: Path
) -> None:
    good = Classifier.load(DEFAULT_MODEL)
    spoilt = {name: np.array(value) for name, value in good.parameters.items()}
    next(iter(spoilt.values())).flat[0] = np.nan
    write_weights(RunDirectory(tmp_path / "run").model, spoilt, good.description)
    refused = run(command(mirror, tmp_path / "survey", "--run", str(tmp_path / "run")))
    assert refused.returncode == 2
    assert "has weights that are not numbers (network); train it again" in refused.stderr
    assert not (tmp_path / "survey").exists()


def test_a_directory_of_something_else_is_refused(tmp_path: Path, mirror: Path) -> None:
    from vo_emline.errors import UserError
    from vo_emline.survey import classify_survey

    write_json(tmp_path / "manifest.json", {"kind": "windows", "inputs": 3})
    with pytest.raises(UserError, match=r"holds the shards of another run \(different kind"):
        classify_survey([mirror], tmp_path, model=DEFAULT_MODEL)

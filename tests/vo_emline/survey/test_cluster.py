"""Shards on a Dask cluster: the bytes of one process, whatever dies; clear words where it cannot work."""

from __future__ import annotations

import ast
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest
from click.testing import CliRunner

from vo_emline.cli import app
from vo_emline.errors import EmlineError, UserError
from vo_emline.rundir import DEFAULT_MODEL
from vo_emline.survey import SurveyOptions, Tally, WindowStore, Work
from vo_emline.survey.cluster import dask_workers, versions
from vo_emline.survey.pipeline import predicting_there
from vo_emline.survey.shards import ShardStore, run_shards
from vo_emline.survey.synthetic import Synthetic, simulate_store

pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # connections of workers that were killed
    pytest.mark.filterwarnings("ignore:Creating scratch directories"),
]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("cluster") / "store"
    simulate_store(directory, Synthetic(n=4000, prevalence=0.2, shard_size=250, library_size=128), workers=1)
    return directory


@pytest.fixture(scope="module")
def expected(store: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What one process makes of the store."""
    output = tmp_path_factory.mktemp("one")
    assert classify(store, output).inputs == 4000
    return results(output)


def classify(store: Path, output: Path, executor: Executor | None = None) -> Tally:
    source = WindowStore.open(store)
    options = SurveyOptions(workers=1)
    work = Work(
        directory=output, model=DEFAULT_MODEL, preprocess=source.preprocess, options=options, store=store
    )
    return run_shards(source, ShardStore(output), partial(predicting_there, work=work, executor=executor))


def results(output: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in output.glob("*.parquet")}


class Scheduler(NamedTuple):
    file: str
    process: subprocess.Popen[bytes]


@pytest.fixture
def scheduler(tmp_path: Path) -> Iterator[Scheduler]:
    """A scheduler of its own process, without workers, on a free port of this machine."""
    file = tmp_path / "scheduler.json"
    command = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0"]
    with subprocess.Popen(
        [*command, "--no-dashboard", "--scheduler-file", str(file)], stderr=subprocess.DEVNULL
    ) as process:
        while not file.is_file():
            assert process.poll() is None
            time.sleep(0.05)
        yield Scheduler(str(file), process)
        process.kill()


@contextmanager
def worker_of(scheduler: str, folder: Path, **environment: str) -> Iterator[None]:
    """A worker of its own process."""
    command = [sys.executable, "-m", "distributed.cli.dask_worker", "--no-dashboard", "--no-nanny"]
    with subprocess.Popen(
        [*command, "--nthreads", "1", "--scheduler-file", scheduler, "--local-directory", str(folder)],
        env=os.environ | environment,
        stderr=subprocess.DEVNULL,
    ) as worker:
        try:
            yield
        finally:
            worker.kill()


@pytest.mark.slow
def test_workers_that_are_killed_change_nothing(
    store: Path, expected: dict[str, bytes], tmp_path: Path
) -> None:
    with dask_workers("local:2", writes=tmp_path, reads=[store, DEFAULT_MODEL]) as executor:
        assert executor._max_workers == 2
        victims = {executor.submit(os.getpid).result() for _ in range(4)}
        finished: list[int] = []
        killer = threading.Thread(target=kill_when_busy, args=(victims.pop(), tmp_path, finished))
        killer.start()
        tally = classify(store, tmp_path, executor)
        killer.join()
    assert 3 <= finished[0] < 12, "it was not killed in the middle"
    assert tally.inputs == 4000
    assert results(tmp_path) == expected


def kill_when_busy(process: int, output: Path, finished: list[int]) -> None:
    """Kill a worker when results begin to come, and note how many there are."""
    while len(list(output.glob("scores-*.parquet"))) < 3:
        time.sleep(0.01)
    os.kill(process, signal.SIGKILL)
    finished.append(len(list(output.glob("scores-*.parquet"))))


def test_work_that_kills_every_worker_ends_with_a_reason(tmp_path: Path) -> None:
    with (
        pytest.raises(EmlineError, match="workers died one after the other"),
        dask_workers("local:1", writes=tmp_path) as executor,
    ):
        executor.submit(os._exit, 9).result()


def test_a_scheduler_without_workers_is_told(scheduler: Scheduler, tmp_path: Path) -> None:
    with (
        pytest.raises(UserError, match=r"has no workers after 1 s; start some"),
        dask_workers(scheduler.file, writes=tmp_path, patience_s=1.0),
    ):
        pass


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("tcp://127.0.0.1:9", "no Dask scheduler answers at tcp://127.0.0.1:9"),
        ("nowhere.json", "is no Dask cluster"),
        ("local:0", "is no Dask cluster"),
    ],
)
def test_a_wrong_address_is_told(address: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=message), dask_workers(address, writes=tmp_path, patience_s=1.0):
        pass


def test_workers_of_another_version_are_refused(scheduler: Scheduler, tmp_path: Path) -> None:
    """A worker whose environment says that it has an older JAX."""
    metadata = tmp_path / "site" / "jax-0.0.1.dist-info" / "METADATA"
    metadata.parent.mkdir(parents=True)
    metadata.write_text("Metadata-Version: 2.1\nName: jax\nVersion: 0.0.1\n")
    with (
        worker_of(scheduler.file, tmp_path, PYTHONPATH=str(tmp_path / "site")),
        pytest.raises(UserError, match=rf"worker tcp://\S+ has jax 0\.0\.1 \(here {versions()['jax']}\)"),
        dask_workers(scheduler.file, writes=tmp_path),
    ):
        pass


def test_a_scheduler_that_goes_away_is_told(scheduler: Scheduler, tmp_path: Path) -> None:
    message = "went away; finished shards are kept"
    with worker_of(scheduler.file, tmp_path), pytest.raises(EmlineError, match=message):
        outlive(scheduler, tmp_path)


def outlive(scheduler: Scheduler, folder: Path) -> None:
    """Kill the scheduler while its worker works."""
    with dask_workers(scheduler.file, writes=folder) as executor:
        threading.Timer(0.5, scheduler.process.kill).start()
        executor.submit(time.sleep, 60).result(timeout=60)


def test_workers_that_do_not_see_a_folder_are_refused(tmp_path: Path) -> None:
    with (
        pytest.raises(UserError, match=r"does not see /nowhere/at/all; put it on a file system"),
        dask_workers("local:1", writes=tmp_path, reads=[Path("/nowhere/at/all")]),
    ):
        pass
    assert not list(tmp_path.glob(".seen-*"))


def test_the_command_takes_an_address(store: Path, tmp_path: Path) -> None:
    command = ["classify-survey", str(store), "--output", str(tmp_path / "out"), "--dask", "nowhere.json"]
    done = CliRunner().invoke(app, command)
    assert isinstance(done.exception, UserError)
    assert "'nowhere.json' is no Dask cluster" in str(done.exception)


def test_the_recipe_for_slurm_submits_what_it_says() -> None:
    """The settings in the documentation, as dask-jobqueue understands them."""
    from dask_jobqueue import SLURMCluster

    page = (Path(__file__).parents[3] / "docs" / "cluster.md").read_text()
    recipe = next(block for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if "SLURM" in block)
    calls = [node for node in ast.walk(ast.parse(recipe)) if isinstance(node, ast.Call)]
    call = next(node for node in calls if getattr(node.func, "id", "") == "SLURMCluster")
    settings = {keyword.arg: ast.literal_eval(keyword.value) for keyword in call.keywords}
    settings |= {"interface": "lo", "scheduler_options": {"dashboard_address": ":0"}}
    with SLURMCluster(**settings) as slurm:
        script = slurm.job_script()
    assert "#SBATCH -p normal" in script
    assert "#SBATCH --cpus-per-task=32" in script
    assert re.search(r"/shared/venv/bin/python -m distributed\S+ tcp://", script)
    assert "--nthreads 1" in script
    assert "--nworkers 32" in script
    assert "--lifetime 230m" in script


def test_dask_is_not_imported_before_it_is_asked_for() -> None:
    code = "import sys, vo_emline.survey.cluster; print({'dask', 'distributed'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"

"""Killed at any moment, a survey goes on to the same bytes: real processes, real SIGKILL, random moments."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from vo_emline.simulate import write_lamost

KILLS = 50
FILES = 600

ZYGOTE = """
    # Imports once, then forks a new process for every start: no thread of JAX or Arrow runs before that.
    import json, os, random, signal, sys, time
    from pathlib import Path
    import numpy as np
    import vo_emline.survey.survey as engine
    from vo_emline.preprocess import GRID
    from vo_emline.rundir import DEFAULT_MODEL
    from vo_emline.spectra import HALPHA_VAC
    from vo_emline.survey import SurveyOptions

    class Peak:
        version = "peak"
        def predict_windows(self, windows, *, shares=None):
            peak = windows.flux[:, np.abs(GRID - HALPHA_VAC) < 5].mean(axis=1)
            p = 1 / (1 + np.exp(-3 * (peak + 1)))
            return np.stack([1 - p, 0.9 * p, 0.1 * p], axis=1).astype(np.float32)

    engine.load_scorer = lambda model, options, version: Peak()
    mirror, kills, seed = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    options, here = SurveyOptions(shard_size=4, workers=1), engine.Start(place="here")

    def start(output, after=None):
        pid = os.fork()
        if pid == 0:
            status = 70
            try:
                os.dup2(os.open(str(output) + ".log", os.O_WRONLY | os.O_CREAT | os.O_APPEND), 2)
                engine.classify_survey([mirror], output, model=DEFAULT_MODEL, options=options, start=here)
                status = 0
            except BaseException:
                import traceback
                traceback.print_exc()
            finally:
                os._exit(status)
        if after is not None:
            time.sleep(after)
            os.kill(pid, signal.SIGKILL)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    def summary(output):
        return output / "summary.json"

    whole, killed = Path(sys.argv[4]), Path(sys.argv[5])
    began = time.monotonic()
    assert start(whole) == 0
    lasts = time.monotonic() - began
    summary(whole).unlink()
    began = time.monotonic()
    assert start(whole) == 0
    ends = time.monotonic() - began  # counting, and writing the tables

    moments = random.Random(seed)
    done, finished = [], 0
    while len(done) < kills:
        ending = summary(killed).exists() or len(done) >= kills * 3 // 4
        if ending and not summary(killed).exists() and finished == 0:
            assert start(killed) == 0  # the shards are done: now kill at the end of the work
            finished += 1
        summary(killed).unlink(missing_ok=True) if ending else None
        delay = moments.uniform(0, ends) if ending else moments.uniform(0, 3 * lasts / kills)
        code = start(killed, after=delay)
        if code == -signal.SIGKILL:
            done.append(delay)
        else:
            assert code == 0, code
    assert start(killed) == 0
    print(json.dumps({"kills": len(done), "lasts": lasts, "ends": ends}))
"""


@pytest.fixture(scope="module")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("kill")
    originals = [*write_lamost(folder / "originals", n_stars=10, seed=5).files]
    broken = folder / "broken.fits"
    broken.write_bytes(originals[0].read_bytes()[:9000])
    originals.append(broken)
    for number in range(FILES):
        path = folder / "mirror" / f"night{number // 100}" / f"spec-{number:05d}.fits"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.hardlink_to(originals[number % len(originals)])
    return folder / "mirror"


def contents(directory: Path) -> dict[str, bytes]:
    """Everything that is a result, hidden files too; not who did it when."""
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file() and path.parent.name != "sessions"
    }


@pytest.mark.slow
def test_killed_fifty_times_it_ends_with_the_same_bytes(mirror: Path, tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    seed = int.from_bytes(os.urandom(4), "big")
    command = [sys.executable, "-c", textwrap.dedent(ZYGOTE), str(mirror), str(KILLS), str(seed)]
    ran = subprocess.run([*command, str(whole), str(killed)], capture_output=True, text=True, check=False)
    log = Path(f"{killed}.log").read_text() if Path(f"{killed}.log").exists() else ""
    assert ran.returncode == 0, f"seed {seed}: {ran.stderr}{log}"
    assert json.loads(ran.stdout)["kills"] == KILLS
    assert contents(killed).keys() == contents(whole).keys(), f"seed {seed}"
    assert contents(killed) == contents(whole), f"seed {seed}"
    facts = json.loads((killed / "summary.json").read_text())
    assert facts["inputs"] == FILES == sum(facts["classes"].values()) + sum(facts["rejects"].values())
    assert len(list((killed / "sessions").iterdir())) > 10


def survey(mirror: Path, output: Path, *more: str) -> list[str]:
    options = ["--output", str(output), "--shard-size", "20", *more]
    return [sys.executable, "-m", "vo_emline", "classify-survey", str(mirror), *options]


@pytest.mark.slow
def test_no_worker_outlives_a_killed_command_and_every_way_gives_the_same_bytes(
    mirror: Path, tmp_path: Path
) -> None:
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    environment = {**os.environ, "JAX_PLATFORMS": "cpu", "EMLINE_TEST_MARK": str(killed)}
    workers = survey(mirror, killed, "--predict", "workers", "--workers", "2")
    for shards in (1, 12):
        with (
            (tmp_path / "log").open("ab") as log,
            subprocess.Popen(workers, env=environment, stderr=log) as process,
        ):
            wait_until(
                lambda n=shards, p=process: len(list(killed.glob("scores-*"))) >= n or p.poll() is not None
            )
            assert process.poll() is None, (tmp_path / "log").read_text()
            process.send_signal(signal.SIGKILL)  # the process alone: its workers have to notice
        wait_until(lambda: not marked(str(killed)))
    assert len(list(killed.glob("scores-*"))) < FILES // 20
    subprocess.run(workers, env=environment, check=True, capture_output=True)
    here = survey(mirror, whole, "--predict", "here", "--workers", "1")
    subprocess.run(here, env=environment, check=True, capture_output=True)
    assert contents(killed) == contents(whole)


def wait_until(condition: object, *, seconds: float = 150) -> None:
    end = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.02)


def marked(mark: str) -> list[str]:
    """Name the processes whose environment carries a mark."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if f"EMLINE_TEST_MARK={mark}".encode() in (process / "environ").read_bytes():
                found.append(process.name)
        except OSError:
            continue
    return found

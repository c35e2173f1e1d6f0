"""The real program, killed twenty times at random points, loses nothing and asks for nothing twice."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from vo_emline.archives.manifest import read_manifest
from vo_emline.net.content import check_fits

SPECTRA = 240
KILLS = 20
CONCURRENCY = 4


def start(archive: Any, ids: Path, output: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "vo_emline", "fetch", "ssa", archive.ssa, "--ids", str(ids)]
    options = ["--output", str(output), "--concurrency", str(CONCURRENCY), "--calibration", "normalized"]
    return subprocess.Popen([*command, *options], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def wait_for(archive: Any, count: int, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 60
    while len(archive.order) < count and process.poll() is None and time.monotonic() < end:
        time.sleep(0.001)


def visible(output: Path) -> set[str]:
    return {path.stem for path in output.glob("*.fits")}


@pytest.mark.slow
def test_killed_at_random_points(fake_archive: Any, tmp_path: Path) -> None:
    dice = random.Random(20170508)
    archive = fake_archive(SPECTRA, delay=0.002)
    ids = tmp_path / "ids.txt"
    ids.write_text("\n".join(archive.dids))
    output = tmp_path / "spectra"
    by_name = {did.rpartition("/")[2]: content for did, content in archive.files.items()}
    for _ in range(KILLS):
        finished = visible(output)
        asked_before = len(archive.order)
        process = start(archive, ids, output)
        wait_for(archive, asked_before + dice.randint(0, 16), process)
        time.sleep(dice.uniform(0, 0.015))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        for name in visible(output):
            assert (output / f"{name}.fits").read_bytes() == by_name[name]
        assert finished <= visible(output)
        asked_now = {did.rpartition("/")[2] for did in archive.order[asked_before:]}
        assert not finished & asked_now, "asked again for what was there"
    assert 0 < len(visible(output)) < SPECTRA, "the kills must have hit the downloads"

    process = start(archive, ids, output)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 0, said.decode()
    assert visible(output) == set(by_name)
    assert not (output / ".partial").exists()
    entries = list(read_manifest(output))
    assert {entry.publisher_did for entry in entries if entry.status == "done"} == set(archive.dids)
    # what was on its way at a kill may be asked for once more, nothing else
    assert len(archive.order) <= SPECTRA + KILLS * CONCURRENCY
    for path in output.glob("*.fits"):
        check_fits(path.read_bytes())

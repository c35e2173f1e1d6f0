"""Temporary folders go with their process, also where it was killed, and nobody else's do."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from service.scratch import LOCK, PREFIX, Scratch, clear_abandoned
from tests.hostile.conftest import attacked
from vo_emline.errors import UserError

HOLDER = """
import sys
from pathlib import Path
from service.scratch import Scratch
kept = Scratch(Path(sys.argv[1]))
print(kept.path, flush=True)
sys.stdin.read()
"""


def left_by_a_killed_process(parent: Path) -> Path:
    """Give the folder that a process leaves that is killed."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(parent)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        path = Path(process.stdout.readline().strip())
        (path / "spilt").write_bytes(b"x" * 1000)
        clear_abandoned(parent)
        assert path.is_dir()  # its process runs
        process.kill()
    return path


def test_what_a_killed_process_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    left = left_by_a_killed_process(tmp_path)
    others = tmp_path / f"{PREFIX}of-somebody-else"
    others.mkdir()
    assert left.is_dir()
    with Scratch(tmp_path) as mine:
        assert not left.exists()
        clear_abandoned(tmp_path)
        assert (mine.path / LOCK).is_file()
    assert list(tmp_path.iterdir()) == [others]


def test_no_place_for_temporary_files_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="TMPDIR"):
        Scratch(tmp_path / "file")


def test_a_service_removes_what_one_that_was_killed_left(
    release_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    seen = []
    for end in (signal.SIGKILL, signal.SIGTERM):
        running = attacked(release_file, tmp_path / "state")
        target = next(running)
        assert httpx.get(f"{target.url}/healthz", timeout=60).status_code == 200
        seen.append(set(temporary.glob(f"{PREFIX}*")))
        subprocess.run(["kill", f"-{int(end)}", str(target.pid)], check=True)
        next(running, None)
    assert [len(folders) for folders in seen] == [1, 1]
    assert not seen[0] & seen[1]
    assert not list(temporary.iterdir())

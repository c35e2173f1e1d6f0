"""A service in a process of its own, whose memory can be seen, under attack."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.service.conftest import release_file, shared_folder, spectra_table

__all__ = ["release_file", "shared_folder", "spectra_table"]

pytestmark = pytest.mark.skipif(not Path("/proc").is_dir(), reason="memory is read from /proc")


@dataclass(frozen=True)
class Target:
    """The service that is attacked."""

    url: str
    pid: int

    def memory(self) -> int:
        """Give its resident size, MB."""
        found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{self.pid}/status").read_text())
        assert found
        return int(found[1]) // 1000


Report = Callable[..., None]


@pytest.fixture(scope="session")
def report() -> Report:
    """Note figures of a kind of attack, for docs/security.md: a line of JSON in the file HOSTILE_REPORT."""

    def note(kind: str, **figures: float) -> None:
        if path := os.environ.get("HOSTILE_REPORT"):
            with Path(path).open("a") as file:
                file.write(json.dumps({"kind": kind, **figures}) + "\n")

    return note


@pytest.fixture(scope="session")
def full() -> bool:
    """Whether all cases are tried (``make hostile``) and not a small sample of each kind."""
    return bool(os.environ.get("HOSTILE_FULL"))


def attacked(release: Path, state: Path, **settings: object) -> Iterator[Target]:
    """Run a service until the generator is closed; `settings` by name."""
    environment = {f"VO_EMLINE_SERVICE_{name.upper()}": str(value) for name, value in settings.items()}
    command = [sys.executable, "-m", "service", str(release), "--port", "0", "--state-directory", str(state)]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, **environment},
    ) as running:
        assert running.stdout is not None
        yield Target(running.stdout.readline().strip(), running.pid)
        running.terminate()


@pytest.fixture(scope="module")
def target(release_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """A service with short limits."""
    state = tmp_path_factory.mktemp("state")
    yield from attacked(
        release_file, state, sync_seconds=20, upload_seconds=5, upload_memory="500MB", queue_seconds=10
    )

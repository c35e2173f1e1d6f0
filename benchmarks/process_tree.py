"""The memory of a process and all that it starts, over time (Linux: from ``/proc``)."""

from __future__ import annotations

import resource
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

INTERVAL_S: Final = 0.25


@dataclass
class Watched:
    """A command that ran, and what it needed."""

    seconds: float = 0.0
    """Wall time, s."""
    cpu_seconds: float = 0.0
    """Time of processors, summed over the processes, s: hardly changed by what else the machine does."""
    times: list[float] = field(default_factory=list)
    """Seconds since the start of each look."""
    own_mb: list[float] = field(default_factory=list)
    """Memory that is nobody else's and no file's (anonymous), MB, summed over the processes."""
    mapped_mb: list[float] = field(default_factory=list)
    """Pages of mapped files that are in memory, MB; the system takes them back when it needs room."""

    @property
    def peak_mb(self) -> float:
        """Largest own memory, MB."""
        return max(self.own_mb, default=0.0)


def watch(command: Sequence[str]) -> Watched:
    """Run a command to its end and look at its memory all the while.

    Raises
    ------
    subprocess.CalledProcessError
        It failed.
    """
    seen = Watched()
    began, before = time.monotonic(), _cpu()
    with subprocess.Popen(  # noqa: S603 - a command of ours
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        while process.poll() is None:
            own, mapped = _memory(process.pid)
            seen.times.append(time.monotonic() - began)
            seen.own_mb.append(own)
            seen.mapped_mb.append(mapped)
            time.sleep(INTERVAL_S)
        seen.seconds = time.monotonic() - began
        if process.returncode:
            said = process.stderr.read() if process.stderr else ""
            raise subprocess.CalledProcessError(process.returncode, command, stderr=said)
    seen.cpu_seconds = _cpu() - before
    return seen


def _cpu() -> float:
    """Sum the time of processors of all processes that were started here and have ended, s."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _memory(root: int) -> tuple[float, float]:
    """Sum anonymous and file-backed memory of a process and its descendants, MB."""
    own = mapped = 0.0
    waiting = [root]
    while waiting:
        process = Path("/proc") / str(waiting.pop())
        try:
            status = dict(line.split(":", 1) for line in (process / "status").read_text().splitlines())
            children = (process / "task" / process.name / "children").read_text().split()
        except OSError:  # it has ended
            continue
        own += _kb(status, "RssAnon") / 1e3
        mapped += (_kb(status, "RssFile") + _kb(status, "RssShmem")) / 1e3
        waiting += map(int, children)
    return own, mapped


def _kb(status: dict[str, str], name: str) -> float:
    return float(status.get(name, "0").split()[0]) * 1.024

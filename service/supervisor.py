"""Several processes behind one listener: ``vo-emline serve --processes N``.

The supervisor binds the port and starts the processes, which accept from the same listener; one that dies
is started again. Each opens the release and looks for a newer one by itself; jobs are kept in one store, and
one of the processes executes them (:mod:`service.uws.manager`). What the settings allow is divided among
them, so that all together keep to it.
"""

from __future__ import annotations

import json
import math
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import FrameType
from typing import Final

import structlog

from service.config import Settings, bytes_of
from service.files import hold
from service.metrics import COUNTS

logger = structlog.stdlib.get_logger("service")

SHORT_LIFE: Final = 5.0
"""A process that lives shorter than so many seconds has not really begun."""
MOST_FAILURES: Final = 5
"""Processes in a row that end before they have begun, after which the supervisor gives up."""
PAUSE_S: Final = 0.5
"""How long it waits before it starts one that has failed again."""

_MAIN: Final = (
    "from service.processes import shared_nursery; shared_nursery().start(); "
    "from service.server import run_process; run_process({descriptor}, {supervisor})"
)


def portion(settings: Settings) -> Settings:
    """Give what one of the processes may have of what `settings` allow to all of them."""
    number = settings.processes

    def part(count: int) -> int:
        return max(1, math.ceil(count / number))

    def size(text: str) -> str:
        return f"{max(1, bytes_of(text) // number // 1_000_000)}MB"

    return settings.model_copy(
        update={
            "queries": part(settings.queries), "client_queries": part(settings.client_queries),
            "reserve": part(settings.reserve) if settings.reserve else 0,
            "pages": part(settings.pages), "client_pages": part(settings.client_pages),
            "upload_readers": part(settings.upload_readers), "memory": size(settings.memory),
            "spill": size(settings.spill), "spool": size(settings.spool),
            "page_cache": size(settings.page_cache),
        }
    )  # fmt: skip


class Supervisor:
    """Starts processes, replaces those that die, and ends them all.

    Parameters
    ----------
    listener
        Where they accept connections.
    release
        What they serve.
    settings
        The settings of all of them together; `public_url` and the port are those in use.
    state
        The folder of jobs, which no other service may use.

    Raises
    ------
    UserError
        Another service uses the folder.
    """

    def __init__(self, listener: socket.socket, release: str, settings: Settings, *, state: Path) -> None:
        self._listener = listener
        given = portion(settings).model_copy(update={"state_directory": state})
        self._said = json.dumps({"release": release, "settings": given.model_dump(mode="json")})
        self._number = settings.processes
        self._ending = False
        self._running: dict[int, tuple[subprocess.Popen[str], float]] = {}
        state.mkdir(parents=True, exist_ok=True)
        self._lock_file = hold(state / "lock")
        shutil.rmtree(state / COUNTS, ignore_errors=True)

    def run(self) -> int:
        """Keep the processes running until the supervisor is told to end; give its exit code."""
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, self._end)
        failures = 0
        while not self._ending and failures < MOST_FAILURES:
            while len(self._running) < self._number:
                self._start()
            for process, begun in self._ended():
                lived = time.monotonic() - begun
                failures = failures + 1 if lived < SHORT_LIFE else 0
                logger.error("process_ended", pid=process.pid, code=process.returncode, seconds=round(lived))
                if lived < SHORT_LIFE:
                    time.sleep(PAUSE_S)
        self._end()
        for process, _ in self._running.values():
            process.wait()
        self._lock_file.close()
        return 0 if failures < MOST_FAILURES else 1

    def _start(self) -> None:
        descriptor = self._listener.fileno()
        process = subprocess.Popen(  # noqa: S603 - Python itself, and code of ours
            [sys.executable, "-c", _MAIN.format(descriptor=descriptor, supervisor=os.getpid())],
            pass_fds=[descriptor],
            stdin=subprocess.PIPE,
            text=True,
        )
        assert process.stdin is not None  # noqa: S101 - asked for above
        try:
            process.stdin.write(self._said)
            process.stdin.close()
        except BrokenPipeError:
            pass  # it has ended, and is found to have
        self._running[process.pid] = process, time.monotonic()

    def _ended(self) -> list[tuple[subprocess.Popen[str], float]]:
        """Wait a moment, and give the processes that have ended by then."""
        time.sleep(0.1)
        ended = [pid for pid, (process, _) in self._running.items() if process.poll() is not None]
        return [self._running.pop(pid) for pid in ended]

    def _end(self, _signal: int = 0, _frame: FrameType | None = None) -> None:
        self._ending = True
        for process, _ in list(self._running.values()):
            process.terminate()


def end_with(supervisor: int) -> None:
    """End this process, as if told to, when the supervisor has ended."""

    def watch() -> None:
        try:
            gone = os.pidfd_open(supervisor)
        except ProcessLookupError:
            gone = -1
        if gone >= 0:
            select.select([gone], [], [])
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="supervisor", daemon=True).start()

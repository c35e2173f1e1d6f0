"""Starting the service as a program of its own, and stopping it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vo_emline.errors import EmlineError

STOP_SECONDS = 10


@contextmanager
def served(path: Path, *, log: Path) -> Iterator[str]:
    """Publish `path` by ``vo-emline serve`` on a free port while the block runs.

    Parameters
    ----------
    path
        A run directory, a release, or a folder of spectra.
    log
        File for what the service says.

    Yields
    ------
    str
        The service's address.

    Raises
    ------
    EmlineError
        The service did not come up; the message ends with the last lines of its log.
    """
    command = [sys.executable, "-m", "vo_emline", "serve", str(path), "--port", "0"]
    with log.open("ab") as sink:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=sink, text=True)  # noqa: S603
    try:
        address = process.stdout.readline().strip() if process.stdout else ""
        if not address.startswith("http"):
            tail = log.read_text(encoding="utf-8", errors="replace").splitlines()[-5:]
            raise EmlineError("the service did not start: " + " | ".join([address, *tail]))
        yield address
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()

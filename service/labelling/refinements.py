"""Refining the model from the page: what is learnt, in a process of its own, and what becomes of it.

Each refinement is a folder beside the labels: what was asked, the labels as they were, the run directory that
is made, and how it ended (:mod:`service.labelling.refine_process`). Nothing is kept elsewhere, so that a
service that is started again knows all of them. All of it blocks.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from service.errors import NotFoundError
from vo_emline.errors import UserError
from vo_emline.files import write_bytes, write_json, write_text

BEGUN: Final = "begun.json"
"""What is to be learnt."""
ENDED: Final = "ended.json"
"""How it ended; missing until then."""
LABELS: Final = "labels.csv"
"""What people say, as they can take it along."""
RUN: Final = "run"
"""The run directory that is made."""
LOCK: Final = "lock"
"""File beside the folders that the one at work holds locked."""
FOLDER: Final = "refinements"
"""Where they are, beside the labels."""
SAID: Final = "said.txt"
"""What the process says as it goes on."""
ACCEPTED: Final = "accepted"
"""File with the name of the refinement that the next begins with; missing for the model of the release."""
STARTS_S: Final = 30.0
"""Seconds that a process may take to begin its work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refinement:
    """What the page shows of a refinement."""

    name: str
    begun: str
    """When, date and time, UTC."""
    by: str
    labels: int
    """Spectra with labels that are learnt from."""
    base: str
    """The model that it begins with: ``default`` or a run directory."""
    status: str
    """``running``, ``done``, ``refused`` (it would be worse), ``failed``, ``stopped`` or ``interrupted``."""
    said: str
    """The last that it said, or why it ended."""
    run: Path
    """Its run directory, which every command takes by ``--run``."""
    accepted: bool
    ended: Mapping[str, Any]
    """Figures on held-out spectra ``before`` and ``after``, ``counts`` of what changed, ``changed``."""


class Refinements:
    """The refinements of one service.

    Parameters
    ----------
    folder
        The folder of the labels.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder / FOLDER
        self._processes: list[subprocess.Popen[bytes]] = []

    def all(self) -> list[Refinement]:
        """Give all of them, the latest first."""
        self._processes = [one for one in self._processes if one.poll() is None]
        names = sorted((path.name for path in self._folder.glob("[0-9]*")), reverse=True)
        return [self.get(name) for name in names]

    def get(self, name: str) -> Refinement:
        """Give one.

        Raises
        ------
        NotFoundError
            There is none of this name.
        """
        folder = self._place(name)
        begun = json.loads((folder / BEGUN).read_text(encoding="utf-8"))
        ended = json.loads((folder / ENDED).read_text(encoding="utf-8")) if (folder / ENDED).exists() else {}
        status = ended.get("status") or ("running" if _at_work(begun, folder) else "interrupted")
        return Refinement(
            name=name,
            begun=f"{datetime.fromtimestamp(begun['time'], UTC):%Y-%m-%d %H:%M:%S} UTC",
            by=begun["by"],
            labels=len(begun["files"]),
            base=begun["base"],
            status=status,
            said=ended.get("message") or _last_line(folder / SAID),
            run=folder / RUN,
            accepted=self._accepted() == name,
            ended=ended,
        )

    def begin(
        self, labels: bytes, files: Sequence[Path], can_change: Sequence[Path], *, base: str, by: str
    ) -> str:
        """Begin a refinement, in a process that goes on without this one.

        Parameters
        ----------
        labels
            The table of labels, CSV.
        files
            The spectra that they are of.
        can_change
            Spectra of which is told what became of them.
        base
            The model that the release was classified with, where none was accepted since.
        by
            Who asks.

        Raises
        ------
        UserError
            One is under way.
        """
        if any(each.status == "running" for each in self.all()):
            raise UserError("a refinement is under way; wait for it, or stop it")
        number = max((int(path.name) for path in self._folder.glob("[0-9]*")), default=0) + 1
        folder = self._folder / f"{number:04d}"
        folder.mkdir(parents=True)
        write_bytes(folder / LABELS, labels)
        accepted = self._accepted()
        begun = {
            "time": time.time(), "by": by, "base": str(self._folder / accepted / RUN) if accepted else base,
            "files": [str(path) for path in files], "can_change": [str(path) for path in can_change],
        }  # fmt: skip
        write_json(folder / BEGUN, begun)
        with (folder / SAID).open("w") as said:
            process = subprocess.Popen(  # noqa: S603 - Python itself, and code of ours
                [sys.executable, "-m", "service.labelling.refine_process", str(folder)],
                stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                start_new_session=True,
            )  # fmt: skip
        self._processes.append(process)
        write_json(folder / BEGUN, {**begun, "process": process.pid})
        return folder.name

    def stop(self, name: str) -> None:
        """End the process of a refinement."""
        folder = self._place(name)
        number = json.loads((folder / BEGUN).read_text(encoding="utf-8")).get("process", 0)
        if self.get(name).status == "running" and _is_of(number, folder):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(number, signal.SIGKILL)
            write_json(folder / ENDED, {"status": "stopped", "message": "it was stopped"})

    def accept(self, name: str, *, accepted: bool) -> None:
        """Let the next refinement begin with this one, or (roll back) with the model of the release.

        Raises
        ------
        UserError
            It did not end well.
        """
        if self.get(name).status != "done":
            raise UserError(f"refinement {name} is not done; there is nothing to accept")
        write_text(self._folder / ACCEPTED, name if accepted else "")

    def _accepted(self) -> str:
        try:
            return (self._folder / ACCEPTED).read_text(encoding="utf-8").strip()
        except OSError:
            return ""

    def _place(self, name: str) -> Path:
        folder = self._folder / name
        if not (name.isascii() and name.isdigit() and (folder / BEGUN).is_file()):
            raise NotFoundError(f"there is no refinement {name!r}")
        return folder


def _at_work(begun: Mapping[str, Any], folder: Path) -> bool:
    """Tell whether the process of a refinement lives, or is just about to be begun."""
    if "process" in begun:
        return _is_of(begun["process"], folder)
    return time.time() - float(begun["time"]) < STARTS_S


def _is_of(number: int, folder: Path) -> bool:
    """Tell whether a process is that of the refinement in `folder`, and has not ended."""
    try:
        words = Path(f"/proc/{number}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return os.fsencode(folder) in words


def _last_line(path: Path) -> str:
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return next((line.strip() for line in reversed(lines) if line.strip()), "")

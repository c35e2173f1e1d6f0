"""What one start of a survey did: host, time, rate of each stage. Never part of the result."""

from __future__ import annotations

import os
import platform
import socket
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Self

from vo_emline.files import room_for, write_json
from vo_emline.survey import Tally

FOLDER = "sessions"
"""Folder of the records in the directory of a survey."""


class Session:
    """The record of one start: written when it begins, and again when it is done.

    A start that was killed leaves a record without an end.

    Parameters
    ----------
    directory
        Directory of the survey.
    part
        (i, n) where only a part was done.
    """

    def __init__(self, directory: Path, *, part: tuple[int, int] | None) -> None:
        now = datetime.now(UTC)
        host = socket.gethostname()
        self._path = directory / FOLDER / f"{now:%Y%m%dT%H%M%S}-{host}-{os.getpid()}.json"
        self._clock = time.monotonic()
        self._record: dict[str, Any] = {
            "host": host,
            "folder": str(Path.cwd()),  # from where relative paths of the inputs start
            "machine": f"{platform.machine()}, {len(os.sched_getaffinity(0))} cores",
            "version": version("vo-emline"),
            "part": None if part is None else f"{part[0]}/{part[1]}",
            "began": now.isoformat(timespec="seconds"),
            "ended": None,
        }

    @classmethod
    def begin(cls, directory: Path, *, part: tuple[int, int] | None) -> Self:
        """Write down that a start began."""
        session = cls(directory, part=part)
        session._write()
        return session

    def finish(self, tally: Tally) -> None:
        """Write down what was done."""
        wall = time.monotonic() - self._clock
        self._record |= {
            "ended": datetime.now(UTC).isoformat(timespec="seconds"),
            "seconds": round(wall, 3),
            "spectra": tally.inputs_now,
            "spectra_per_second": round(tally.inputs_now / wall, 1),
            "stages": {
                stage: {
                    "seconds": round(seconds, 3),
                    "spectra_per_second": round(tally.inputs_now / seconds, 1),
                }
                for stage, seconds in tally.seconds.items()
                if seconds > 0
            },
        }
        self._write()

    def _write(self) -> None:
        with room_for(self._path):
            write_json(self._path, self._record)

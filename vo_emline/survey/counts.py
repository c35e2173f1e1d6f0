"""What became of the inputs: counted, shown while it lasts, and written down at the end."""

from __future__ import annotations

import os
import platform
import socket
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, Self

import pyarrow as pa
import pyarrow.compute as pc
from tqdm.auto import tqdm

from vo_emline.files import room_for, write_json
from vo_emline.labels import LABELS
from vo_emline.progress import is_quiet, track


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardCounts:
    """What became of the inputs of one shard. Travels between processes."""

    number: int
    inputs: int
    classes: dict[str, int]
    """Scores per label."""
    flags: dict[str, int]
    """Scores per flag."""
    rejects: dict[str, int]
    """Rejects per reason."""
    seconds: dict[str, float] = field(default_factory=dict)
    """Seconds per stage (``read``, ``predict``, ``write``); empty for a shard that was finished before."""

    def timed(self, **seconds: float) -> ShardCounts:
        """Give the same counts with the seconds that stages took."""
        return replace(self, seconds=seconds)

    def labelled(self, classes: Mapping[str, int]) -> ShardCounts:
        """Give the same counts with other numbers per label."""
        return replace(self, classes=dict(classes))


def count_rows(number: int, *, scores: pa.Table, rejects: pa.Table) -> ShardCounts:
    """Count the rows of a shard.

    Parameters
    ----------
    number
        Number of the shard.
    scores
        Its scores, at least the columns ``label`` and ``flags``.
    rejects
        Its rejects, at least the column ``code``.
    """
    flags: Counter[str] = Counter()
    for words, count in _value_counts(scores["flags"]).items():
        for word in words.split():
            flags[word] += count
    return ShardCounts(
        number=number,
        inputs=len(scores) + len(rejects),
        classes=_value_counts(scores["label"]),
        flags=dict(flags),
        rejects=_value_counts(rejects["code"]),
    )


@dataclass(slots=True)
class Tally:
    """Counts and times of many shards added up."""

    shards: int = 0
    inputs: int = 0
    inputs_now: int = 0
    """Inputs of the shards that were not finished before."""
    classes: Counter[str] = field(default_factory=lambda: Counter(dict.fromkeys(LABELS, 0)))
    flags: Counter[str] = field(default_factory=Counter)
    rejects: Counter[str] = field(default_factory=Counter)
    seconds: Counter[str] = field(default_factory=Counter)

    def add(self, counts: ShardCounts) -> None:
        """Add the counts of a shard."""
        self.shards += 1
        self.inputs += counts.inputs
        self.inputs_now += counts.inputs if counts.seconds else 0
        self.classes.update(counts.classes)
        self.flags.update(counts.flags)
        self.rejects.update(counts.rejects)
        for stage, seconds in counts.seconds.items():
            self.seconds[stage] += seconds  # type: ignore[assignment]  # a Counter adds floats too

    @classmethod
    def of(cls, shards: Iterable[ShardCounts]) -> Tally:
        """Add up the counts of shards."""
        tally = cls()
        for counts in shards:
            tally.add(counts)
        return tally


def _value_counts(column: pa.ChunkedArray) -> dict[str, int]:
    return {row["values"]: row["counts"] for row in pc.value_counts(column).to_pylist()}


EVERY: Final = 30.0
"""Seconds between two lines where there is no terminal."""


class Meter:
    """Shows done and to do, rate, remaining time, and the classes found.

    Parameters
    ----------
    total
        Number of inputs.
    finished
        What was finished before.
    doing
        What is done, in a word.
    say
        Receives a line every now and then where standard error is no terminal.
    every
        Seconds between two lines.
    clock
        Gives seconds.
    """

    def __init__(
        self,
        total: int,
        finished: Tally,
        *,
        doing: str = "classifying",
        say: Callable[[str], None],
        every: float = EVERY,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.tally = finished
        self._total, self._before = total, finished.inputs
        self._say, self._every, self._clock = say, every, clock
        self._began = self._said = clock()
        self._bar: tqdm[ShardCounts] = track(None, doing, total=total)
        self._bar.update(finished.inputs)
        self._silent = is_quiet() or sys.stderr.isatty()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def add(self, counts: ShardCounts) -> None:
        """Take note of a finished shard."""
        self.tally.add(counts)
        self._bar.set_postfix_str(self._classes(), refresh=False)
        self._bar.update(counts.inputs)
        now = self._clock()
        if not self._silent and now - self._said >= self._every:
            self._said = now
            self._say(self.line())

    def line(self) -> str:
        """Say in one line how far it is."""
        done = self.tally.inputs
        rate = (done - self._before) / max(self._clock() - self._began, 1e-9)
        left = timedelta(seconds=round((self._total - done) / rate)) if rate else "unknown"
        share = f"{done / max(self._total, 1):.1%}"
        return f"{done} of {self._total} ({share}), {rate:.0f} spectra/s, {left} left: {self._classes()}"

    def _classes(self) -> str:
        classes, rejects = self.tally.classes, self.tally.rejects.total()
        found = [f"{classes[name]} {name}" for name in LABELS[1:]] if classes.total() else []
        return ", ".join([*found, f"{rejects} rejected"])


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveySummary:
    """What became of the inputs. ``inputs = sum(classes) + sum(rejects)``, checked."""

    inputs: int
    classes: dict[str, int]
    """Scores per label."""
    flags: dict[str, int]
    """Scores per flag."""
    rejects: dict[str, int]
    """Rejects per reason."""
    model_version: str

    @property
    def scores(self) -> int:
        """Number of inputs with a score."""
        return sum(self.classes.values())


SESSIONS: Final = "sessions"
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
        self._path = directory / SESSIONS / f"{now:%Y%m%dT%H%M%S}-{host}-{os.getpid()}.json"
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


def describe(result: SurveySummary | Tally, directory: Path) -> str:
    """Say in a few lines what became of the inputs, and where it is.

    Parameters
    ----------
    result
        Of the whole survey, or of a part.
    directory
        Directory of the survey.
    """
    lines = [f"{result.classes.get(label, 0):10d}  {label}" for label in LABELS]
    lines += [f"{count:10d}  rejected: {code}" for code, count in sorted(result.rejects.items())]
    lines += [f"{result.inputs:10d}  inputs"]
    if isinstance(result, SurveySummary):
        return "\n".join([*lines, f"all in {directory}: candidates.vot, candidates.parquet, summary.json"])
    return "\n".join([*lines, "this part is done; when all are, start with --finish"])

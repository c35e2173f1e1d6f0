"""How far a survey is: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Final, Self

from tqdm.auto import tqdm

from vo_emline.labels import LABELS
from vo_emline.progress import is_quiet, track
from vo_emline.survey.counts import ShardCounts, Tally

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
        say: Callable[[str], None],
        every: float = EVERY,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.tally = finished
        self._total, self._before = total, finished.inputs
        self._say, self._every, self._clock = say, every, clock
        self._began = self._said = clock()
        self._bar: tqdm[ShardCounts] = track(None, "classifying", total=total)
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
        return ", ".join([*(f"{classes[name]} {name}" for name in LABELS[1:]), f"{rejects} rejected"])

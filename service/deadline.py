"""Until when an answer must be there, counted from the arrival of its request."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment, and how long the time before it was."""

    moment: float
    """By ``time.monotonic``."""
    seconds: float
    """The whole limit, for messages."""

    @classmethod
    def after(cls, seconds: float) -> Self:
        """Give the deadline that is `seconds` from now."""
        return cls(time.monotonic() + seconds, seconds)

    def remaining(self) -> float:
        """Give the seconds that are left; 0 where it has passed."""
        return max(0.0, self.moment - time.monotonic())

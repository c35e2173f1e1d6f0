"""What a fetch came to, as numbers and in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vo_emline.archives.index import MISSING
from vo_emline.rejects import Reject


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchReport:
    """What a fetch came to."""

    output: Path
    """The folder."""
    wanted: int
    """How many spectra were asked for."""
    present: int
    """How many were there before."""
    fetched: int
    """How many came now."""
    size: int = 0
    """Bytes that came now."""
    seconds: float = 0.0
    """Time the downloads took."""
    missing: Sequence[Reject] = ()
    """Those that could not be had, and why."""
    retryable: int = 0
    """How many of those missing may come another time."""
    halted: str = ""
    """Why the work ended early; empty where it did not."""
    truncated: bool = False
    """Whether the archive has more spectra than it listed."""

    @property
    def complete(self) -> bool:
        """Whether nothing is left that asking again could bring."""
        return self.retryable == 0

    def summary(self) -> str:
        """Say it in a few lines."""
        rate = f" ({self.fetched / self.seconds:.1f} per second)" if self.seconds > 0 and self.fetched else ""
        counts = (
            f"{self.present + self.fetched} of {self.wanted} spectra are in {self.output}: "
            f"{self.present} were there, {self.fetched} fetched, {self.size / 1e6:.1f} MB{rate}"
        )
        lines = [counts, *self._reasons()]
        if self.halted:
            lines.append(f"  ended early: {self.halted}")
        if self.truncated:
            lines.append("  the archive cut its list: narrow the query, or raise --maxrec")
        if self.retryable:
            lines.append(f"  {self.retryable} may come another time: run the same command again")
        if self.missing:
            lines.append(f"  all of them with reasons: {self.output / MISSING}")
        return "\n".join(lines)

    def _reasons(self) -> list[str]:
        """Give a line for each kind of reason, the commonest first, with an example."""
        kinds: dict[str, list[Reject]] = {}
        for reject in self.missing:
            kinds.setdefault(reject.code, []).append(reject)
        return [
            f"  {len(rejects)} could not be had ({code}): {rejects[0].message}"
            for code, rejects in sorted(kinds.items(), key=lambda kind: -len(kind[1]))
        ]

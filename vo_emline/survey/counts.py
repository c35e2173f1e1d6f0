"""Counting what became of the inputs: of one shard, and of a survey."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from vo_emline.labels import LABELS


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
        return ShardCounts(
            number=self.number,
            inputs=self.inputs,
            classes=self.classes,
            flags=self.flags,
            rejects=self.rejects,
            seconds=seconds,
        )


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


def describe_classes(counts: Mapping[str, int]) -> str:
    """Put counts in words: ``12 emission, 3 double-peak``."""
    return ", ".join(f"{count} {name}" for name, count in counts.items())


def _value_counts(column: pa.ChunkedArray) -> dict[str, int]:
    return {row["values"]: row["counts"] for row in pc.value_counts(column).to_pylist()}

"""The few spectra among millions that a strategy has to look at.

A catalogue is gone through once, a batch at a time; of each kind of worth the best are kept. What is chosen
of them is what would be chosen of all, as far as a strategy asks for the best.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from vo_emline.arrays import Column, FloatArray, IntArray
from vo_emline.candidates.classified import Classified
from vo_emline.labelling.strategies import NOTHING_SEEN, entropy, margin
from vo_emline.labels import ABSORPTION, LABELS, PROBABILITY_COLUMNS

COLUMNS: Final = ("label", "score", *PROBABILITY_COLUMNS, "ew", "ew_error", "flags")
"""What is read of every spectrum."""

BEYOND_DOUBT: Final = 5.0
"""Emission counts as seen by the simple check where the equivalent width is so many standard deviations
below zero; the flag :data:`UNSEEN_LINE` counts as well."""

UNSEEN_LINE: Final = "line_unlike_training"
STRANGE: Final = (UNSEEN_LINE, "unlike_training")
"""Flags of lines that the network was shown nothing like."""

Worth = Callable[[pa.Table, npt.NDArray[np.uint64]], FloatArray]
"""From rows with :data:`COLUMNS`, and a random number of each, to what they are worth: the most are kept,
and none that is not above zero."""


def positive(rows: pa.Table) -> npt.NDArray[np.bool_]:
    """Tell which rows were called emission, shape (n,)."""
    return np.asarray(
        pc.not_equal(rows["label"], LABELS[ABSORPTION]).to_numpy(zero_copy_only=False), dtype=bool
    )


def probabilities(rows: pa.Table) -> FloatArray:
    """Give the probabilities of the classes, shape (n, 3)."""
    return np.column_stack([_numbers(rows, name) for name in PROBABILITY_COLUMNS])


def strength(rows: pa.Table) -> Column:
    """Tell how plainly a simple check sees emission, shape (n,): 1 beyond doubt, NaN if not measured."""
    with np.errstate(invalid="ignore", divide="ignore"):
        seen = -_numbers(rows, "ew") / _numbers(rows, "ew_error") / BEYOND_DOUBT
    return np.where(flagged(rows, UNSEEN_LINE), np.fmax(seen, 1.5), np.where(np.isfinite(seen), seen, np.nan))


def flagged(rows: pa.Table, *flags: str) -> npt.NDArray[np.bool_]:
    """Tell which rows have one of some flags, shape (n,)."""
    pattern = rf"\b({'|'.join(flags)})\b"
    found = pc.fill_null(pc.match_substring_regex(rows["flags"], pattern), False)
    return np.asarray(found.to_numpy(zero_copy_only=False), dtype=bool)


def by_entropy(rows: pa.Table, _: npt.NDArray[np.uint64]) -> FloatArray:
    """Count the entropy of the probabilities."""
    return np.asarray(entropy(probabilities(rows)))


def by_margin(rows: pa.Table, _: npt.NDArray[np.uint64]) -> FloatArray:
    """Count how near the two most probable classes are."""
    return np.asarray(margin(probabilities(rows)))


def by_chance(rows: pa.Table, chance: npt.NDArray[np.uint64]) -> FloatArray:
    """Count chance alone, of what was called emission."""
    return np.where(positive(rows), 1.0 + chance.astype(np.float64), 0.0)


def by_line_without_label(rows: pa.Table, _: npt.NDArray[np.uint64]) -> FloatArray:
    """Count how plain a line is, of what was called absorption."""
    seen = np.nan_to_num(strength(rows), nan=0.0)
    return np.where(~positive(rows) & (seen > 1.0), seen, 0.0)


def by_label_without_line(rows: pa.Table, _: npt.NDArray[np.uint64]) -> FloatArray:
    """Count how little of a line is seen, of what was called emission."""
    seen = strength(rows)
    lacks = positive(rows) & (np.nan_to_num(seen, nan=1.0) < NOTHING_SEEN)
    return np.where(lacks, 1.0 - np.nan_to_num(seen), 0.0)


def by_strangeness(rows: pa.Table, _: npt.NDArray[np.uint64]) -> FloatArray:
    """Count the flags of :data:`STRANGE`."""
    return flagged(rows, *STRANGE).astype(np.float64)


def gather(catalogue: Classified, worths: Mapping[str, Worth], *, most: int, seed: int) -> IntArray:
    """Give the rows of a catalogue that are worth most, of each kind of worth.

    Parameters
    ----------
    catalogue
        What is gone through.
    worths
        Kinds of worth.
    most
        Rows of each kind at most; ties are settled by chance.
    seed
        The same seed gives the same rows.

    Returns
    -------
    numpy.ndarray
        Their numbers, each once, in rising order.
    """
    kept = {name: _Best(most) for name in worths}
    first = 0
    for batch in catalogue.batches(COLUMNS):
        rows = pa.Table.from_batches([batch])
        number = np.arange(first, first + len(rows), dtype=np.int64)
        chance = scattered(number, seed)
        for name, worth in worths.items():
            kept[name].add(number, worth(rows, chance), chance)
        first += len(rows)
    return np.unique(np.concatenate([best.rows for best in kept.values()]))


def scattered(numbers: IntArray, seed: int) -> npt.NDArray[np.uint64]:
    """Give a random number for each number, always the same (SplitMix64: Steele, Lea & Flood 2014)."""
    with np.errstate(over="ignore"):
        state = (numbers.astype(np.uint64) + np.uint64(seed) * np.uint64(0x632BE59BD9B4E019)) * np.uint64(
            0x9E3779B97F4A7C15
        )
        state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))


class _Best:
    """The rows worth most of those seen so far.

    Parameters
    ----------
    most
        How many are kept.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self.rows = np.empty(0, dtype=np.int64)
        self._worth = np.empty(0)
        self._chance = np.empty(0, dtype=np.uint64)

    def add(self, rows: IntArray, worth: FloatArray, chance: npt.NDArray[np.uint64]) -> None:
        """See more rows."""
        least = self._worth.min() if self._worth.size == self._most else 0.0
        good = np.flatnonzero((worth > 0) & (worth >= least))
        if not good.size:
            return
        self.rows = np.concatenate([self.rows, rows[good]])
        self._worth = np.concatenate([self._worth, worth[good]])
        self._chance = np.concatenate([self._chance, chance[good]])
        if self.rows.size > self._most:
            best = np.lexsort((self._chance, -self._worth))[: self._most]
            self.rows, self._worth, self._chance = self.rows[best], self._worth[best], self._chance[best]


def _numbers(rows: pa.Table, name: str) -> FloatArray:
    return np.asarray(rows[name].to_numpy(zero_copy_only=False), dtype=np.float64)

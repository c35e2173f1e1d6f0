"""Examples: windows with a class and where they come from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from vo_emline.labels import LABELS
from vo_emline.preprocess.windows import WindowSet, concatenate
from vo_emline.training.stars import group_by_star

NAMING: Final = ("object_name", "designation", "ra", "dec")
"""Columns of an identity by which stars are told apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Examples:
    """Windows of labelled spectra. Row *i* of every member belongs to the same spectrum."""

    windows: WindowSet
    label: npt.NDArray[np.int64]
    """Class index into :data:`~vo_emline.labels.LABELS`, shape (n,)."""
    origin: tuple[str, ...]
    """Where each comes from (``labelled``, ``simulated``, ``injected``); metrics are given per origin."""

    def __len__(self) -> int:
        """Count the examples."""
        return len(self.label)

    @classmethod
    def of(cls, windows: WindowSet, label: npt.NDArray[np.int64], *, origin: str) -> Examples:
        """Make examples of one origin, leaving out windows whose label is negative (unlabelled)."""
        rows = np.flatnonzero(label >= 0)
        return cls(windows=windows.take(rows), label=label[rows], origin=(origin,) * rows.size)

    def take(self, rows: npt.NDArray[np.int64]) -> Examples:
        """Pick examples by index."""
        return Examples(
            windows=self.windows.take(rows),
            label=self.label[rows],
            origin=tuple(self.origin[row] for row in rows),
        )

    def stars(self) -> npt.NDArray[np.int64]:
        """Give each example the number of its star, shape (n,)."""
        return stars_of(self.windows.identity)

    def strata(self) -> npt.NDArray[np.int64]:
        """Give each example the number of its origin and class, for splits to spread evenly, shape (n,)."""
        origin = np.unique(np.array(self.origin, dtype=str), return_inverse=True)[1]
        return np.asarray(self.label + len(LABELS) * origin, dtype=np.int64)


def join(parts: Sequence[Examples]) -> Examples:
    """Put examples of several origins into one set, in order."""
    return Examples(
        windows=concatenate([part.windows for part in parts]),
        label=np.concatenate([part.label for part in parts]),
        origin=tuple(origin for part in parts for origin in part.origin),
    )


def stars_of(identity: pa.Table) -> npt.NDArray[np.int64]:
    """Give each row of an identity table the number of its star, by name and position, shape (n,)."""
    names = [
        name or designation
        for name, designation in zip(
            identity["object_name"].to_pylist(), identity["designation"].to_pylist(), strict=True
        )
    ]
    ra, dec = (np.array(identity[c].to_pylist(), dtype=np.float64) for c in ("ra", "dec"))
    return group_by_star(names, ra, dec)

"""A catalogue in memory, as an audit sees one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa


@dataclass(frozen=True)
class InMemory:
    """Spectra with ``file``, ``publisher_did``, ``label`` and ``score``."""

    table: pa.Table
    batch: int = 8000

    def __len__(self) -> int:
        return len(self.table)

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        yield from self.table.select(list(columns)).to_batches(self.batch)

    def take(self, rows: npt.NDArray[np.int64]) -> pa.Table:
        return self.table.take(pa.array(rows))

"""A result on its way to the client: described columns, batches of rows, and whether rows were left out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from vo_emline.errors import UserError
from vo_emline.tables import Column

if TYPE_CHECKING:
    from astropy.io.votable.tree import Resource


def conform(batch: pa.RecordBatch, columns: Sequence[Column]) -> pa.RecordBatch:
    """Bring the columns of `batch`, by place, to the declared types.

    Raises
    ------
    UserError
        A value that the query computes does not fit the declared type.
    """
    arrays = [_cast(array, column) for array, column in zip(batch.columns, columns, strict=True)]
    # Names may repeat in a batch (SELECT a.x, b.x), places may not.
    return pa.RecordBatch.from_arrays(arrays, names=[f"c{index}" for index in range(len(arrays))])


def _cast(array: pa.Array, column: Column) -> pa.Array:
    wanted = column.arrow_type
    if array.type == wanted:
        return array
    if pa.types.is_timestamp(array.type) and wanted == pa.string():
        return pc.strftime(array, format="%Y-%m-%dT%H:%M:%S")
    try:
        return array.cast(wanted, safe=not pa.types.is_floating(wanted))
    except pa.ArrowInvalid as error:
        raise UserError(f"column {column.name}: {error}") from error


@dataclass(slots=True, kw_only=True)
class Result:
    """The rows of an answer.

    Parameters
    ----------
    columns
        Description of each column, in order.
    batches
        The rows, ``limit + 1`` of them at most; iterating may raise.
    limit
        Rows to hand out.
    infos
        Name and value of further INFO elements (the query, the release).
    resources
        Further VOTable resources (service descriptors).
    """

    columns: Sequence[Column]
    batches: Iterable[pa.RecordBatch]
    limit: int
    infos: Mapping[str, str] = field(default_factory=dict)
    resources: Sequence[Resource] = ()
    overflow: bool = False
    """Set while :meth:`rows` is read: whether there were more rows than the limit."""
    delivered: int = 0
    """Rows handed out so far."""

    failure: str = ""
    """Set by a writer that had to end early: what went wrong on the way."""

    def rows(self) -> Iterator[pa.RecordBatch]:
        """Give the rows within the limit, in the declared types."""
        for batch in self.batches:
            wanted = self.limit - self.delivered
            self.overflow = batch.num_rows > wanted
            if part := min(batch.num_rows, wanted):
                self.delivered += part
                yield conform(batch.slice(0, part), self.columns)
            if self.overflow:
                return

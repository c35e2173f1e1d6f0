"""A result on its way to the client: described columns, batches of rows, and whether rows were left out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from struct import Struct
from typing import TYPE_CHECKING, Final

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


Encode = Callable[[pa.RecordBatch, Sequence[Column]], bytes]
"""Writes whole rows, in the columns they are described by; a function of a module, or a partial of one."""

_HEAD: Final = Struct("<I?")
"""A piece before each that holds rows: how many they are, and whether rows beyond the limit were left out."""


@dataclass(slots=True, kw_only=True)
class Result:
    """The rows of an answer.

    Parameters
    ----------
    columns
        Description of each column, in order.
    batches
        The rows, ``limit + 1`` of them at most; iterating may raise.
    pieces
        The same, already encoded (:func:`encode_rows`); `batches` is empty then.
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
    pieces: Iterable[bytes] | None = None
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

    def encoded(self, encode: Encode) -> Iterator[bytes]:
        """Give the rows within the limit as `encode` writes them, wherever that was done."""
        pieces = self.pieces
        if pieces is None:
            pieces = encode_rows(self.batches, encode=encode, columns=self.columns, limit=self.limit)
        pieces = iter(pieces)
        for head in pieces:
            rows, overflow = _HEAD.unpack(head)
            self.delivered += rows
            self.overflow = self.overflow or overflow
            if rows:
                yield next(pieces)


def encode_rows(
    batches: Iterable[pa.RecordBatch], *, encode: Encode, columns: Sequence[Column], limit: int
) -> Iterator[bytes]:
    """Encode the rows of an answer, up to a limit, for :meth:`Result.encoded`: where the rows are made.

    Raises
    ------
    UserError
        A value does not fit the declared type.
    """
    result = Result(columns=columns, batches=batches, limit=limit)
    told = False
    for batch in result.rows():
        told = result.overflow
        rows = encode(batch, columns)
        yield _HEAD.pack(batch.num_rows, told)
        yield rows
    if result.overflow and not told:
        yield _HEAD.pack(0, True)

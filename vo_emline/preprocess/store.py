"""Windows on disk: Arrow IPC (memory-mapped when read) or Parquet, chosen by suffix.

One row per window: ``flux``, ``ivar`` (140 values each), ``continuum`` (2) and
``indices`` (values, then their errors) and ``wings`` as fixed-size lists of
float32, then the columns of the identity and of the coverage. Indices, wings
and coverage are NULL for windows that have none. The schema carries the
grid and the settings the windows were made with.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, fields
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from vo_emline.errors import DataError, UserError
from vo_emline.files import atomic_path
from vo_emline.preprocess.identity import COVERAGE_SCHEMA, IDENTITY_SCHEMA
from vo_emline.preprocess.indices import N_INDICES
from vo_emline.preprocess.options import PreprocessOptions
from vo_emline.preprocess.windows import N_PIXELS, N_WINGS, WINDOW_VAC, WindowSet
from vo_emline.rejects import Reject

ROWS_PER_BATCH: Final = 65_536

_GRID_KEY: Final = b"vo_emline.grid"
_OPTIONS_KEY: Final = b"vo_emline.preprocess"
_GRID: Final = f"linspace({WINDOW_VAC[0]:g}, {WINDOW_VAC[1]:g}, {N_PIXELS})".encode()

_ARRAYS: Final = {"flux": N_PIXELS, "ivar": N_PIXELS, "continuum": 2}
_INDICES: Final = "indices"
_WINGS: Final = "wings"
STORE_SCHEMA: Final = pa.schema(
    [
        *(pa.field(name, pa.list_(pa.float32(), size)) for name, size in _ARRAYS.items()),
        pa.field(_INDICES, pa.list_(pa.float32(), 2 * N_INDICES)),
        pa.field(_WINGS, pa.list_(pa.float32(), N_WINGS)),
        *IDENTITY_SCHEMA,
        *COVERAGE_SCHEMA,
    ]
)
"""Columns of a store of windows."""

ADDED: Final = ("epoch_kind", "read_flags")
"""Columns that stores of earlier versions lack; empty texts stand for them."""

_EARLIER: Final = tuple(
    pa.schema([one for one in STORE_SCHEMA if one.name not in lacking])
    for lacking in ((_WINGS,), (_WINGS, *ADDED))
)

REJECT_SCHEMA: Final = pa.schema([(field.name, pa.string()) for field in fields(Reject)])
"""Columns of a table of rejects."""


def write_windows(
    path: Path, windows: WindowSet | Iterable[WindowSet], *, options: PreprocessOptions | None = None
) -> int:
    """Write windows to a store, atomically; an interruption leaves what was there before.

    Parameters
    ----------
    path
        Ends in ``.arrow`` (memory-mapped when read) or ``.parquet`` (smaller).
    windows
        One set, or many in turn, of which only one is held at a time.
    options
        The settings they were made with, to be kept with them.

    Returns
    -------
    int
        How many windows were written.

    Raises
    ------
    UserError
        For any other suffix.
    """
    sets = [windows] if isinstance(windows, WindowSet) else windows
    metadata = {_GRID_KEY: _GRID}
    if options is not None:
        metadata[_OPTIONS_KEY] = options.model_dump_json().encode()
    schema = STORE_SCHEMA.with_metadata(metadata)
    is_parquet = _is_parquet(path)
    count = 0
    with atomic_path(path) as temporary:
        make = pq.ParquetWriter if is_parquet else pa.ipc.new_file
        with make(str(temporary), schema) as writer:
            for one in sets:
                writer.write_table(_to_table(one, schema), ROWS_PER_BATCH)
                count += len(one)
    return count


def read_windows(path: Path) -> WindowSet:
    """Read a store as one set.

    An ``.arrow`` store of up to :data:`ROWS_PER_BATCH` windows is not copied
    but mapped; use :func:`iter_windows` for larger ones.

    Raises
    ------
    DataError
        ``not_a_store`` where the file is none, or of another grid.
    UserError
        For a suffix other than ``.arrow`` and ``.parquet``.
    """
    return _from_table(pa.Table.from_batches(_batches(path), schema=_schema(path)))


def iter_windows(path: Path) -> Iterator[WindowSet]:
    """Read a store piece by piece, each of up to :data:`ROWS_PER_BATCH` windows.

    The memory needed does not depend on the size of the store. Raises as
    :func:`read_windows`.
    """
    for batch in _batches(path):
        yield _from_table(pa.Table.from_batches([batch]))


def count_windows(path: Path) -> int:
    """Count the windows of a store without reading them; raises as :func:`read_windows`."""
    _schema(path)
    if _is_parquet(path):
        return int(pq.read_metadata(str(path)).num_rows)
    with pa.memory_map(str(path)) as file:
        reader = pa.ipc.open_file(file)
        return sum(reader.get_batch(index).num_rows for index in range(reader.num_record_batches))


def read_options(path: Path) -> PreprocessOptions | None:
    """Give the settings the windows of a store were made with, where it holds them."""
    stored = (_schema(path).metadata or {}).get(_OPTIONS_KEY)
    return None if stored is None else PreprocessOptions.model_validate_json(stored)


def write_rejects(path: Path, rejects: Iterable[Reject]) -> None:
    """Write rejects as Parquet, atomically."""
    table = pa.Table.from_pylist([asdict(reject) for reject in rejects], schema=REJECT_SCHEMA)
    with atomic_path(path) as temporary:
        pq.write_table(table, str(temporary))


def read_rejects(path: Path) -> list[Reject]:
    """Read what :func:`write_rejects` wrote."""
    return [Reject(**row) for row in pq.read_table(str(path), schema=REJECT_SCHEMA).to_pylist()]


def _is_parquet(path: Path) -> bool:
    if path.suffix not in {".arrow", ".parquet"}:
        raise UserError(f"{path}: a store of windows ends in .arrow or .parquet")
    return path.suffix == ".parquet"


def _schema(path: Path) -> pa.Schema:
    try:
        if _is_parquet(path):
            schema = pq.read_schema(str(path))
        else:
            with pa.memory_map(str(path)) as file:
                schema = pa.ipc.open_file(file).schema
    except (pa.ArrowException, OSError) as error:
        raise DataError(str(path), "not_a_store", f"not a store of windows: {error}") from error
    if (
        not (schema.equals(STORE_SCHEMA) or any(map(schema.equals, _EARLIER)))
        or (schema.metadata or {}).get(_GRID_KEY) != _GRID
    ):
        raise DataError(str(path), "not_a_store", "a table of other columns or of another grid")
    return schema


def _batches(path: Path) -> Iterator[pa.RecordBatch]:
    _schema(path)
    if _is_parquet(path):
        with pq.ParquetFile(str(path)) as file:
            yield from file.iter_batches(ROWS_PER_BATCH)
        return
    # the batches keep the map open for as long as anyone uses them
    reader = pa.ipc.open_file(pa.memory_map(str(path)))
    for index in range(reader.num_record_batches):
        yield reader.get_batch(index)


def _to_table(windows: WindowSet, schema: pa.Schema) -> pa.Table:
    arrays = {
        name: pa.FixedSizeListArray.from_arrays(np.ascontiguousarray(getattr(windows, name)).ravel(), size)
        for name, size in _ARRAYS.items()
    }
    arrays |= {name: _optional_column(windows, name) for name in (_INDICES, _WINGS)}
    coverage = windows.coverage
    if coverage is None:
        coverage = pa.table(
            [pa.nulls(len(windows), kind) for kind in COVERAGE_SCHEMA.types], schema=COVERAGE_SCHEMA
        )
    columns = {name: table[name] for table in (windows.identity, coverage) for name in table.column_names}
    return pa.table(arrays | columns, schema=schema)


def _optional_column(windows: WindowSet, name: str) -> pa.Array:
    kind, found = STORE_SCHEMA.field(name).type, getattr(windows, name)
    if found is None:
        return pa.nulls(len(windows), kind)
    return pa.FixedSizeListArray.from_arrays(
        np.ascontiguousarray(found, dtype=np.float32).ravel(), kind.list_size
    )


def _from_table(table: pa.Table) -> WindowSet:
    flux, ivar, continuum = (_values(table[name], size) for name, size in _ARRAYS.items())
    covered, indexed = (table[name].null_count == 0 for name in ("layout", _INDICES))
    winged = _WINGS in table.column_names and table[_WINGS].null_count == 0
    return WindowSet(
        flux=flux,
        ivar=ivar,
        continuum=continuum,
        identity=_identity(table),
        coverage=table.select(COVERAGE_SCHEMA.names) if covered else None,
        indices=_values(table[_INDICES], 2 * N_INDICES).reshape(-1, 2, N_INDICES) if indexed else None,
        wings=_values(table[_WINGS], N_WINGS) if winged else None,
    )


def _identity(table: pa.Table) -> pa.Table:
    for name in ADDED:
        if name not in table.column_names:
            table = table.append_column(name, pa.array([""]).take(pa.array(np.zeros(len(table), np.int64))))
    return table.select(IDENTITY_SCHEMA.names)


def _values(column: pa.ChunkedArray, size: int) -> npt.NDArray[np.float32]:
    """Give a column of lists as an array, without a copy where it is in one piece."""
    whole = column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
    return np.asarray(whole.flatten()).reshape(-1, size)

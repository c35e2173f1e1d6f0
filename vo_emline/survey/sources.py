"""What a survey is cut from, as its user names it: files, folders and lists of them, or a store of windows.

The list of files is on disk: written once, read a shard at a time, so that millions cost no memory.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Final, Protocol, runtime_checkable

import pyarrow as pa

from vo_emline.errors import DataError, UserError
from vo_emline.files import atomic_path, room_for, write_json
from vo_emline.preprocess.options import PreprocessOptions
from vo_emline.spectra import PassedOver, iter_spectra
from vo_emline.survey.growth import take_over
from vo_emline.survey.shards import Shard, ShardSource, require_same
from vo_emline.survey.store import WindowStore, find_store

FILE_NAME: Final = "inputs.arrow"
"""Name of the list in the directory of a survey."""

PASSED_OVER: Final = "passed-over.json"
"""Name of the account of what lay in the folders and is no input, in the directory of a survey."""

_ORIGIN: Final = b"vo_emline.origin"
_SCHEMA: Final = pa.schema([("source", pa.binary())])


class InputList:
    """The files of a survey, cut into shards: an Arrow file with one record batch per shard.

    Parameters
    ----------
    path
        The file that :func:`write_inputs` wrote.

    Raises
    ------
    DataError
        ``not_a_list`` where it is none.
    """

    store: Path | None = None
    """Folder of the store of windows; None: what is listed are files."""

    def __init__(self, path: Path) -> None:
        try:
            self._reader = pa.ipc.open_file(pa.OSFile(str(path)))
        except (pa.ArrowException, OSError) as error:
            raise DataError(str(path), "not_a_list", f"not a list of inputs: {error}") from error

    @property
    def origin(self) -> dict[str, object]:
        """What the list was made from, as :func:`write_inputs` was told."""
        found: dict[str, object] = json.loads(self._reader.schema.metadata[_ORIGIN])
        return found

    @property
    def n_shards(self) -> int:
        """Number of shards."""
        return int(self._reader.num_record_batches)

    @cached_property
    def inputs(self) -> int:
        """Number of files; all shards but the last are equally long."""
        if not self.n_shards:
            return 0
        last = self.n_shards - 1
        return last * len(self._batch(0)) + len(self._batch(last))

    @cached_property
    def inputs_sha256(self) -> str:
        """Digest of the list, order included."""
        digest = hashlib.sha256()
        for number in range(self.n_shards):
            digest.update(b"".join(name + b"\n" for name in self._batch(number).to_pylist()))
        return digest.hexdigest()

    def size(self, number: int) -> int:
        """Give the number of files of a shard."""
        return len(self._batch(number))

    def shard(self, number: int) -> Shard:
        """Give a shard with the names of its files."""
        sources = tuple(os.fsdecode(name) for name in self._batch(number).to_pylist())
        return Shard(number, len(sources), sources)

    def _batch(self, number: int) -> pa.Array:
        return self._reader.get_batch(number).column(0)


def list_once(
    directory: Path,
    names: Callable[[], Iterable[str]],
    *,
    origin: Mapping[str, object],
    shard_size: int,
    may_be_empty: bool = False,
) -> InputList:
    """Give the list of inputs of a survey, which is made at its first start and kept.

    Parameters
    ----------
    directory
        The directory of the survey.
    names
        Names the files; asked at the first start only.
    origin
        What the files are named by; the same at every start.
    shard_size
        Files per shard.
    may_be_empty
        Whether there may be nothing to read.

    Raises
    ------
    UserError
        There are no files, or the directory holds a survey of others.
    """
    path = directory / FILE_NAME
    if not path.is_file():
        with room_for(path):
            return write_inputs(
                path, names(), shard_size=shard_size, origin=origin, may_be_empty=may_be_empty
            )
    listed = InputList(path)
    require_same(directory, listed.origin, origin)
    return listed


def write_inputs(
    path: Path,
    sources: Iterable[str],
    *,
    shard_size: int,
    origin: Mapping[str, object],
    may_be_empty: bool = False,
) -> InputList:
    """Write the list of inputs, atomically, holding one shard of it at a time.

    Parameters
    ----------
    path
        The file.
    sources
        Names of files, in order.
    shard_size
        Files per shard.
    origin
        JSON-ready: what the list is made from.
    may_be_empty
        Whether a list of nothing is one.

    Raises
    ------
    UserError
        There are no inputs.
    """
    schema = _SCHEMA.with_metadata({_ORIGIN: json.dumps(origin, sort_keys=True)})
    shards = _cut(iter(sources), shard_size)
    first = next(shards, None)
    if first is None and not may_be_empty:
        raise UserError("there is nothing to read: no files were given")
    with atomic_path(path) as temporary, pa.ipc.new_file(str(temporary), schema) as writer:
        if first is not None:
            writer.write_batch(_batch(first, schema))
        for names in shards:
            writer.write_batch(_batch(names, schema))
    return InputList(path)


def _cut(sources: Iterator[str], size: int) -> Iterator[list[bytes]]:
    while names := [os.fsencode(name) for name in islice(sources, size)]:
        yield names


def _batch(names: list[bytes], schema: pa.Schema) -> pa.RecordBatch:
    return pa.record_batch([pa.array(names, pa.binary())], schema=schema)


@dataclass(frozen=True, slots=True)
class FirstShards:
    """The first shards of a store of windows.

    Attributes
    ----------
    windows
        The store.
    n_shards
        How many of its shards.
    """

    windows: WindowStore
    n_shards: int

    @property
    def store(self) -> Path:
        """The folder of the store."""
        return self.windows.directory

    @property
    def inputs(self) -> int:
        """Number of inputs."""
        return sum(map(self.size, range(self.n_shards)))

    @property
    def inputs_sha256(self) -> str:
        """Digest of the list of all inputs of the store."""
        return self.windows.inputs_sha256

    def size(self, number: int) -> int:
        """Give the number of inputs of a shard."""
        return self.windows.size(number)

    def shard(self, number: int) -> Shard:
        """Give a shard."""
        return self.windows.shard(number)


@runtime_checkable
class Inputs(ShardSource, Protocol):
    """What a survey is cut from."""

    @property
    def store(self) -> Path | None:
        """Folder of the store of windows; None for files."""
        ...

    @property
    def inputs(self) -> int:
        """Number of inputs."""
        ...

    @property
    def inputs_sha256(self) -> str:
        """Digest of the list of inputs."""
        ...


def open_source(
    sources: Sequence[Path],
    directory: Path,
    *,
    limit: int | None,
    shard_size: int,
    preprocess: PreprocessOptions,
    without: Sequence[Path] = (),
    previous: Path | None = None,
) -> Inputs:
    """Find what is to be classified; files are listed at the first start and the list is kept.

    Parameters
    ----------
    sources
        Files, folders, lists of files, or one store of windows.
    directory
        Directory of the survey, which gets the list.
    limit
        Only so many inputs, the first ones; of a store whole shards.
    shard_size
        Files per shard; a store has shards of its own.
    preprocess
        Settings that the windows of a store have to have.
    without
        Files that lie among the others and are no spectra.
    previous
        Directory of the survey before: rows of files that have not changed are taken over
        (:mod:`vo_emline.survey.growth`), and the list has the others only.

    Raises
    ------
    UserError
        A source does not exist or holds no spectra, the store is not
        finished or of other settings, or `directory` is of other sources.
    """
    store = find_store(sources)
    if store is not None:
        if previous is not None:
            raise UserError("a store of windows cannot be told from the last one: --previous is for files")
        store.require(preprocess)
        return _first_shards(store, limit)
    origin: dict[str, object] = {
        "sources": [str(path.absolute()) for path in sources],
        "limit": limit,
        "shard_size": shard_size,
    }
    if without:
        origin["without"] = [str(path.absolute()) for path in without]
    if previous is not None:
        origin["previous"] = str(previous.absolute())
    left_out = {path.resolve() for path in without}

    met = PassedOver()

    def names() -> Iterator[str]:
        found = iter_spectra(sources, passed_over=met)
        wanted = (name for name in found if not (left_out and Path(name).resolve() in left_out))
        empty = True
        for name in islice(wanted, limit):
            empty = False
            yield name
        if not empty:  # where there is nothing to read, nothing is left behind
            with room_for(directory):  # before the list is in place, so that no list lacks its account
                write_json(directory / PASSED_OVER, met.account())

    if previous is None:
        return list_once(directory, names, origin=origin, shard_size=shard_size)

    def rest() -> Iterator[str]:
        return take_over(names, directory, previous=previous, shard_size=shard_size)

    return list_once(directory, rest, origin=origin, shard_size=shard_size, may_be_empty=True)


def read_passed_over(directory: Path) -> PassedOver:
    """Read what the folders of a survey held beside its inputs; nothing where it was cut from a store.

    Raises
    ------
    UserError
        The account is damaged.
    """
    path = directory / PASSED_OVER
    if not path.is_file():
        return PassedOver()
    try:
        return PassedOver.of(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise UserError(
            f"{path} is damaged ({error}); remove it: the survey goes on without the account of other files"
        ) from error


def _first_shards(store: WindowStore, limit: int | None) -> Inputs:
    if limit is None or limit >= store.inputs:
        return store
    return FirstShards(store, -(-limit // store.size(0)))

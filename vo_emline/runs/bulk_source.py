"""What a survey is cut from, as its user names it: files, folders and lists, or a store of windows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from vo_emline.spectra import iter_spectra
from vo_emline.survey import Shard, WindowStore, find_store
from vo_emline.survey.engine import ShardSource
from vo_emline.survey.inputs import list_once


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


@dataclass(frozen=True, slots=True)
class Source:
    """What a survey is cut from."""

    shards: ShardSource
    windows: WindowStore | None
    """The store of windows, where it is one."""


def open_source(sources: Sequence[Path], directory: Path, *, limit: int | None, shard_size: int) -> Source:
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

    Raises
    ------
    UserError
        A source does not exist or holds no spectra, the store is not
        finished, or `directory` is of other sources.
    """
    store = find_store(sources)
    if store is not None:
        return Source(_first_shards(store, limit), store)
    origin = {
        "sources": [str(path.absolute()) for path in sources],
        "limit": limit,
        "shard_size": shard_size,
    }
    listed = list_once(
        directory, lambda: islice(iter_spectra(sources), limit), origin=origin, shard_size=shard_size
    )
    return Source(listed, None)


def _first_shards(store: WindowStore, limit: int | None) -> ShardSource:
    if limit is None or limit >= store.inputs:
        return store
    return FirstShards(store, -(-limit // store.size(0)))

"""Shards: a survey cut into pieces that are done or not done, never half done."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from vo_emline.errors import UserError
from vo_emline.files import atomic_path, room_for, write_json
from vo_emline.survey.counts import ShardCounts, count_rows

MANIFEST: Final = "manifest.json"
"""File that says what a directory of shards holds."""


@dataclass(frozen=True, slots=True)
class Shard:
    """Some of the inputs of a survey."""

    number: int
    size: int
    """How many inputs."""
    sources: tuple[str, ...] = ()
    """The files, where they are to be read; empty for a shard of a store of windows."""
    deadly: frozenset[str] = frozenset()
    """Those of them that are not to be read, because a process died of them; they become rejects."""


def digest(sources: Sequence[str]) -> str:
    """Digest a list of inputs, order included."""
    return hashlib.sha256(os.fsencode("\n".join(sources))).hexdigest()


def require_same(directory: Path, found: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """See that a directory was begun with the facts that are wanted now.

    Raises
    ------
    UserError
        It holds shards of other inputs, another model or other settings.
    """
    differing = [key for key in wanted if found.get(key) != wanted[key]]
    if differing:
        raise UserError(
            f"{directory} holds the shards of another run (different {', '.join(differing)}); "
            "give another directory, or remove this one to start anew"
        )


class ShardDirectory:
    """A directory of shards, two files each: rejects, and what was made of the others.

    The file of the rejects is written first; that of the results makes the
    shard finished. Both appear by atomic rename, so that a kill at any moment
    leaves a shard either finished or still to do.

    Parameters
    ----------
    directory
        Where the shards lie; made when the first one is written.
    """

    results: ClassVar[tuple[str, str]]
    """Name and suffix of the files that make a shard finished."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def claim(self, manifest: dict[str, Any]) -> None:
        """Write down what the directory is for, or see that it is for the same.

        Parameters
        ----------
        manifest
            JSON-ready facts on which every shard depends.

        Raises
        ------
        UserError
            The directory holds shards of other inputs, another model or other settings.
        """
        path = self.directory / MANIFEST
        if not path.is_file():
            write_json(path, manifest)
        found = json.loads(path.read_text(encoding="utf-8"))
        require_same(self.directory, found, manifest)

    def remove_leftovers(self) -> None:
        """Remove halves of files that a killed process left; nobody else may be at work here then."""
        for leftover in self.directory.glob(".*.part"):
            leftover.unlink(missing_ok=True)

    def finished(self) -> set[int]:
        """Give the numbers of the shards whose results are there."""
        name, suffix = self.results
        files = self.directory.glob(f"{name}-*{suffix}")
        return {int(file.name.removesuffix(suffix).rpartition("-")[2]) for file in files}

    def is_finished(self, shard: Shard) -> bool:
        """Tell whether the results of `shard` are there."""
        return self.path(self.results[0], shard.number).is_file()

    def batches(self, kind: str) -> Iterator[pa.Table]:
        """Read the tables of one kind (``scores``, ``rejects``) one shard at a time."""
        for path in sorted(self.directory.glob(f"{kind}-*.parquet")):
            yield pq.read_table(path)

    def path(self, kind: str, number: int) -> Path:
        """Give the path of one file of a shard."""
        name, suffix = self.results
        return self.directory / f"{kind}-{number:06d}{suffix if kind == name else '.parquet'}"


class ShardStore(ShardDirectory):
    """Scores and rejects of a survey, as Parquet."""

    results = ("scores", ".parquet")

    def write(self, shard: Shard, *, scores: pa.Table, rejects: pa.Table) -> None:
        """Write the results of a shard; after this it is finished."""
        for kind, table in (("rejects", rejects), ("scores", scores)):
            path = self.path(kind, shard.number)
            with room_for(path), atomic_path(path) as temporary:
                plain = table.combine_chunks().replace_schema_metadata()  # whatever the rows were made from
                pq.write_table(plain, temporary, compression="zstd")
                _to_disk(temporary)

    def counts(self, number: int) -> ShardCounts:
        """Count the rows of a finished shard."""
        return count_rows(
            number,
            scores=pq.read_table(self.path("scores", number), columns=["label", "flags"]),
            rejects=pq.read_table(self.path("rejects", number), columns=["code"]),
        )

    def read(self, kind: str) -> pa.Table:
        """Read all rows of ``scores`` or ``rejects``, in the order of the shards."""
        return ds.dataset(sorted(map(str, self.directory.glob(f"{kind}-*.parquet")))).to_table()


def _to_disk(path: Path) -> None:
    """See that the content outlives a loss of power: a shard with a name is taken for finished."""
    with path.open("rb") as file:
        os.fsync(file.fileno())

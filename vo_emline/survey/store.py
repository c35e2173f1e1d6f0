"""A store of windows: a survey read once, in memory-mapped shards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from vo_emline.errors import UserError
from vo_emline.preprocess.options import PreprocessOptions
from vo_emline.preprocess.store import (
    count_windows,
    iter_windows,
    read_rejects,
    read_windows,
    write_rejects,
    write_windows,
)
from vo_emline.preprocess.windows import Prepared, WindowSet
from vo_emline.survey.counts import ShardCounts
from vo_emline.survey.shards import MANIFEST, DamagedError, Shard, ShardDirectory, damage, read_manifest

KIND: Final = "windows"
"""What the manifest of a store says it holds."""


class WindowStore(ShardDirectory):
    """Windows and rejects of a survey: Arrow files, mapped and not copied, and Parquet.

    Parameters
    ----------
    directory
        Where the shards lie.
    """

    results = (KIND, ".arrow")

    @classmethod
    def open(cls, directory: Path) -> WindowStore:
        """Open a finished store.

        Raises
        ------
        UserError
            The directory is no store of windows, or not all of its shards are there.
        """
        store = cls(directory)
        if not is_store(directory):
            raise UserError(f"{directory} is no store of windows (make one with vo-emline ingest)")
        missing = sum(not store.is_finished(shard) for shard in store.shards())
        if missing:
            raise UserError(
                f"{missing} shards of {directory} are not finished; "
                "start vo-emline ingest again with the arguments it was started with"
            )
        return store

    @property
    def inputs(self) -> int:
        """Files that went in."""
        return int(self._fact("inputs"))

    @property
    def inputs_sha256(self) -> str:
        """Digest of the list of files."""
        return str(self._fact("inputs_sha256"))

    @property
    def preprocess(self) -> PreprocessOptions:
        """Settings of the windows."""
        return PreprocessOptions.model_validate(self._fact("preprocess"))

    def require(self, preprocess: PreprocessOptions) -> None:
        """See that the windows were made under these settings.

        Raises
        ------
        UserError
            They were made under others.
        """
        found = self.preprocess
        if found != preprocess:
            differing = [
                name for name in type(found).model_fields if getattr(found, name) != getattr(preprocess, name)
            ]
            raise UserError(
                f"the windows of {self.directory} were made with other settings than the network was trained "
                f"with (different {', '.join(differing)}); ingest the files again with those of the run"
            )

    @property
    def store(self) -> Path:
        """The folder."""
        return self.directory

    @property
    def n_shards(self) -> int:
        """Number of shards."""
        return -(-self.inputs // int(self._fact("shard_size")))

    def size(self, number: int) -> int:
        """Give the number of inputs of a shard."""
        size = int(self._fact("shard_size"))
        return min(size, self.inputs - number * size)

    def shard(self, number: int) -> Shard:
        """Give a shard, without the names of its files."""
        return Shard(number, self.size(number))

    def shards(self) -> list[Shard]:
        """List the shards, without the names of their files."""
        return [self.shard(number) for number in range(self.n_shards)]

    def write(self, shard: Shard, prepared: Prepared, *, preprocess: PreprocessOptions) -> None:
        """Write a shard; after this it is finished."""
        write_rejects(self.path("rejects", shard.number), prepared.rejects)
        write_windows(self.path(KIND, shard.number), prepared.windows, options=preprocess)

    def read(self, shard: Shard) -> Prepared:
        """Map the windows of a shard, and read its rejects.

        Raises
        ------
        DamagedError
            A file of the shard is damaged or missing.
        """
        with damage(self.directory, shard.number):
            rejects = tuple(read_rejects(self.path("rejects", shard.number)))
            return Prepared(read_windows(self.path(KIND, shard.number)), rejects)

    def counts(self, number: int) -> ShardCounts:
        """Count the windows and rejects of a finished shard; raises as :meth:`read`."""
        with damage(self.directory, number):
            windows = count_windows(self.path(KIND, number))
            rejects = Counter(_codes(pq.read_table(self.path("rejects", number), columns=["code"])))
        inputs = windows + rejects.total()
        return ShardCounts(number=number, inputs=inputs, classes={}, flags={}, rejects=dict(rejects))

    def read_all(self, shards: Sequence[Shard]) -> Iterator[tuple[Shard, Prepared]]:
        """Give shards with their windows and rejects, one at a time."""
        for shard in shards:
            yield shard, self.read(shard)

    def windows(self) -> Iterator[WindowSet]:
        """Give all windows, a piece at a time; the memory needed does not depend on their number."""
        for shard in self.shards():
            yield from iter_windows(self.path(KIND, shard.number))

    def sources(self) -> list[str]:
        """Name the files whose windows are here, in order."""
        return [name for one in self.windows() for name in one.identity["source"].to_pylist()]

    def files(self) -> list[Path]:
        """List the files of the store."""
        return sorted(path for path in self.directory.iterdir() if not path.name.startswith("."))

    def _fact(self, name: str) -> Any:
        try:
            return self._manifest[name]
        except KeyError as error:
            raise DamagedError(
                f"{self.directory / MANIFEST} does not say {name}; ingest the files again"
            ) from error

    @cached_property
    def _manifest(self) -> dict[str, Any]:
        return read_manifest(self.directory)


def is_store(path: Path) -> bool:
    """Tell whether a folder is a store of windows, finished or not."""
    if not (path / MANIFEST).is_file():
        return False
    try:
        return read_manifest(path).get("kind") == KIND
    except DamagedError:
        return any(path.glob(f"{KIND}-*.arrow"))  # a store whose manifest is damaged is no folder of files


def find_store(paths: Sequence[Path]) -> WindowStore | None:
    """Open the store of windows that a user gave in the place of files; None where he gave files.

    Raises
    ------
    UserError
        There is a store beside other things, or it is not finished.
    """
    if not any(map(is_store, paths)):
        return None
    if len(paths) > 1:
        raise UserError("a store of windows cannot be joined with files or another store; give it alone")
    return WindowStore.open(paths[0])


def _codes(rejects: pa.Table) -> list[str]:
    codes: list[str] = rejects["code"].to_pylist()
    return codes

"""A store of windows: a survey read once, in memory-mapped shards."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

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
from vo_emline.survey.shards import MANIFEST, Shard, ShardDirectory

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
        return int(self._manifest["inputs"])

    @property
    def inputs_sha256(self) -> str:
        """Digest of the list of files."""
        return str(self._manifest["inputs_sha256"])

    @property
    def preprocess(self) -> PreprocessOptions:
        """Settings of the windows."""
        return PreprocessOptions.model_validate(self._manifest["preprocess"])

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
        return -(-self.inputs // int(self._manifest["shard_size"]))

    def size(self, number: int) -> int:
        """Give the number of inputs of a shard."""
        size = int(self._manifest["shard_size"])
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
        """Map the windows of a shard, and read its rejects."""
        rejects = tuple(read_rejects(self.path("rejects", shard.number)))
        return Prepared(read_windows(self.path(KIND, shard.number)), rejects)

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

    def count(self) -> tuple[int, Counter[str]]:
        """Count the windows, and the rejects per reason."""
        windows = sum(count_windows(self.path(KIND, shard.number)) for shard in self.shards())
        rejects = Counter(code for table in self.batches("rejects") for code in _codes(table))
        return windows, rejects

    @cached_property
    def _manifest(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.directory / MANIFEST).read_text(encoding="utf-8"))
        return found


def is_store(path: Path) -> bool:
    """Tell whether a folder is a store of windows, finished or not."""
    manifest = path / MANIFEST
    if not manifest.is_file():
        return False
    try:
        found = json.loads(manifest.read_text(encoding="utf-8"))
    except ValueError:
        return False
    return isinstance(found, dict) and found.get("kind") == KIND


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

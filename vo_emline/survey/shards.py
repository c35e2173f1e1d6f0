"""Shards: pieces of a survey that are done or not done, never half done; and the loop that does them."""

from __future__ import annotations

import fcntl
import json
import logging
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, ClassVar, Final, Protocol, runtime_checkable

import pyarrow as pa
import pyarrow.parquet as pq

from vo_emline.errors import DataError, UserError
from vo_emline.files import atomic_path, room_for, write_json
from vo_emline.survey.counts import Meter, ShardCounts, Tally, count_rows

logger = logging.getLogger(__name__)

MANIFEST: Final = "manifest.json"
"""File that says what a directory of shards holds."""

_MEND_MANIFEST: Final = (
    "remove it and give the command again with the very arguments it was begun with: "
    "the shards that are there are kept"
)

_MEND_SHARD: Final = "give the command that wrote it again: only this shard is done anew"

Say = Callable[[str], None]
"""Receives what the user should read."""


class DamagedError(UserError):
    """A file of a finished shard, or of its directory, does not hold what was written to it."""


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


def read_manifest(directory: Path) -> dict[str, Any]:
    """Read what a directory of shards is for.

    Raises
    ------
    DamagedError
        There is no manifest, or it is damaged.
    """
    path = directory / MANIFEST
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DamagedError(f"{path} cannot be read ({error}); {_MEND_MANIFEST}") from error
    if not isinstance(found, dict):
        raise DamagedError(f"{path} is no manifest; {_MEND_MANIFEST}")
    return found


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
            The directory holds shards of other inputs, another model or other settings, or its manifest is
            damaged.
        """
        path = self.directory / MANIFEST
        if not path.is_file():
            write_json(path, manifest)
        require_same(self.directory, read_manifest(self.directory), manifest)

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

    def discard(self, number: int) -> None:
        """Make a shard one that is to do."""
        self.path(self.results[0], number).unlink(missing_ok=True)

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
        """Count the rows of a finished shard; raises :class:`DamagedError` where one is damaged."""
        with damage(self.directory, number):
            return count_rows(
                number,
                scores=pq.read_table(self.path("scores", number), columns=["label", "flags"]),
                rejects=pq.read_table(self.path("rejects", number), columns=["code"]),
            )

    def read(self, kind: str) -> pa.Table:
        """Read all rows of ``scores`` or ``rejects``, in the order of the shards."""
        import pyarrow.dataset as ds  # slow to import: workers write no more than one shard at a time

        return ds.dataset(sorted(map(str, self.directory.glob(f"{kind}-*.parquet")))).to_table()


@contextmanager
def damage(directory: Path, number: int) -> Iterator[None]:
    """Say which shard it is of which a file cannot be read.

    Raises
    ------
    DamagedError
        A file cannot be read.
    """
    try:
        yield
    except (pa.ArrowException, OSError, DataError) as error:
        raise DamagedError(
            f"shard {number} of {directory} is damaged ({' '.join(str(error).split())}); {_MEND_SHARD}"
        ) from error


def _to_disk(path: Path) -> None:
    """See that the content outlives a loss of power: a shard with a name is taken for finished."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


WHOLE: Final = ".lock"
"""File on which those that do a part of a survey hold a shared lock, and who does all an exclusive one."""


@contextmanager
def locked(directory: Path, *, part: tuple[int, int] | None = None) -> Iterator[None]:
    """Keep others out of a survey, or of a part of it, until the end of the block or of the process.

    Parameters
    ----------
    directory
        The directory of the survey; made where it is missing.
    part
        (i, n) where one of n parts is worked on; None for the whole.

    Raises
    ------
    UserError
        Another process is at work on it.
    """
    directory.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        _take(stack, directory / WHOLE, exclusive=part is None, directory=directory)
        if part is not None:
            name = f"{WHOLE}-{part[0]}-of-{part[1]}"
            _take(stack, directory / name, exclusive=True, directory=directory)
        yield


def remove_locks(directory: Path) -> None:
    """Remove the files of locks on parts; nobody may be at work on a part then."""
    for path in directory.glob(f"{WHOLE}-*"):
        path.unlink(missing_ok=True)


def _take(stack: ExitStack, path: Path, *, exclusive: bool, directory: Path) -> None:
    file: IO[bytes] = stack.enter_context(path.open("ab"))
    try:
        fcntl.flock(file, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise UserError(
            f"another process is at work on {directory}; let it finish, or give each process "
            "a part of its own (--shard 1/2, --shard 2/2)"
        ) from error
    except OSError:  # a file system without locks: the work is idempotent, only some of it is done twice
        return


@runtime_checkable
class ShardSource(Protocol):
    """What a survey is cut from: a list of files, a store of windows, a simulation."""

    @property
    def n_shards(self) -> int:
        """Number of shards."""
        ...

    def size(self, number: int) -> int:
        """Give the number of inputs of a shard."""
        ...

    def shard(self, number: int) -> Shard:
        """Give a shard."""
        ...


@runtime_checkable
class Finished(Protocol):
    """Where results go: tells which shards are finished (:class:`ShardDirectory`)."""

    def finished(self) -> set[int]:
        """Give the numbers of the finished shards."""
        ...

    def counts(self, number: int) -> ShardCounts:
        """Count a finished shard, or raise :class:`DamagedError`."""
        ...

    def discard(self, number: int) -> None:
        """Make a shard one that is to do."""
        ...


def run_shards(
    source: ShardSource,
    results: Finished,
    do: Callable[[Iterator[Shard], int], Iterator[ShardCounts]],
    *,
    part: tuple[int, int] | None = None,
    doing: str = "classifying",
    say: Say = logger.info,
) -> Tally:
    """Do the shards that are not finished, and count all of them.

    A finished shard that turns out to be damaged is done again.

    Parameters
    ----------
    source
        What is cut into shards.
    results
        Where the results go.
    do
        Takes shards and their number, and gives the counts of each when it is finished.
    part
        (i, n): only every n-th shard, beginning with the i-th; None for all.
    doing
        What is done, in a word.
    say
        Receives a line now and then where there is no terminal for a bar.

    Returns
    -------
    Tally
        Counts of all shards of the part, times of those that were done now.
    """
    numbers = numbers_of(source, part)
    before = Tally()
    pending: list[int] = []
    finished = results.finished()
    for number in numbers:
        if number not in finished:
            pending.append(number)
            continue
        try:
            before.add(count_shard(source, results, number))
        except DamagedError as error:
            logger.warning("%s", error)
            results.discard(number)
            pending.append(number)
    total = before.inputs + sum(map(source.size, pending))
    logger.info("%s %d spectra in %d shards, %d shards to do", doing, total, len(numbers), len(pending))
    with Meter(total, before, doing=doing, say=say) as meter:
        for counts in do(map(source.shard, pending), len(pending)):
            meter.add(counts)
    return meter.tally


def numbers_of(source: ShardSource, part: tuple[int, int] | None) -> range:
    """Give the numbers of the shards of a part (i, n), or of all."""
    first, step = (part[0] - 1, part[1]) if part else (0, 1)
    return range(first, source.n_shards, step)


def count_shard(source: ShardSource, results: Finished, number: int) -> ShardCounts:
    """Count a finished shard, and see that every input is a row.

    Raises
    ------
    DamagedError
        A file of the shard is damaged, or rows were lost or doubled.
    """
    counts, size = results.counts(number), source.size(number)
    if counts.inputs != size:
        raise DamagedError(
            f"shard {number} holds {counts.inputs} rows of {size} inputs: rows were lost or doubled; "
            f"{_MEND_SHARD}"
        )
    return counts

"""From any number of files to a store of windows, in parallel and resumable."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Executor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from vo_emline.errors import EmlineError
from vo_emline.files import room_for, write_json
from vo_emline.preprocess.options import PreprocessOptions
from vo_emline.rundir import SUMMARY
from vo_emline.spectra import Medium
from vo_emline.survey.counts import ShardCounts, Tally
from vo_emline.survey.options import SHARD_SIZE
from vo_emline.survey.pool import each_shard
from vo_emline.survey.shards import Shard, locked, run_shards
from vo_emline.survey.sources import FILE_NAME, InputList, write_inputs
from vo_emline.survey.store import KIND, WindowStore
from vo_emline.survey.work import Windows, read_shard


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestSummary:
    """What became of the files. ``inputs = windows + sum(rejects)``, checked."""

    inputs: int
    windows: int
    rejects: dict[str, int]
    """Rejects per reason."""


def ingest(
    paths: Iterable[str | Path],
    directory: Path,
    *,
    preprocess: PreprocessOptions | None = None,
    medium: Medium | None = None,
    shard_size: int = SHARD_SIZE,
    workers: int = 0,
    executor: Executor | None = None,
) -> IngestSummary:
    """Make the windows of any number of files and keep them in a store.

    Each shard is read and written by one process, which holds no other.
    Interrupted or killed, the work goes on where it stood when it is started
    again with the same arguments.

    Parameters
    ----------
    paths
        The files, in an order that a second start would repeat; no list of them is held in memory.
    directory
        The store (:class:`~vo_emline.survey.WindowStore`).
    preprocess
        Settings of the windows; None for the defaults.
    medium
        Medium of the wavelengths, as for :func:`~vo_emline.spectra.read`.
    shard_size
        Files per shard.
    workers
        Processes; 0 for one per core.
    executor
        Where to work instead (``concurrent.futures`` interface); it has to see `directory`.

    Returns
    -------
    IngestSummary
        Also written to ``summary.json``.

    Raises
    ------
    UserError
        No files, or `directory` belongs to other files or settings.
    EmlineError
        Processes keep dying, or rows are lost or doubled.
    """
    preprocess = preprocess or PreprocessOptions()
    with locked(directory):
        listed = _list(paths, directory / f".{FILE_NAME}.part", shard_size=shard_size)
        read = partial(read_shard, preprocess=preprocess, medium=medium)
        return _ingest(listed, WindowStore(directory), read, preprocess, shard_size, workers, executor)


def _list(paths: Iterable[str | Path], path: Path, *, shard_size: int) -> InputList:
    """List the files on disk; the file has no name any more, and goes when it is closed."""
    with room_for(path):
        listed = write_inputs(path, map(str, paths), shard_size=shard_size, origin={})
    path.unlink()
    return listed


def _ingest(
    listed: InputList,
    store: WindowStore,
    read: partial[Windows],
    preprocess: PreprocessOptions,
    shard_size: int,
    workers: int,
    executor: Executor | None,
) -> IngestSummary:
    store.claim(_manifest(listed, preprocess, shard_size))
    store.remove_leftovers()
    work = partial(ingest_shard, directory=store.directory, preprocess=preprocess, read=read)
    do = partial(each_shard, work, workers=workers, executor=executor, probe=read)
    tally = run_shards(listed, store, do, doing="ingesting")
    summary = _summarise(store, tally)
    write_json(store.directory / SUMMARY, asdict(summary))
    return summary


def ingest_shard(
    shard: Shard, *, directory: Path, preprocess: PreprocessOptions, read: partial[Windows]
) -> ShardCounts:
    """Read the files of a shard and write their windows and rejects."""
    windows = read(shard)
    store = WindowStore(directory)
    store.write(shard, windows.prepared, preprocess=preprocess)
    return store.counts(shard.number).timed(read=windows.seconds)


def _manifest(listed: InputList, preprocess: PreprocessOptions, shard_size: int) -> dict[str, Any]:
    return {
        "kind": KIND,
        "inputs": listed.inputs,
        "inputs_sha256": listed.inputs_sha256,
        "shard_size": shard_size,
        "preprocess": preprocess.model_dump(mode="json"),
    }


def _summarise(store: WindowStore, tally: Tally) -> IngestSummary:
    rejects = tally.rejects.total()
    windows = tally.inputs - rejects
    if tally.inputs != store.inputs:
        raise EmlineError(
            f"{store.inputs} files gave {windows} windows and {rejects} rejects: rows were lost or "
            f"doubled; remove {store.directory} and start again"
        )
    return IngestSummary(inputs=store.inputs, windows=windows, rejects=dict(sorted(tally.rejects.items())))

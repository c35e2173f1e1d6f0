"""From any number of files to a store of windows, in parallel and resumable."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from tqdm.auto import tqdm

from vo_emline.errors import EmlineError, UserError
from vo_emline.files import write_json
from vo_emline.preprocess.options import PreprocessOptions
from vo_emline.progress import track
from vo_emline.survey.lock import locked
from vo_emline.survey.pool import count_workers, work_through
from vo_emline.survey.shards import Shard, digest, make_shards
from vo_emline.survey.store import KIND, WindowStore
from vo_emline.survey.work import read_shard

logger = logging.getLogger(__name__)

SUMMARY: Final = "summary.json"

SHARD_SIZE: Final = 4000
"""Files per shard: some 6 MB of windows, made in a fraction of a minute by a process of 200 MB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestSummary:
    """What became of the files. ``inputs = windows + sum(rejects)``, checked."""

    inputs: int
    windows: int
    rejects: dict[str, int]
    """Rejects per reason."""


def ingest(
    paths: Sequence[Path],
    directory: Path,
    *,
    preprocess: PreprocessOptions | None = None,
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
        The files, in an order that a second start would repeat.
    directory
        The store (:class:`~vo_emline.survey.WindowStore`).
    preprocess
        Settings of the windows; None for the defaults.
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
    sources = [str(path) for path in paths]
    if not sources:
        raise UserError("there is nothing to ingest: no files were given")
    with locked(directory):
        return _ingest(sources, WindowStore(directory), preprocess, shard_size, workers, executor)


def _ingest(
    sources: Sequence[str],
    store: WindowStore,
    preprocess: PreprocessOptions,
    shard_size: int,
    workers: int,
    executor: Executor | None,
) -> IngestSummary:
    store.claim(_manifest(sources, preprocess, shard_size))
    store.remove_leftovers()
    shards = make_shards(sources, size=shard_size)
    pending = [shard for shard in shards if not store.is_finished(shard)]
    logger.info("%d files in %d shards, %d shards to do", len(sources), len(shards), len(pending))
    work = partial(ingest_shard, directory=store.directory, preprocess=preprocess)
    probe = partial(read_shard, preprocess=preprocess)
    count = count_workers(workers, n_shards=len(pending))
    bar: tqdm[Path] = track(None, "ingesting", total=len(sources))
    with bar:
        bar.update(len(sources) - sum(shard.size for shard in pending))
        for shard, _ in work_through(work, pending, workers=count, executor=executor, probe=probe):
            bar.update(shard.size)
    summary = _summarise(store)
    write_json(store.directory / SUMMARY, asdict(summary))
    return summary


def ingest_shard(shard: Shard, *, directory: Path, preprocess: PreprocessOptions) -> None:
    """Read the files of a shard and write their windows and rejects."""
    prepared = read_shard(shard, preprocess=preprocess).prepared
    WindowStore(directory).write(shard, prepared, preprocess=preprocess)


def _manifest(sources: Sequence[str], preprocess: PreprocessOptions, shard_size: int) -> dict[str, Any]:
    return {
        "kind": KIND,
        "inputs": len(sources),
        "inputs_sha256": digest(sources),
        "shard_size": shard_size,
        "preprocess": preprocess.model_dump(mode="json"),
    }


def _summarise(store: WindowStore) -> IngestSummary:
    windows, rejects = store.count()
    if windows + rejects.total() != store.inputs:
        raise EmlineError(
            f"{store.inputs} files gave {windows} windows and {rejects.total()} rejects: rows were lost or "
            f"doubled; remove {store.directory} and start again"
        )
    return IngestSummary(inputs=store.inputs, windows=windows, rejects=dict(sorted(rejects.items())))

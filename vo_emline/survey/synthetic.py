"""Simulated surveys of any size, as a store of windows or as files, in shards and resumable."""

from __future__ import annotations

import hashlib
import shutil
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow.parquet as pq
from pyarrow import csv

from vo_emline.files import atomic_path, require_space, room_for
from vo_emline.preprocess.options import PreprocessOptions
from vo_emline.preprocess.windows import Prepared, WindowSet
from vo_emline.progress import silence
from vo_emline.simulate.archive import TRUTH_FILE, write_lamost
from vo_emline.simulate.library import Library, build_library, coverages, identities, vary, with_prevalence
from vo_emline.survey.counts import ShardCounts
from vo_emline.survey.options import SHARD_SIZE
from vo_emline.survey.pool import each_shard
from vo_emline.survey.shards import Finished, Shard, ShardDirectory, damage, run_shards
from vo_emline.survey.store import KIND, WindowStore

LIBRARY_SIZE: Final = 8192
"""Stars of the library by default, half of them with emission."""

PREVALENCE: Final = 0.01
"""Share of spectra with emission by default: what is found in LAMOST, at the upper end."""

BYTES_PER_WINDOW: Final = 1700
"""Of a store and its truth, measured."""

BYTES_PER_FILE: Final = 80_000
"""Of a FITS file: the mean of the three layouts, measured."""

FILES_PER_FOLDER: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Synthetic:
    """What decides a simulated survey: the same settings give the same bytes, whoever makes them."""

    n: int
    """How many spectra."""
    seed: int = 0
    prevalence: float = PREVALENCE
    """Share with emission, as an expectation."""
    shard_size: int = SHARD_SIZE
    library_size: int = LIBRARY_SIZE
    """Stars that are simulated, of which the windows of a store are variations."""

    @property
    def n_shards(self) -> int:
        """Number of shards."""
        return -(-self.n // self.shard_size)

    def size(self, number: int) -> int:
        """Give the number of spectra of a shard."""
        return min(self.shard_size, self.n - number * self.shard_size)

    def shard(self, number: int) -> Shard:
        """Give a shard."""
        return Shard(number, self.size(number))

    def missing(self, finished: set[int]) -> int:
        """Count the spectra of shards that are not among the finished ones."""
        return sum(self.size(number) for number in range(self.n_shards) if number not in finished)


def simulate_store(
    directory: Path,
    survey: Synthetic,
    *,
    preprocess: PreprocessOptions | None = None,
    workers: int = 0,
    executor: Executor | None = None,
) -> Counter[str]:
    """Write a simulated survey as a store of windows (:class:`~vo_emline.survey.WindowStore`).

    The stars are simulated once (:mod:`~vo_emline.simulate.library`) and
    varied (:func:`~vo_emline.simulate.library.vary`). What is true of the
    windows of ``windows-NNNNNN.arrow`` is in ``truth-NNNNNN.parquet``, row for
    row. Interrupted or killed, the work goes on where it stood when it is
    started again.

    Parameters
    ----------
    directory
        The store.
    survey
        What to simulate.
    preprocess
        Settings of the windows; None for the defaults.
    workers
        Processes; 0 for one per core.
    executor
        Where to work instead (``concurrent.futures`` interface); it has to see `directory`.

    Returns
    -------
    collections.Counter
        Spectra per label.

    Raises
    ------
    UserError
        `directory` holds something else, or its disk is too small.
    EmlineError
        A process died.
    """
    preprocess = preprocess or PreprocessOptions()
    store = _WithTruth(directory)
    missing = survey.missing(store.finished())
    require_space(directory, BYTES_PER_WINDOW * missing)
    store.claim(_manifest(survey, preprocess))
    library = directory / ".library"
    if missing and not Library.is_complete(library):
        build_library(survey.library_size, seed=survey.seed).write(library)
    work = partial(write_shard, survey=survey, directory=directory, preprocess=preprocess)
    classes = _run(work, survey, store, workers=workers, executor=executor)
    shutil.rmtree(library, ignore_errors=True)
    return classes


class _WithTruth(WindowStore):
    """A store of windows beside which lies what is true of them."""

    def counts(self, number: int) -> ShardCounts:
        with damage(self.directory, number):
            labels = pq.read_table(self.path("truth", number), columns=["label"])["label"]
        return super().counts(number).labelled(Counter(labels.to_pylist()))


def write_shard(
    shard: Shard, *, survey: Synthetic, directory: Path, preprocess: PreprocessOptions
) -> ShardCounts:
    """Make the windows of a shard, from the library in `directory`, and write them after their truth."""
    random = np.random.default_rng([survey.seed, 9, shard.number])
    varied = vary(
        _library(directory / ".library", survey),
        shard.size,
        prevalence=survey.prevalence,
        random=random,
        options=preprocess,
    )
    identity = identities(varied.truth, first=shard.number * survey.shard_size, seed=survey.seed)
    windows = WindowSet(
        flux=varied.flux,
        ivar=varied.ivar,
        continuum=varied.continuum,
        identity=identity,
        coverage=coverages(shard.size),
    )
    store = _WithTruth(directory)
    truth = varied.truth.add_column(0, "obsid", identity["obsid"])
    path = store.path("truth", shard.number)
    with room_for(directory):
        with atomic_path(path) as temporary:
            pq.write_table(truth, temporary, compression="zstd")
        store.write(shard, Prepared(windows, ()), preprocess=preprocess)
    return store.counts(shard.number)


def simulate_files(
    directory: Path, survey: Synthetic, *, workers: int = 0, executor: Executor | None = None
) -> Counter[str]:
    """Write a simulated survey as FITS files of LAMOST's layouts, each star simulated in full.

    Files come in folders of ``survey.shard_size``, each with its ``truth.csv``,
    which is written last.

    Parameters
    ----------
    directory
        Where the folders go.
    survey
        What to simulate; there is no library.
    workers, executor
        As for :func:`simulate_store`.

    Returns
    -------
    collections.Counter
        Spectra per label.

    Raises
    ------
    UserError
        `directory` holds something else, or its disk is too small.
    EmlineError
        A process died.
    """
    folders = _Folders(directory)
    require_space(directory, BYTES_PER_FILE * survey.missing(folders.finished()))
    ShardDirectory(directory).claim(_facts(survey) | {"kind": "files"})
    work = partial(write_folder, survey=survey, directory=directory)
    return _run(work, survey, folders, workers=workers, executor=executor)


class _Folders:
    """Folders of files, each a shard; the table of their truth makes one finished."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def path(self, number: int) -> Path:
        return self.directory / f"{number:06d}"

    def finished(self) -> set[int]:
        return {int(path.parent.name) for path in self.directory.glob(f"[0-9]*/{TRUTH_FILE}")}

    def counts(self, number: int) -> ShardCounts:
        with damage(self.directory, number):
            labels = csv.read_csv(self.path(number) / TRUTH_FILE)["label"].to_pylist()
        return ShardCounts(number=number, inputs=len(labels), classes=Counter(labels), flags={}, rejects={})

    def discard(self, number: int) -> None:
        (self.path(number) / TRUTH_FILE).unlink(missing_ok=True)


def write_folder(shard: Shard, *, survey: Synthetic, directory: Path) -> ShardCounts:
    """Write the files of one folder."""
    folders = _Folders(directory)
    with silence(), room_for(directory):
        write_lamost(
            folders.path(shard.number),
            n_stars=shard.size,
            seed=survey.seed * 1_000_000 + shard.number,
            fractions=with_prevalence(survey.prevalence),
            first=shard.number * survey.shard_size,
        )
    return folders.counts(shard.number)


def _run(
    work: Callable[[Shard], ShardCounts],
    survey: Synthetic,
    results: Finished,
    *,
    workers: int,
    executor: Executor | None,
) -> Counter[str]:
    do = partial(each_shard, work, workers=workers, executor=executor)
    return run_shards(survey, results, do, doing="writing").classes


def _facts(survey: Synthetic) -> dict[str, Any]:
    """Give what identifies the survey, whatever form it takes."""
    described = (
        f"simulated n={survey.n} seed={survey.seed} prevalence={survey.prevalence!r} "
        f"library={survey.library_size} shard={survey.shard_size}"
    )
    return {
        "inputs": survey.n,
        "inputs_sha256": hashlib.sha256(described.encode()).hexdigest(),
        "shard_size": survey.shard_size,
        "simulated": {"seed": survey.seed, "prevalence": survey.prevalence},
    }


def _manifest(survey: Synthetic, preprocess: PreprocessOptions) -> dict[str, Any]:
    return _facts(survey) | {"kind": KIND, "preprocess": preprocess.model_dump(mode="json")}


@lru_cache(maxsize=1)
def _library(directory: Path, survey: Synthetic) -> Library:  # noqa: ARG001 - another survey, another library
    """Open a library once in a process."""
    return Library.open(directory)

"""Simulated surveys of any size, as a store of windows or as files, in shards and resumable."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow.parquet as pq
from pyarrow import csv
from tqdm.auto import tqdm

from vo_emline.files import atomic_path, require_space, room_for
from vo_emline.preprocess.options import PreprocessOptions
from vo_emline.preprocess.windows import Prepared, WindowSet
from vo_emline.progress import silence, track
from vo_emline.simulate.archive import TRUTH_FILE, write_lamost
from vo_emline.simulate.catalogue import coverages, identities
from vo_emline.simulate.library import Library, build_library, with_prevalence
from vo_emline.simulate.variation import vary
from vo_emline.survey.ingest import SHARD_SIZE
from vo_emline.survey.pool import count_workers, work_through
from vo_emline.survey.shards import Shard, ShardDirectory, digest
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

    def shards(self) -> list[Shard]:
        """List the shards."""
        starts = range(0, self.n, self.shard_size)
        return [Shard(i, min(self.shard_size, self.n - start)) for i, start in enumerate(starts)]


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
    varied (:func:`~vo_emline.simulate.variation.vary`). What is true of the
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
    store = WindowStore(directory)
    pending = [shard for shard in survey.shards() if not store.is_finished(shard)]
    require_space(directory, BYTES_PER_WINDOW * sum(shard.size for shard in pending))
    store.claim(_manifest(survey, preprocess))
    library = directory / ".library"
    if pending:
        if not Library.is_complete(library):
            build_library(survey.library_size, seed=survey.seed).write(library)
        work = partial(write_shard, survey=survey, directory=directory, preprocess=preprocess)
        _run(work, pending, total=survey.n, workers=workers, executor=executor)
    shutil.rmtree(library, ignore_errors=True)
    return Counter(label for table in store.batches("truth") for label in table["label"].to_pylist())


def write_shard(shard: Shard, *, survey: Synthetic, directory: Path, preprocess: PreprocessOptions) -> None:
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
    store = WindowStore(directory)
    truth = varied.truth.add_column(0, "obsid", identity["obsid"])
    path = store.path("truth", shard.number)
    with room_for(directory):
        with atomic_path(path) as temporary:
            pq.write_table(truth, temporary, compression="zstd")
        store.write(shard, Prepared(windows, ()), preprocess=preprocess)


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
    shards = survey.shards()
    pending = [shard for shard in shards if not (_folder(directory, shard) / TRUTH_FILE).is_file()]
    require_space(directory, BYTES_PER_FILE * sum(shard.size for shard in pending))
    ShardDirectory(directory).claim(_facts(survey) | {"kind": "files"})
    work = partial(write_folder, survey=survey, directory=directory)
    _run(work, pending, total=survey.n, workers=workers, executor=executor)
    truths = (csv.read_csv(_folder(directory, shard) / TRUTH_FILE) for shard in shards)
    return Counter(label for truth in truths for label in truth["label"].to_pylist())


def write_folder(shard: Shard, *, survey: Synthetic, directory: Path) -> None:
    """Write the files of one folder."""
    with silence(), room_for(directory):
        write_lamost(
            _folder(directory, shard),
            n_stars=shard.size,
            seed=survey.seed * 1_000_000 + shard.number,
            fractions=with_prevalence(survey.prevalence),
            first=shard.number * survey.shard_size,
        )


def _run(
    work: Callable[[Shard], None],
    pending: Sequence[Shard],
    *,
    total: int,
    workers: int,
    executor: Executor | None,
) -> None:
    bar: tqdm[Any] = track(None, "writing", total=total)
    processes = count_workers(workers, n_shards=len(pending))
    with bar:
        bar.update(total - sum(shard.size for shard in pending))
        for shard, _ in work_through(work, pending, workers=processes, executor=executor):
            bar.update(shard.size)


def _facts(survey: Synthetic) -> dict[str, Any]:
    """Give what identifies the survey, whatever form it takes."""
    described = f"simulated n={survey.n} seed={survey.seed} prevalence={survey.prevalence!r}"
    return {
        "inputs": survey.n,
        "inputs_sha256": digest([f"{described} library={survey.library_size} shard={survey.shard_size}"]),
        "shard_size": survey.shard_size,
        "simulated": {"seed": survey.seed, "prevalence": survey.prevalence},
    }


def _manifest(survey: Synthetic, preprocess: PreprocessOptions) -> dict[str, Any]:
    return _facts(survey) | {"kind": KIND, "preprocess": preprocess.model_dump(mode="json")}


@lru_cache(maxsize=1)
def _library(directory: Path, survey: Synthetic) -> Library:  # noqa: ARG001 - another survey, another library
    """Open a library once in a process."""
    return Library.open(directory)


def _folder(directory: Path, shard: Shard) -> Path:
    return directory / f"{shard.number:06d}"

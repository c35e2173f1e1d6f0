"""The training set of a run: labelled spectra, simulated ones, those of the survey, and what was left out."""

from __future__ import annotations

import heapq
import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from vo_emline.errors import UserError
from vo_emline.files import atomic_path
from vo_emline.labels import LABELS
from vo_emline.preprocess import (
    PreprocessOptions,
    WindowSet,
    concatenate,
    read_windows,
    write_rejects,
    write_windows,
)
from vo_emline.preprocess.prepare import prepare
from vo_emline.progress import track
from vo_emline.rejects import Reject
from vo_emline.runs.settings import RunSettings
from vo_emline.simulate import simulate_windows
from vo_emline.spectra import Spectrum, read_or_reject
from vo_emline.survey import WindowStore, prepare_files
from vo_emline.training import (
    Examples,
    host_examples,
    join,
    match_labels,
    read_labels,
    without_known_emitters,
)
from vo_emline.training.hosts import INJECTED
from vo_emline.training.simulated import simulated_examples

logger = logging.getLogger(__name__)

LABELS_FILE: Final = "labels.parquet"
"""Name of the file that makes a training set finished."""

TRAINING_FILES: Final = ("windows.arrow", "rejects.parquet", LABELS_FILE)
"""Names of the files of a training set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What the training set is made of."""

    files: int
    """Files of the labelled archive."""
    labelled: int
    """Spectra with a label and a window."""
    unknown: int
    """Spectra whose label is *unknown*; left out."""
    unlabelled: int
    """Spectra without a label; left out."""
    unmatched: int
    """Labels whose spectrum is not at hand."""
    rejected: int
    """Files that cannot be used; ``training/rejects.parquet`` says why."""
    simulated: int
    """Simulated spectra that joined."""
    survey: int
    """Unlabelled spectra of the survey that took part."""
    injected: int
    """Examples of these with emission put in."""


def gather(
    paths: Sequence[Path],
    labels: Path,
    *,
    settings: RunSettings,
    unlabelled: WindowSet | None = None,
) -> tuple[Examples, list[Reject], Counts]:
    """Read the labelled spectra, prepare their windows, and let simulated ones and those of the survey join.

    Parameters
    ----------
    paths
        Files of the labelled archive.
    labels
        CSV of ``id,label``.
    settings
        How windows are prepared, and how many simulated spectra join.
    unlabelled
        Windows of the survey (:func:`draw_unlabelled`); stars labelled as emitters are left out.

    Raises
    ------
    UserError
        The labels cannot be read, or are of none of the spectra.
    """
    words = read_labels(labels)
    rejects: list[Reject] = []
    windows, unfit = prepare(_readable(paths, rejects), settings.preprocess)
    match = match_labels(windows.identity, words)
    examples = Examples.of(windows, match.label, origin="labelled")
    if not len(examples):
        raise UserError(_no_labels(labels, windows=len(windows), files=len(paths), unknown=match.n_unknown))
    simulated = _simulated(settings, labelled=len(examples))
    survey = _survey(unlabelled, examples, settings=settings)
    parts = [examples, *simulated, *(hosts for _, hosts in survey)]
    rejects += unfit
    counts = Counts(
        files=len(paths),
        labelled=len(examples),
        unknown=match.n_unknown,
        unlabelled=len(match.unlabelled),
        unmatched=len(match.unmatched),
        rejected=len(rejects),
        simulated=sum(len(part) for part in simulated),
        survey=sum(n for n, _ in survey),
        injected=sum(part.origin.count(INJECTED) for part in parts),
    )
    return join(parts), rejects, counts


def _simulated(settings: RunSettings, *, labelled: int) -> list[Examples]:
    n = settings.simulate.wanted(labelled)
    if not n:
        return []
    simulated = simulate_windows(n, seed=settings.simulate.seed, varied=True)
    return [simulated_examples(simulated, options=settings.preprocess)]


def _survey(
    unlabelled: WindowSet | None, labelled: Examples, *, settings: RunSettings
) -> list[tuple[int, Examples]]:
    """Make examples of survey spectra, where there are any; also tell of how many."""
    if unlabelled is None:
        return []
    options = settings.hosts
    quiet = without_known_emitters(unlabelled, labelled)
    hosts = host_examples(
        quiet,
        negatives=options.negatives,
        injected=options.injected,
        seed=options.seed,
        options=settings.preprocess,
    )
    return [(len(quiet), hosts)]


def _no_labels(labels: Path, *, windows: int, files: int, unknown: int) -> str:
    return (
        f"nothing to learn from: {windows} of {files} files have a window, {unknown} of them are labelled "
        f"unknown, and {labels} has no label for any other; its column id holds publisher DIDs or file names"
    )


def _readable(paths: Sequence[Path], rejects: list[Reject]) -> Iterator[Spectrum]:
    for path in track(paths, "reading labelled spectra"):
        found = read_or_reject(path)
        if isinstance(found, Reject):
            rejects.append(found)
        else:
            yield found


def class_counts(examples: Examples) -> dict[str, int]:
    """Count the examples of each class."""
    return dict(zip(LABELS, np.bincount(examples.label, minlength=len(LABELS)).tolist(), strict=True))


def write_examples(
    directory: Path, examples: Examples, *, rejects: Sequence[Reject], options: PreprocessOptions
) -> None:
    """Write a training set: ``windows.arrow``, ``rejects.parquet``, and ``labels.parquet`` last."""
    write_windows(directory / "windows.arrow", examples.windows, options=options)
    write_rejects(directory / "rejects.parquet", rejects)
    table = pa.table({"label": examples.label, "origin": pa.array(examples.origin, pa.string())})
    with atomic_path(directory / LABELS_FILE) as temporary:
        parquet.write_table(table, temporary)


def read_examples(directory: Path) -> Examples:
    """Read what :func:`write_examples` wrote."""
    table = parquet.read_table(directory / LABELS_FILE)
    return Examples(
        windows=read_windows(directory / "windows.arrow"),
        label=table["label"].to_numpy(),
        origin=tuple(table["origin"].to_pylist()),
    )


CHUNK: Final = 500
"""Files that are read together."""

SPARE: Final = 1.2
"""So many times the wanted number of files are drawn, for those that turn out to have no window."""


def draw_unlabelled(
    survey: Sequence[Path] | WindowStore, n: int, *, preprocess: PreprocessOptions
) -> WindowSet:
    """Prepare the windows of `n` spectra of a survey, or of all where there are no more.

    Which ones depends on the names of the files alone, not on their order or
    on where they lie: a store of windows gives the spectra that its files give.

    Raises
    ------
    UserError
        None of the spectra has a window, or a store was made with other settings.
    """
    if isinstance(survey, WindowStore):
        survey.require(preprocess)
        windows = _of_store(survey, n)
    else:
        windows = _of_files(survey, n, preprocess=preprocess)
    if not len(windows):
        raise UserError("none of the unlabelled spectra has a window around Hα; give others")
    return windows


def _of_files(files: Sequence[Path], n: int, *, preprocess: PreprocessOptions) -> WindowSet:
    drawn = [str(path) for path in heapq.nsmallest(int(SPARE * n), files, key=lambda path: _lot(path.name))]
    chunks = [drawn[first : first + CHUNK] for first in range(0, len(drawn), CHUNK)]
    parts = [prepare_files(chunk, preprocess).windows for chunk in track(chunks, "reading the survey")]
    windows = concatenate(parts)
    return windows.take(np.arange(min(n, len(windows))))


def _of_store(store: WindowStore, n: int) -> WindowSet:
    """Pick of each piece of the store what is drawn, so that no more than that is held."""
    lots = [_lots(part.identity["source"].to_pylist()) for part in store.windows()]
    everything = np.concatenate([*lots, np.empty(0, dtype=np.uint64)])
    limit = np.partition(everything, n - 1)[n - 1] if everything.size > n else np.iinfo(np.uint64).max
    parts = [part.take(np.flatnonzero(lot <= limit)) for part, lot in zip(store.windows(), lots, strict=True)]
    windows = concatenate(parts)
    return windows.take(np.argsort(_lots(windows.identity["source"].to_pylist()), kind="stable")[:n])


def _lots(sources: Iterable[str]) -> np.ndarray:
    return np.array([_lot(Path(source).name) for source in sources], dtype=np.uint64)


def _lot(name: str) -> int:
    """Draw a number for a file, by its name."""
    return int.from_bytes(blake2b(name.encode("utf-8", "surrogateescape"), digest_size=8).digest())

"""The training set of a run: labelled spectra, simulated ones, and what was left out."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from vo_emline.errors import UserError
from vo_emline.files import atomic_path
from vo_emline.labels import LABELS
from vo_emline.preprocess import PreprocessOptions, prepare, read_windows, write_rejects, write_windows
from vo_emline.progress import track
from vo_emline.rejects import Reject
from vo_emline.runs.settings import RunSettings
from vo_emline.runs.unlabelled import draw_unlabelled
from vo_emline.simulate import simulate_windows
from vo_emline.spectra import Spectrum, read_or_reject
from vo_emline.survey import WindowStore
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
    unlabelled: Sequence[Path] | WindowStore | None = None,
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
        Files of the survey or a store of windows; stars labelled as emitters are left out.

    Raises
    ------
    UserError
        The labels cannot be read, or are of none of the spectra; none of the unlabelled ones has a window.
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
    unlabelled: Sequence[Path] | WindowStore | None, labelled: Examples, *, settings: RunSettings
) -> list[tuple[int, Examples]]:
    """Make examples of survey spectra, where there are any; also tell of how many."""
    if unlabelled is None:
        return []
    options = settings.hosts
    drawn = draw_unlabelled(unlabelled, options.spectra, preprocess=settings.preprocess)
    quiet = without_known_emitters(drawn, labelled)
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


def summary(counts: Counts) -> dict[str, int]:
    """Give the counts for the record."""
    return asdict(counts)

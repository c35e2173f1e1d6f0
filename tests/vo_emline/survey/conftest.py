"""Fixtures of the survey tests: a classifier without a network, and files of every kind."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from vo_emline.preprocess import GRID, PreprocessOptions, WindowSet
from vo_emline.simulate import write_lamost
from vo_emline.spectra import HALPHA_VAC
from vo_emline.survey import SurveyOptions, Tally, Work
from vo_emline.survey.pipeline import predicting_here
from vo_emline.survey.shards import Shard, ShardStore, run_shards
from vo_emline.survey.sources import Inputs


def make_shards(sources: Sequence[str], *, size: int) -> list[Shard]:
    """Cut a list of inputs into shards."""
    starts = range(0, len(sources), size)
    pieces = (tuple(sources[start : start + size]) for start in starts)
    return [Shard(number, len(piece), piece) for number, piece in enumerate(pieces)]


class PeakClassifier:
    """Calls what rises at Hα emission: a stand-in for the network with the same interface."""

    version = "peak-1"

    def predict_windows(
        self, windows: WindowSet, *, shares: Sequence[float] | None = None
    ) -> npt.NDArray[np.float32]:
        peak = windows.flux[:, np.abs(GRID - HALPHA_VAC) < 5].mean(axis=1)
        emission = 1 / (1 + np.exp(-3 * (peak - 1)))
        return np.stack([1 - emission, 0.9 * emission, 0.1 * emission], axis=1).astype(np.float32)


@pytest.fixture
def classifier() -> PeakClassifier:
    return PeakClassifier()


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Twelve spectra as LAMOST writes them, one cut short, one that is no spectrum."""
    folder = tmp_path_factory.mktemp("survey")
    good = list(write_lamost(folder, n_stars=12, seed=1).files)
    short = folder / "short.fits"
    content = good[0].read_bytes()
    short.write_bytes(content[: len(content) // 2])
    foreign = folder / "notes.txt"
    foreign.write_text("no spectrum at all\n")
    return [*good[:5], short, *good[5:], foreign]


def classify_with(
    source: Inputs, classifier: Any, directory: Path, *, preprocess: PreprocessOptions, options: SurveyOptions
) -> Tally:
    """Classify a survey with a classifier that lies in no folder."""
    work = Work(
        directory=directory, model=directory, preprocess=preprocess, options=options, store=source.store
    )
    do = partial(predicting_here, scorer=classifier, work=work)
    return run_shards(source, ShardStore(directory), do)

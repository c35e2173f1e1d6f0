"""Fixtures of the evaluation tests: hosts without emission, simulated and real."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vo_emline.preprocess import PreprocessOptions, WindowSet
from vo_emline.simulate import simulate_windows
from vo_emline.spectra import find_spectra
from vo_emline.survey import prepare_files

EMITTERS = (
    "spec-56284-GAC122S02V2_sp14-183",
    "spec-56265-VB069N07V2_sp04-027",
    "spec-55959-GAC_094N27_V3_sp16-125",
)
"""The spectra of the real ones that show emission."""


@pytest.fixture(scope="session")
def hosts() -> WindowSet:
    """Simulated LAMOST spectra of stars without emission."""
    return simulate_windows(240, seed=3, fractions={"normal": 1.0}, releases=("dr7",)).prepare()


@pytest.fixture(scope="session")
def real(shared_data: Path) -> WindowSet:
    """Windows of all real LAMOST spectra at hand."""
    files = [str(path) for path in find_spectra([shared_data / "lamost"])]
    return prepare_files(files, PreprocessOptions()).windows


@pytest.fixture(scope="session")
def is_emitter(real: WindowSet) -> np.ndarray:
    """Which of the real ones show emission."""
    return np.array([Path(name).stem in EMITTERS for name in real.identity["source"].to_pylist()])


@pytest.fixture(scope="session")
def negatives(real: WindowSet, is_emitter: np.ndarray) -> WindowSet:
    """Real spectra without emission."""
    return real.take(~is_emitter)

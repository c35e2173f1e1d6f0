"""Fixtures of the simulation tests."""

from __future__ import annotations

import pytest

from vo_emline.preprocess import WindowSet
from vo_emline.simulate import simulate_windows


@pytest.fixture(scope="session")
def hosts() -> WindowSet:
    """Simulated LAMOST spectra of stars without emission."""
    return simulate_windows(240, seed=3, fractions={"normal": 1.0}, releases=("dr7",)).prepare()

"""A regression trained for a moment on what a finder without a network calls emission."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from vo_emline.preprocess import GRID
from vo_emline.spectra import HALPHA_VAC
from vo_emline.training.regression import LineRegression, RegressionOptions, fit_regression

OPTIONS = RegressionOptions(stars=4000, members=2, epochs=6)


class PeakFinder:
    """Calls emission what rises at Hα."""

    def predict_proba(self, flux: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        emission = flux[:, np.abs(GRID - HALPHA_VAC) < 9].max(axis=1) > 1.5
        return np.stack([~emission, emission, np.zeros(len(flux))], axis=1).astype(np.float32)


@pytest.fixture(scope="session")
def finder() -> PeakFinder:
    return PeakFinder()


@pytest.fixture(scope="session")
def regression(finder: PeakFinder) -> LineRegression:
    found = fit_regression(finder, options=OPTIONS)
    assert found is not None
    return found

"""Types of profiles."""

from __future__ import annotations

import numpy as np
import pytest

from vo_emline.measure.baseline import fit_baseline
from vo_emline.measure.types import TYPES, profile_types
from vo_emline.preprocess.windows import GRID
from vo_emline.spectra import HALPHA_VAC

VELOCITY = (GRID / HALPHA_VAC - 1.0) * 299_792.458
NOISE = 0.01


def gaussian(height: float, fwhm: float, centre: float = 0.0) -> np.ndarray:
    return height * np.exp(-4.0 * np.log(2.0) * np.square((VELOCITY - centre) / fwhm))


PROFILES = {
    "single": (gaussian(1.0, 250.0), 0.0),
    "double": (gaussian(1.0, 220.0, -150.0) + gaussian(1.0, 220.0, 150.0), 1.0),
    "single-in-absorption": (gaussian(-0.5, 900.0) + gaussian(0.8, 220.0), 0.0),
    "double-in-absorption": (
        gaussian(-0.5, 1000.0) + gaussian(0.7, 200.0, -130.0) + gaussian(0.7, 200.0, 130.0),
        1.0,
    ),
    "p-cygni": (gaussian(1.0, 250.0) + gaussian(-0.6, 220.0, -280.0), 0.0),
    "inverse-p-cygni": (gaussian(1.0, 250.0) + gaussian(-0.6, 220.0, 280.0), 0.0),
    "broad": (gaussian(1.0, 1300.0), 0.0),
    "filled": (gaussian(-0.15, 500.0), 0.0),
}


@pytest.mark.parametrize("name", TYPES)
def test_each_type_is_told_with_its_probability(name: str) -> None:
    line, double = PROFILES[name]
    flux = 1.0 + line + NOISE * np.random.default_rng(5).standard_normal((40, GRID.size))
    baseline = fit_baseline(flux, None, wavelength_vac=GRID)
    fwhm = np.full(40, 1300.0 if name == "broad" else 250.0)
    found = profile_types(baseline, fwhm, np.full(40, double))
    np.testing.assert_allclose(found.probability.sum(axis=1), 1.0)
    assert np.mean(found.kind == TYPES.index(name)) > 0.9


def test_in_noise_the_probability_is_lower() -> None:
    line, double = PROFILES["p-cygni"]
    chances = []
    for noise in (0.01, 0.15):
        flux = 1.0 + line + noise * np.random.default_rng(5).standard_normal((40, GRID.size))
        baseline = fit_baseline(flux, None, wavelength_vac=GRID)
        found = profile_types(baseline, np.full(40, 250.0), np.full(40, double))
        chances.append(found.probability[:, TYPES.index("p-cygni")].mean())
    assert chances[1] < 0.9 * chances[0]
    assert chances[0] > 0.95

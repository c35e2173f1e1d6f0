from __future__ import annotations

import numpy as np
import pytest

from vo_emline.preprocess import GRID
from vo_emline.preprocess.continuum import fit_line, flatten

X = (GRID - GRID[0]) / (GRID[-1] - GRID[0])
LINE = 1 + 4 * np.exp(-0.5 * ((GRID - 6564.6) / 4) ** 2)


def test_slope_is_removed_and_the_line_keeps_its_strength() -> None:
    flux = (800 - 200 * X) * LINE
    flat, ivar = flatten(flux[None], np.full((1, 140), 0.01))
    assert flat[0] == pytest.approx(LINE, abs=1e-6)
    # signal-to-noise is what it was
    assert flat[0] ** 2 * ivar[0] == pytest.approx(flux**2 * 0.01, rel=1e-6)


def test_lines_and_spikes_beside_halpha_do_not_tilt_the_fit() -> None:
    rng = np.random.default_rng(5)
    clean = 500 + 50 * X + rng.normal(0, 2, 140)
    spoilt = clean.copy()
    spoilt[[95, 104, 105, 106, 130]] += [900, 60, 120, 60, -400]  # He I 6678 and cosmics
    assert fit_line(spoilt[None]) == pytest.approx(fit_line(clean[None]), abs=1.5)


def test_all_rows_at_once_are_the_rows_one_by_one() -> None:
    flux = np.random.default_rng(6).normal(100, 5, (1030, 140)) * (1 + X)
    one_by_one = np.vstack([fit_line(row[None]) for row in flux])
    np.testing.assert_array_equal(fit_line(flux), one_by_one)


@pytest.mark.parametrize("level", [0.0, -3.0, 0.2])
def test_noise_without_a_continuum_is_not_divided(level: float) -> None:
    """Dividing by a line near zero would blow one end of the window up."""
    noise = np.random.default_rng(7).normal(level, 1.0, (1, 140)) + np.linspace(-1, 1, 140)
    flat, ivar = flatten(noise, np.ones((1, 140)))
    assert flat.std() == pytest.approx(1, abs=0.2)
    assert np.all(ivar == 1)

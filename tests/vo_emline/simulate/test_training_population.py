"""The population to train on, with more variety than nature has."""

from __future__ import annotations

import numpy as np
import pytest

from vo_emline.measure.shape import LINE_HALF_WIDTH
from vo_emline.simulate import draw_exposures, draw_stars, simulate_windows
from vo_emline.simulate.hosts import MOST_EW, PIXEL, draw_ew
from vo_emline.simulate.training_population import SIGNIFICANCE, any_photosphere, any_strength


def test_significance_is_that_of_the_measured_width() -> None:
    noise = np.full(4000, 0.01)
    found = -draw_ew(noise, (5.0, 200.0), np.random.default_rng(1)) / (
        0.01 * np.sqrt(2 * LINE_HALF_WIDTH * PIXEL)
    )
    assert 5.0 <= found.min() < 5.1
    assert 195 < found.max() <= 200.0
    assert np.median(found) == pytest.approx(np.sqrt(5.0 * 200.0), rel=0.1)  # even in the logarithm


def test_no_line_is_absurdly_strong() -> None:
    assert draw_ew(np.full(10, 5.0), SIGNIFICANCE, np.random.default_rng(1)).min() == -MOST_EW


def test_half_of_the_emitters_get_any_photosphere_and_nothing_else_changes() -> None:
    stars = draw_stars(2000, seed=1, fractions={"disk": 0.5, "normal": 0.5})
    varied = any_photosphere(stars, seed=1)
    changed = varied.teff != stars.teff
    emits = stars.ew != 0
    assert not changed[~emits].any()
    assert changed[emits].mean() == pytest.approx(0.5, abs=0.05)
    assert (varied.teff[emits] < 6000).any()
    assert not (stars.teff[emits] < 6000).any()
    assert np.median(varied.v_sin_i_kms[emits & (varied.teff < 6000)]) < 10
    np.testing.assert_array_equal(varied.rim_kms, stars.rim_kms)


def test_stars_without_emission_get_none() -> None:
    stars = draw_stars(300, seed=2, fractions={"single": 0.5, "normal": 0.5})
    exposures = draw_exposures(stars, seed=2)
    varied = any_strength(exposures, stars, seed=2)
    np.testing.assert_array_equal(varied.ew == 0, exposures.ew == 0)
    significance = -varied.ew * exposures.snr / np.sqrt(2 * LINE_HALF_WIDTH * PIXEL)
    assert significance[(varied.ew < 0) & (varied.ew > -MOST_EW)].min() > SIGNIFICANCE[0]


def test_training_windows_have_weaker_lines_in_cooler_stars() -> None:
    usual, varied = (simulate_windows(200, seed=3, fractions={"disk": 1.0}, varied=v) for v in (False, True))
    assert np.abs(varied.truth["ew"]).min() < 0.5 < np.abs(usual.truth["ew"]).min()
    assert np.array(varied.truth["teff"]).min() < 6000 < np.array(usual.truth["teff"]).min()

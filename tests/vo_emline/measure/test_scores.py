from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from vo_emline.measure.scores import crps, error_factor, probability_integral, weighted_crps


@pytest.mark.parametrize(("truth", "value", "error"), [(0.0, 0.0, 1.0), (2.0, -1.0, 0.5), (1.0, 1.2, 3.0)])
def test_crps_is_the_integral_that_defines_it(truth, value, error):
    below, _ = quad(lambda x: norm.cdf(x, value, error) ** 2, value - 12 * error, truth)
    above, _ = quad(lambda x: norm.sf(x, value, error) ** 2, truth, value + 12 * error)
    assert crps(np.array(truth), np.array(value), np.array(error)) == pytest.approx(below + above, abs=1e-6)


def test_honest_errors_have_the_best_score():
    """CRPS is a proper score: neither bolder nor more timid errors gain."""
    truth = np.random.default_rng(1).normal(0.0, 2.0, 20_000)
    scores = [crps(truth, np.zeros_like(truth), np.full_like(truth, e)).mean() for e in (1.0, 2.0, 4.0)]
    assert scores[1] < min(scores[0], scores[2])


def test_the_noisiest_line_does_not_decide_alone():
    truth, error = np.zeros(4), np.array([1.0, 1.0, 1.0, 1e6])
    good, bad = np.array([0.1, 0.1, 0.1, 3e6]), np.array([3.0, 3.0, 3.0, 0.0])
    assert crps(truth, good, error).mean() > crps(truth, bad, error).mean()
    scores = [weighted_crps(truth, value, error, reference=error) for value in (good, bad)]
    assert scores[0] < scores[1]


def test_the_integral_transform_of_honest_errors_is_flat():
    random = np.random.default_rng(2)
    value, error = random.normal(size=20_000), random.uniform(0.5, 3.0, 20_000)
    pit = probability_integral(random.normal(value, error), value, error)
    counts, _ = np.histogram(pit, bins=10, range=(0, 1))
    np.testing.assert_allclose(counts, 2000, atol=4.5 * np.sqrt(2000))


def test_the_factor_makes_errors_cover_two_thirds():
    random = np.random.default_rng(3)
    truth = random.normal(0.0, 3.0, 50_000)
    truth[::10] = np.nan
    assert error_factor(truth, np.zeros_like(truth), np.ones_like(truth)) == pytest.approx(3.0, rel=0.02)
    assert error_factor(np.array([np.nan]), np.zeros(1), np.ones(1)) == 1.0

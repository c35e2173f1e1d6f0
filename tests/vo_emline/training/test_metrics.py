"""Metrics and their intervals."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.metrics import precision_recall_fscore_support

from vo_emline.training.metrics import (
    binomial_interval,
    brier_score,
    evaluate,
    expected_calibration_error,
    f1_intervals,
)


@pytest.mark.parametrize(("successes", "trials"), [(0, 10), (10, 10), (3, 299), (1, 2), (150, 299)])
def test_the_interval_is_clopper_and_pearsons(successes: int, trials: int) -> None:
    exact = binomtest(successes, trials).proportion_ci(method="exact")
    assert binomial_interval(successes, trials) == pytest.approx((exact.low, exact.high), abs=1e-6)


def test_without_trials_nothing_is_known() -> None:
    assert binomial_interval(0, 0) == (0.0, 1.0)


def random_case(n: int = 300) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    label = random.integers(0, 3, n)
    probability = random.dirichlet([1, 1, 1], n) + 0.8 * np.eye(3)[label]
    return label, probability / probability.sum(axis=1, keepdims=True)


def test_precision_recall_and_f1_are_those_of_scikit_learn() -> None:
    label, probability = random_case()
    found = evaluate(label, probability, np.arange(label.size))
    expected = precision_recall_fscore_support(label, probability.argmax(axis=1))
    for index, name in enumerate(("absorption", "emission", "double-peak")):
        one = found["classes"][name]
        values = [one["precision"]["value"], one["recall"]["value"], one["f1"]["value"], one["support"]]
        assert values == pytest.approx([part[index] for part in expected])
        assert one["f1"]["interval"][0] < one["f1"]["value"] < one["f1"]["interval"][1]


def test_everything_is_json_also_with_nothing_to_measure() -> None:
    label, probability = random_case()
    json.dumps(evaluate(label, probability, np.arange(label.size)), allow_nan=False)
    empty = evaluate(np.empty(0, dtype=np.int64), np.empty((0, 3)), np.empty(0, dtype=np.int64))
    assert json.loads(json.dumps(empty, allow_nan=False))["accuracy"]["value"] is None


def test_the_false_positive_rate_counts_absorption_called_emission_of_either_kind() -> None:
    label = np.array([0, 0, 0, 0, 1, 2])
    rate = evaluate(label, np.eye(3)[[0, 1, 2, 0, 0, 2]], np.arange(6))["false_positive_rate"]
    assert (rate["count"], rate["of"], rate["value"]) == (2, 4, 0.5)


def test_many_spectra_of_one_star_widen_the_interval() -> None:
    label, probability = random_case()
    predicted = probability.argmax(axis=1)
    # ten copies of every spectrum: ten times the rows, no more stars
    many = np.tile(np.arange(label.size), 10)
    by_star = f1_intervals(label[many], predicted[many], many)
    by_spectrum = f1_intervals(label[many], predicted[many], np.arange(many.size))
    width = np.ptp(by_star, axis=1) / np.ptp(by_spectrum, axis=1)
    np.testing.assert_allclose(width, np.sqrt(10), rtol=0.2)


def test_a_coin_that_says_what_it_is_is_calibrated() -> None:
    random = np.random.default_rng(3)
    probability = random.dirichlet([2, 1, 1], 50_000)
    label = (random.uniform(size=(50_000, 1)) > probability.cumsum(axis=1)).sum(axis=1).clip(0, 2)
    assert expected_calibration_error(label, probability) < 0.01
    overconfident = np.eye(3)[probability.argmax(axis=1)]
    accuracy = (probability.argmax(axis=1) == label).mean()
    assert expected_calibration_error(label, overconfident) == pytest.approx(1 - accuracy)


def test_brier_runs_from_zero_to_two() -> None:
    label = np.array([0, 1, 2])
    assert brier_score(label, np.eye(3)) == 0
    assert brier_score(label, np.eye(3)[[1, 2, 0]]) == 2
    assert brier_score(label, np.full((3, 3), 1 / 3)) == pytest.approx(2 / 3)

"""Calibration."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax

from vo_emline.training.calibration import correct_prior, fit_temperature, probabilities


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_temperature_of_drawn_labels_is_found(temperature: float) -> None:
    random = np.random.default_rng(0)
    logits = random.normal(0, 2, (20_000, 3))
    chance = softmax(logits, axis=1).cumsum(axis=1)
    label = (random.uniform(size=(20_000, 1)) > chance).sum(axis=1)
    assert fit_temperature(logits * temperature, label) == pytest.approx(temperature, rel=0.05)


def test_without_labels_nothing_is_changed() -> None:
    assert fit_temperature(np.empty((0, 3)), np.empty(0, dtype=np.int64)) == 1.0


def test_temperature_never_changes_the_class() -> None:
    logits = np.random.default_rng(1).normal(0, 5, (1000, 3))
    for temperature in (0.1, 1.0, 10.0):
        p = probabilities(logits, temperature=temperature)
        assert p.dtype == np.float32
        np.testing.assert_array_equal(p.argmax(axis=1), logits.argmax(axis=1))
        np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-6)


def test_a_99_percent_test_at_a_prevalence_of_a_third_of_a_percent() -> None:
    # trained on halves, p = 0.99 for emission is odds 99:1; at 0.3 % prevalence odds 99 * 0.003 / 0.997
    p = correct_prior(np.array([[0.01, 0.99, 0.0]]), trained=[0.5, 0.5, 1e-9], stated=[0.997, 0.003, 1e-9])
    odds = 99 * 0.003 / 0.997
    assert p[0, 1] == pytest.approx(odds / (1 + odds), rel=1e-4)


def test_the_same_prior_changes_nothing() -> None:
    p = softmax(np.random.default_rng(2).normal(size=(10, 3)), axis=1)
    np.testing.assert_allclose(
        correct_prior(p, trained=[0.2, 0.3, 0.5], stated=[0.2, 0.3, 0.5]), p, rtol=1e-6
    )

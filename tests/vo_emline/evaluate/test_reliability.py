from __future__ import annotations

import json

import numpy as np
import pytest

from vo_emline.evaluate.reliability import reliability, stated_shares


def balanced_sample(n: int, *, sharpen: float = 1.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Probabilities of negatives and positives where both kinds are equally frequent, and the labels.

    Where `sharpen` is one they are exact: the scores have densities 2(1 − p) and 2p.
    """
    random = np.random.default_rng(1)
    negative, positive = 1 - np.sqrt(random.uniform(size=n)), np.sqrt(random.uniform(size=n))
    parts = []
    for score in (negative, positive):
        logit = sharpen * np.log(score / (1 - score))
        sure = 1 / (1 + np.exp(-logit))
        # half as much weight on each of two positive classes: even shares are (1/3, 1/3, 1/3)
        odds = 2 * sure
        parts.append(np.column_stack([1 - sure, odds / 2, odds / 2]) / (1 - sure + odds)[:, None])
    return parts[0], parts[1], random.integers(1, 3, n)


@pytest.mark.parametrize("prevalence", [0.5, 0.1, 0.01])
def test_true_probabilities_are_calibrated_at_every_prevalence(prevalence: float) -> None:
    negatives, positives, label = balanced_sample(15_000)
    found = reliability(negatives, positives, label=label, prevalence=prevalence)
    assert found["ece"]["value"] < 0.01
    low, high = found["ece"]["interval"]
    assert 0 <= low < high < 0.02
    assert sum(one["weight"] for one in found["bins"]) == pytest.approx(1.0)
    mean = sum(one["weight"] * one["observed"] for one in found["bins"])
    assert mean == pytest.approx(prevalence, abs=1e-9)
    json.dumps(found, allow_nan=False)


def test_overconfidence_shows() -> None:
    negatives, positives, label = balanced_sample(20_000, sharpen=3.0)
    found = reliability(negatives, positives, label=label, prevalence=0.5)
    assert found["ece"]["interval"][0] > 0.08
    highest = found["bins"][-1]
    assert highest["predicted"] > highest["interval"][1]


def test_brier_is_that_of_the_binary_forecast() -> None:
    certain = np.array([[1.0, 0.0, 0.0]] * 4)
    sure = np.array([[0.0, 1.0, 0.0]] * 4)
    label = np.ones(4, dtype=np.int64)
    assert reliability(certain, sure, label=label, prevalence=0.5)["brier"] == pytest.approx(0.0)
    assert reliability(sure, certain, label=label, prevalence=0.5)["brier"] == pytest.approx(1.0)


def test_shares_add_up_to_one_and_follow_the_positives() -> None:
    shares = stated_shares(0.01, np.array([1, 1, 1, 2]))
    assert sum(shares) == pytest.approx(1.0)
    assert shares[0] == pytest.approx(0.99)
    assert shares[1] > shares[2]

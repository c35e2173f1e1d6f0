"""What is like nothing that a network was shown."""

from __future__ import annotations

import numpy as np

from vo_emline.training.familiarity import STRANGE, Familiarity, fit_familiarity


def features(n: int, seed: int) -> np.ndarray:
    """Give features that vary along few directions, as those of a network do."""
    random = np.random.default_rng(seed)
    directions = np.random.default_rng(0).normal(size=(60, 80)) / 8.0
    logarithm = 1.5 + random.normal(size=(n, 60)) @ directions + 0.02 * random.normal(size=(n, 80))
    return np.expm1(np.maximum(logarithm, 0.0))


def test_few_of_the_known_are_strange_and_the_unlike_are() -> None:
    found = fit_familiarity(features(4000, 1), features(2000, 2))
    others = found.strangeness(features(4000, 3))
    assert abs(np.mean(others > found.limit) - STRANGE) < 0.008
    swapped = features(200, 4)[:, ::-1]
    assert np.mean(found.strangeness(swapped) > found.limit) > 0.9
    assert np.mean(found.strangeness(10.0 * features(200, 5)) > found.limit) > 0.9


def test_it_survives_being_written() -> None:
    found = fit_familiarity(features(1000, 1), features(500, 2))
    again = Familiarity.from_arrays(found.arrays())
    np.testing.assert_allclose(
        again.strangeness(features(50, 6)), found.strangeness(features(50, 6)), rtol=1e-3
    )
    assert np.isclose(again.limit, found.limit)

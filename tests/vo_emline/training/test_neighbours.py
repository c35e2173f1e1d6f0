"""How much less is known of stars without neighbours: told by the errors among those learnt from."""

from __future__ import annotations

import numpy as np
import pytest

from vo_emline.training.neighbours import Hidden, fit_hidden, nearest

VARIANCE = 0.04


def test_the_nearest_other_is_never_the_point_itself() -> None:
    points = np.array([[0.0, 0.0], [3.0, 4.0], [3.0, 5.0]])
    assert nearest(points).tolist() == [25.0, 1.0, 1.0]


def test_errors_that_grow_with_the_distance_are_found() -> None:
    random = np.random.default_rng(1)
    distance = random.uniform(0.5, 5.0, 3000)
    truth = Hidden(growth=0.1, reach=1.5)
    error = random.standard_normal(3000) * np.sqrt(VARIANCE + truth(distance**2))
    found = fit_hidden(error, np.full(3000, VARIANCE), distance**2)
    assert found.growth == pytest.approx(truth.growth, rel=0.3)
    assert found.reach == pytest.approx(truth.reach, abs=0.4)


def test_errors_that_do_not_grow_leave_nothing_hidden() -> None:
    random = np.random.default_rng(2)
    distance = random.uniform(0.5, 5.0, 3000)
    found = fit_hidden(
        0.9 * np.sqrt(VARIANCE) * random.standard_normal(3000), np.full(3000, VARIANCE), distance**2
    )
    assert found(np.array([25.0]))[0] < 0.1 * VARIANCE

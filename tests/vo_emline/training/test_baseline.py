"""The linear baseline."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from vo_emline.training.metrics import logistic_regression
from vo_emline.training.steps import Samples


def test_easy_windows_are_told_apart(easy: Callable[..., Samples]) -> None:
    one, other = easy(300, seed=0), easy(90, seed=1)
    label = one.label.astype(np.int64)
    probability = logistic_regression(one.flux, label, predict=other.flux)
    assert probability.shape == (90, 3)
    assert (probability.argmax(axis=1) == other.label).mean() > 0.95
    assert logistic_regression(one.flux, label, predict=other.flux[:0]).shape == (0, 3)

"""Balancing classes."""

from __future__ import annotations

import numpy as np
import pytest

from vo_emline.errors import UserError
from vo_emline.training.balance import class_weights, require_classes, smote


def imbalanced(counts: list[int]) -> tuple[np.ndarray, np.ndarray]:
    label = np.repeat(np.arange(3), counts)
    return np.random.default_rng(0).normal(label[:, None], 0.1, (label.size, 140)).astype(np.float32), label


def test_smote_fills_every_class_up_to_the_largest() -> None:
    flux, label = imbalanced([30, 12, 2])
    filled, labels = smote(flux, label, seed=1)
    assert np.bincount(labels).tolist() == [30, 30, 30]
    assert filled.dtype == np.float32
    np.testing.assert_array_equal(filled[: label.size], flux)
    np.testing.assert_array_equal(labels[: label.size], label)


def test_synthetic_windows_lie_between_two_of_their_class() -> None:
    flux, label = imbalanced([9, 9, 2])
    filled, labels = smote(flux, label, seed=1)
    one, two = flux[label == 2].astype(np.float64)
    made = filled[label.size :][labels[label.size :] == 2].astype(np.float64)
    share = (made - one) @ (two - one) / ((two - one) @ (two - one))
    assert ((share >= -1e-6) & (share <= 1 + 1e-6)).all()
    np.testing.assert_allclose(made, one + share[:, None] * (two - one), atol=1e-5)


def test_the_seed_decides() -> None:
    flux, label = imbalanced([20, 8, 4])
    np.testing.assert_array_equal(smote(flux, label, seed=1)[0], smote(flux, label, seed=1)[0])
    assert not np.array_equal(smote(flux, label, seed=1)[0], smote(flux, label, seed=2)[0])


def test_too_small_a_class_is_named() -> None:
    flux, label = imbalanced([9, 9, 1])
    with pytest.raises(UserError, match="at least 2 spectra of every class, but double-peak has 1"):
        smote(flux, label, seed=0)
    with pytest.raises(UserError, match="at least 1 spectra of every class, but double-peak has 0"):
        require_classes(label[:18])


def test_weights_make_classes_count_alike() -> None:
    label = np.repeat(np.arange(3), [60, 30, 10])
    weights = class_weights(label)
    np.testing.assert_allclose(np.bincount(label, weights=weights), 100 / 3, rtol=1e-5)
    assert weights.mean() == pytest.approx(1)

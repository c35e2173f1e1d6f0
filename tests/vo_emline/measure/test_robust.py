"""Medians of rows, beside numpy's."""

from __future__ import annotations

import numpy as np
import pytest

from vo_emline.measure.robust import robust_sigma, row_medians


@pytest.mark.parametrize("size", [1, 2, 7, 140])
def test_medians_are_those_of_numpy_to_the_last_bit(size: int) -> None:
    random = np.random.default_rng(size)
    values = random.normal(size=(500, size))
    values[random.random(values.shape) < 0.4] = np.nan
    values[0] = 1.0
    known = np.isfinite(values).any(axis=1)
    found = row_medians(values)
    assert found[known].tobytes() == np.nanmedian(values[known], axis=1).tobytes()
    assert np.isnan(found[~known]).all()


def test_rows_without_pixels_have_no_median() -> None:
    assert row_medians(np.empty((0, 3))).shape == (0,)
    assert np.isnan(row_medians(np.full((2, 3), np.nan))).all()


def test_the_robust_deviation_of_noise_is_its_deviation() -> None:
    noise = np.random.default_rng(1).normal(scale=[[1.0], [5.0]], size=(2, 20_000))
    noise[:, :50] = 1e6
    assert robust_sigma(noise) == pytest.approx([1.0, 5.0], rel=0.03)

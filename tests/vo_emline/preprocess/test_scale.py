from __future__ import annotations

import numpy as np
import pytest
from sklearn.preprocessing import minmax_scale, scale

from vo_emline.preprocess.scale import offset_and_scale

FLUX = np.random.default_rng(4).normal(50, 7, (5, 140))


def test_standardising_is_scikit_learns() -> None:
    offset, width = offset_and_scale(FLUX, "standardise").T[:, :, None]
    assert (FLUX - offset) / width == pytest.approx(scale(FLUX, axis=1))


def test_minmax_is_scikit_learns() -> None:
    offset, width = offset_and_scale(FLUX, "minmax").T[:, :, None]
    assert (FLUX - offset) / width == pytest.approx(minmax_scale(FLUX, (-1, 1), axis=1))


@pytest.mark.parametrize("level", [0.0, 1.0, 3e-17, 1e6])
@pytest.mark.parametrize("method", ["standardise", "minmax"])
def test_a_constant_window_has_no_scale(level: float, method: str) -> None:
    flat = np.full((1, 140), level) * (1 + 1e-9 * np.arange(140))
    assert offset_and_scale(flat, method)[0, 1] == 0  # type: ignore[arg-type]


def test_faint_calibrated_fluxes_do_have_one() -> None:
    assert offset_and_scale(FLUX * 1e-17, "standardise")[:, 1] == pytest.approx(FLUX.std(axis=1) * 1e-17)

"""The randomised instrument."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vo_emline.preprocess import GRID
from vo_emline.spectra import HALPHA_VAC
from vo_emline.training.options import AugmentOptions
from vo_emline.training.steps import PIXELS_PER_KMS, randomise, rescale, shift

LINE = jnp.asarray(np.exp(-0.5 * np.square((GRID - HALPHA_VAC) / 5.0)), dtype=jnp.float32)[None]


def centre(flux: jax.Array) -> float:
    weight = np.asarray(flux[0], dtype=np.float64)
    return float((GRID * weight).sum() / weight.sum())


@pytest.mark.parametrize("velocity_kms", [-150.0, 37.0, 150.0])
def test_a_velocity_moves_the_line_by_its_doppler_shift(velocity_kms: float) -> None:
    moved = shift(LINE, jnp.full((1, 1), velocity_kms * PIXELS_PER_KMS))
    # 1 % because the window is shifted by as many pixels everywhere
    assert centre(moved) - centre(LINE) == pytest.approx(HALPHA_VAC * velocity_kms / 299_792.458, rel=0.015)


def test_a_shift_of_whole_pixels_is_exact_and_repeats_the_edge() -> None:
    ramp = jnp.arange(140.0)[None]
    np.testing.assert_array_equal(shift(ramp, jnp.full((1, 1), 2.0))[0, :4], [0, 0, 0, 1])
    np.testing.assert_array_equal(shift(ramp, jnp.full((1, 1), -3.0))[0, -5:], [138, 139, 139, 139, 139])


def test_the_key_decides_and_scaling_holds() -> None:
    flux = rescale(jnp.tile(LINE, (64, 1)), minmax=False)
    one, same, other = (randomise(jax.random.key(k), flux, options=AugmentOptions()) for k in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert not np.allclose(one, other)
    np.testing.assert_allclose(one.mean(axis=1), 0, atol=1e-5)
    np.testing.assert_allclose(one.std(axis=1), 1, atol=1e-5)


def test_minmax_windows_stay_within_minus_one_and_one() -> None:
    flux = rescale(jnp.tile(LINE, (8, 1)), minmax=True)
    seen = randomise(jax.random.key(0), flux, options=AugmentOptions(), minmax=True)
    np.testing.assert_allclose(seen.min(axis=1), -1, atol=1e-6)
    np.testing.assert_allclose(seen.max(axis=1), 1, atol=1e-6)


def test_noise_goes_to_the_stated_share_of_windows() -> None:
    options = AugmentOptions(velocity_kms=0, slope=0, noise=0.5, noisy_fraction=0.25)
    flux = rescale(jnp.tile(LINE, (4000, 1)), minmax=False)
    seen = randomise(jax.random.key(0), flux, options=options)
    changed = np.abs(np.asarray(seen - flux)).max(axis=1) > 1e-4
    assert changed.mean() == pytest.approx(0.25, abs=0.03)


def test_nothing_to_randomise_changes_nothing() -> None:
    options = AugmentOptions(velocity_kms=0, slope=0, noise=0, noisy_fraction=0)
    flux = rescale(jnp.tile(LINE, (4, 1)), minmax=False)
    np.testing.assert_allclose(randomise(jax.random.key(0), flux, options=options), flux, atol=1e-5)

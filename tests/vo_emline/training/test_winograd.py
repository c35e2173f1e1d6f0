"""Minimal filtering gives what the network gives."""

from __future__ import annotations

from functools import partial

import jax
import numpy as np
import pytest

from vo_emline.training import winograd
from vo_emline.training.architecture import Architecture
from vo_emline.training.network import apply, build


@pytest.mark.parametrize(
    "architecture",
    [
        Architecture(convolutions=(4, 8), hidden=(16,)),
        Architecture(convolutions=(8,), hidden=()),
        Architecture(n_pixels=61, convolutions=(4, 6, 8), hidden=(16, 8)),
    ],
)
def test_logits_are_those_of_the_network(architecture: Architecture) -> None:
    graph, parameters = build(architecture, seed=3)
    flux = np.random.default_rng(0).normal(size=(17, architecture.n_pixels)).astype(np.float32)
    direct = np.asarray(jax.jit(partial(apply, graph))(parameters, flux))
    ours = np.asarray(jax.jit(winograd.logits)(winograd.transform_weights(parameters), flux))
    np.testing.assert_allclose(ours, direct, atol=2e-6 * np.abs(direct).max(), rtol=1e-5)


@pytest.mark.parametrize("pixels", range(3, 16))
@pytest.mark.parametrize("pool", [False, True])
def test_any_number_of_pixels_is_convolved(pixels: int, pool: bool) -> None:
    """Also where the last tile is not full, or the last pixel has no partner to be pooled with."""
    random = np.random.default_rng(pixels)
    x, kernel, bias = random.normal(size=(pixels, 2, 3)), random.normal(size=(3, 3, 5)), random.normal(size=5)
    direct = sum(x[tap : pixels - 2 + tap] @ kernel[tap] for tap in range(3)) + bias
    direct = np.maximum(direct, 0)
    if pool:
        even = len(direct) // 2 * 2
        direct = np.maximum(direct[0:even:2], direct[1:even:2])
    transformed = np.tensordot(winograd.KERNEL_TRANSFORM, kernel, 1)
    arrays = (np.asarray(array, dtype=np.float32) for array in (x, transformed, bias))
    found = jax.jit(winograd.convolve_tiles, static_argnames="pool")(*arrays, pool=pool)
    np.testing.assert_allclose(found, direct, atol=2e-5)


def test_the_first_kernel_and_the_dense_layers_stay_as_they_are() -> None:
    parameters = build(Architecture(convolutions=(4, 8), hidden=(16,)))[1]
    weights = winograd.transform_weights(parameters)
    assert weights["convolutions.1.kernel"].shape == (6, 4, 4)
    for name in ("convolutions.0.kernel", "convolutions.1.bias", "hidden.0.kernel", "output.kernel"):
        assert weights[name] is parameters[name]

"""The thesis network, layer by layer."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from vo_emline.errors import UserError
from vo_emline.training.architecture import Architecture
from vo_emline.training.network import Network, apply, build, count_parameters, halve


def test_the_thesis_network_has_its_2481731_parameters() -> None:
    _, parameters = build(Architecture())
    assert count_parameters(parameters) == 2_481_731


def test_layer_shapes_are_those_of_the_thesis() -> None:
    shapes = {
        name: value.shape for name, value in build(Architecture())[1].items() if name.endswith("kernel")
    }
    assert shapes == {
        "convolutions.0.kernel": (3, 1, 64),
        "convolutions.1.kernel": (3, 64, 64),
        "convolutions.2.kernel": (3, 64, 128),
        "convolutions.3.kernel": (3, 128, 128),
        "convolutions.4.kernel": (3, 128, 256),
        "convolutions.5.kernel": (3, 256, 256),
        "hidden.0.kernel": (14 * 256, 512),
        "hidden.1.kernel": (512, 512),
        "output.kernel": (512, 3),
    }


def test_features_are_14_pixels_of_256_filters() -> None:
    network = Network(Architecture(), rngs=nnx.Rngs(0))
    assert Architecture().flat_shape == (14, 256)
    assert network.features(jnp.ones((2, 140, 1))).shape == (2, 14 * 256)
    assert network(jnp.ones((2, 140, 1))).shape == (2, 3)


@pytest.mark.parametrize("pixels", [6, 7])
def test_halve_is_a_max_pooling_of_two(pixels: int) -> None:
    x = jax.random.normal(jax.random.key(0), (3, pixels, 2))
    np.testing.assert_array_equal(halve(x), nnx.max_pool(x, (2,), strides=(2,)))


def test_dropout_acts_in_training_alone() -> None:
    graph, parameters = build(Architecture(convolutions=(4,), hidden=(32,)), dropout=0.5)
    flux = jax.random.normal(jax.random.key(1), (2, 140))
    np.testing.assert_array_equal(apply(graph, parameters, flux), apply(graph, parameters, flux))
    one, two = (apply(graph, parameters, flux, dropout_key=jax.random.key(seed)) for seed in (0, 1))
    assert not np.allclose(one, two)


def test_a_seed_gives_the_same_first_parameters() -> None:
    same, again, other = (build(Architecture(), seed=seed)[1]["output.kernel"] for seed in (3, 3, 4))
    np.testing.assert_array_equal(same, again)
    assert not np.array_equal(same, other)


def test_architecture_survives_json() -> None:
    architecture = Architecture(convolutions=(8, 16), hidden=(32,))
    assert Architecture.from_dict(architecture.as_dict()) == architecture


def test_too_few_pixels_are_refused() -> None:
    with pytest.raises(UserError, match="20 pixels are too few for 3 pairs"):
        build(Architecture(n_pixels=20))


@pytest.mark.parametrize(
    "architecture",
    [Architecture(), Architecture(convolutions=(4, 8), hidden=(16,)), Architecture(n_channels=2, hidden=())],
)
def test_the_shapes_of_weights_are_known_without_the_network(architecture: Architecture) -> None:
    _, parameters = build(architecture)
    assert architecture.shapes == {name: value.shape for name, value in parameters.items()}

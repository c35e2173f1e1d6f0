"""The regression network: small heads that give a mean and a deviation of each quantity, as an ensemble."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from typing import Any, Final, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from vo_emline.arrays import FloatArray
from vo_emline.measure.quantities import N_QUANTITIES
from vo_emline.training.device import compiler_options

Head = list[tuple[Any, Any]]
"""Weights and biases, layer by layer."""

HIDDEN: Final = (192, 96)
"""Units of the hidden layers."""

BATCH: Final = 512
LEARNING_RATE: Final = 2e-3

FARTHEST: Final = 30.0
"""Deviations from the classical measurement are cut here, in its errors: beyond, it is no start at all."""

SPREAD: Final = (-4.0, 4.0)
"""Range of the logarithm of the heads' standard deviations."""


class Sample(NamedTuple):
    """Lines to learn from; n of them."""

    features: Any
    """Standardised, shape (n, f)."""
    target: Any
    """Shape (n, 5), as ``features.Anchor`` encodes it; 0 where unknown."""
    known: Any
    """1 where the quantity exists, else 0, shape (n, 5)."""


def predict(head: Head, features: Any) -> tuple[jax.Array, jax.Array]:
    """Give means and logarithms of the standard deviations, shape (n, 5) each."""
    x = features
    for weight, bias in head[:-1]:
        x = jax.nn.gelu(x @ weight + bias[None, :])
    weight, bias = head[-1]
    out = x @ weight + bias[None, :]
    return out[:, :N_QUANTITIES], jnp.clip(out[:, N_QUANTITIES:], *SPREAD)


def loss(head: Head, sample: Sample) -> jax.Array:
    """Give the mean negative log-likelihood, nats per known quantity, up to a constant.

    It is that of a Student t with five degrees of freedom: lines that are measured at a wrong place must
    not widen everybody's error.
    """
    mean, log_sd = predict(head, sample.features)
    z = (sample.target - mean) * jnp.exp(-log_sd)
    each = log_sd + 3.0 * jnp.log1p(z * z / 5.0)
    total: jax.Array = (each * sample.known).sum() / jnp.maximum(sample.known.sum(), 1.0)
    return total


def draw_head(n_features: int, *, seed: int) -> Head:
    """Draw the first weights of a head (He et al. 2015), with next to nothing in the last layer."""
    random = np.random.default_rng([seed, 21])
    sizes = (n_features, *HIDDEN, 2 * N_QUANTITIES)
    head: Head = []
    for number, (n_in, n_out) in enumerate(pairwise(sizes)):
        scale = np.sqrt(2.0 / n_in) if number < len(HIDDEN) else 0.01
        weight = random.normal(0.0, scale, (n_in, n_out)).astype(np.float32)
        head.append((jnp.asarray(weight), jnp.zeros(n_out, jnp.float32)))
    return head


def fit_head(sample: Sample, *, seed: int, epochs: int) -> Head:
    """Train one head; the same arguments give the same weights bit for bit on one machine."""
    n = len(sample.target)
    steps = max(n // BATCH, 1)
    rate = optax.cosine_decay_schedule(LEARNING_RATE, steps * epochs)
    optimiser = optax.adamw(rate, weight_decay=1e-4)
    head = draw_head(sample.features.shape[1], seed=seed)
    state = optimiser.init(head)
    random = np.random.default_rng([seed, 22])
    epoch = jax.jit(partial(_epoch, optimiser), compiler_options=compiler_options())
    on_device = Sample(*(jnp.asarray(array, jnp.float32) for array in sample))
    size = min(n, BATCH)
    for _ in range(epochs):
        order = random.permutation(n)[: steps * size].reshape(steps, size).astype(np.int32)
        head, state = epoch(head, state, on_device, order)
    return head


def _epoch(optimiser: Any, head: Head, state: Any, sample: Sample, order: Any) -> tuple[Head, Any]:
    """Take one step for each row of `order`."""

    def step(carry: tuple[Head, Any], rows: jax.Array) -> tuple[tuple[Head, Any], None]:
        head, state = carry
        batch = Sample(*(array[rows] for array in sample))
        gradient = jax.grad(loss)(head, batch)
        with jax.numpy_dtype_promotion("standard"):  # optax mixes int32 and float on purpose
            updates, state = optimiser.update(gradient, state, head)
        return (optax.apply_updates(head, updates), state), None

    (head, state), _ = jax.lax.scan(step, (head, state), order)
    return head, state


@jax.jit
def _predict_all(heads: list[Head], features: Any) -> list[tuple[jax.Array, jax.Array]]:
    """Ask all heads in one compiled call: a twentieth of the time of one operation after the other."""
    return [predict(head, features) for head in heads]


def mixture(heads: Sequence[Head], features: Any) -> tuple[FloatArray, FloatArray]:
    """Give mean and standard deviation of the ensemble, shape (n, 5) each.

    The variance is the mean of the heads' variances and the variance of their
    means: what the data leave open and what the training does
    (Lakshminarayanan et al. 2017, arXiv:1612.01474, section 2.4).
    """
    found = _predict_all(list(heads), features)
    mean, log_sd = (np.stack([np.asarray(one[part], np.float64) for one in found]) for part in (0, 1))
    variance = np.exp(2.0 * log_sd).mean(axis=0) + mean.var(axis=0)
    return mean.mean(axis=0), np.sqrt(variance)

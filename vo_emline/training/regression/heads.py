"""The heads: what they see of a line, and the networks that improve upon its classical measurement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any, Final, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from vo_emline.arrays import FloatArray
from vo_emline.measure.baseline import Baseline
from vo_emline.measure.lines import EmissionLines
from vo_emline.measure.quantities import N_QUANTITIES, QUANTITIES, Estimates, estimates
from vo_emline.measure.shape import within
from vo_emline.training.device import compiler_options

REACH: Final = 62.0
"""The heads see the flux within this distance of Hα, Å: the line, both side bands, and [N II]."""

USUAL: Final = np.array([0.0, np.log(400.0), 0.0, np.log(350.0), 0.0])
"""What the heads are shown of a quantity that could not be measured, in the units of :class:`Anchor`."""

FINEST: Final = np.array([0.01, 0.01, 1.0, 0.01, 0.02])
COARSEST: Final = np.array([np.inf, 0.3, 60.0, 0.3, 0.5])
"""Limits of the classical errors as units of the heads' answers, in the units of :class:`Anchor`."""

_POSITIVE: Final = np.array([quantity.positive for quantity in QUANTITIES])


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """Classical measurements as origin and unit of the heads' answers, shape (n, 5) each.

    Those of positive quantities are natural logarithms; NaN where there is no measurement.
    """

    origin: FloatArray
    unit: FloatArray

    def encode(self, value: FloatArray) -> FloatArray:
        """Express values of the quantities in these units, shape (n, 5); NaN stays NaN."""
        return (_logarithm(value) - self.origin) / self.unit

    def decode(self, mean: FloatArray, deviation: FloatArray) -> Estimates:
        """Turn means and standard deviations in these units into values with symmetric errors."""
        level, spread = self.origin + mean * self.unit, deviation * self.unit
        value = np.where(_POSITIVE, np.exp(np.where(_POSITIVE, level, 0.0)), level)
        return Estimates(value=value, error=np.where(_POSITIVE, value, 1.0) * spread)


def describe_lines(emission: EmissionLines) -> tuple[np.ndarray, Anchor, Estimates]:
    """Give the features of lines, where their classical measurements put the origin, and these.

    The features are the flux over the pseudo-continuum, in units of the line's
    height and shape (n, pixels), then what that took out: height, noise, their
    ratio, and the classical measurements.

    Returns
    -------
    tuple
        Features, float32, shape (n, f); anchor; classical measurements.
    """
    baseline, lines = emission.baseline, emission.measured
    classical = estimates(lines)
    anchor = _anchor(classical)
    near = within(baseline, REACH)
    excess = np.nan_to_num(baseline.ratio[:, near] - 1.0)
    noise = np.nan_to_num(1.0 / lines.snr, nan=1.0)[:, None]
    height = np.maximum(np.abs(excess[:, _middle(baseline)[near]]).max(axis=1, keepdims=True), 3.0 * noise)
    known = np.isfinite(classical.value).astype(float)
    scalars = [np.log(height), np.log(noise), np.log(height / noise), lines.dip[:, None], known]
    seen = np.where(np.isfinite(classical.value), anchor.origin, USUAL)
    positions = [np.arcsinh(seen[:, :1]), seen[:, 1:], np.log(np.where(known > 0, anchor.unit, 1.0))]
    features = np.concatenate([np.clip(excess / height, -3.0, 3.0), *scalars, *positions], axis=1)
    return np.nan_to_num(features).astype(np.float32), anchor, classical


def _anchor(classical: Estimates) -> Anchor:
    divisor = np.where(_POSITIVE, classical.value, 1.0)
    return Anchor(
        origin=_logarithm(classical.value), unit=np.clip(classical.error / divisor, FINEST, COARSEST)
    )


def _middle(baseline: Baseline) -> np.ndarray:
    return within(baseline, 12.0)


def _logarithm(value: FloatArray) -> FloatArray:
    """Take the logarithm of positive quantities."""
    return np.where(_POSITIVE, np.log(np.where(_POSITIVE, value, 1.0)), value)


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
    import optax  # who measures with heads that are trained needs it not

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
    import optax

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

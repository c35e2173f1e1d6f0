"""The steps of training, jitted, and the windows shown in them: each time of another night."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
import optax
from flax import nnx

from vo_emline.preprocess.windows import GRID, N_PIXELS
from vo_emline.spectra.medium import SPEED_OF_LIGHT_KMS
from vo_emline.training.architecture import Parameters
from vo_emline.training.device import compiler_options
from vo_emline.training.network import Network, apply
from vo_emline.training.options import AugmentOptions

PIXELS_PER_KMS: Final = float(GRID.mean() / SPEED_OF_LIGHT_KMS / (GRID[1] - GRID[0]))
"""Pixels of the window per km/s of velocity."""


def randomise(key: jax.Array, flux: jax.Array, *, options: AugmentOptions, minmax: bool = False) -> jax.Array:
    """Show windows as another night would have recorded them.

    The ranges follow the differences measured between the two instruments on
    the same stars; a network that has seen no noise takes noise for emission.

    Parameters
    ----------
    key
        Random key; the same key gives the same windows.
    flux
        Scaled windows, shape (n, 140).
    options
        Ranges of velocity, noise and slope.
    minmax
        Whether the windows are scaled to [−1, 1] rather than standardised.

    Returns
    -------
    jax.Array
        Windows of the same shape, scaled again.
    """
    keys = jax.random.split(key, 5)
    column = (flux.shape[0], 1)
    velocity = jax.random.uniform(keys[0], column, minval=-1.0, maxval=1.0) * options.velocity_kms
    spread = jnp.std(flux, axis=1, keepdims=True)
    noisy = jax.random.uniform(keys[1], column) < options.noisy_fraction
    level = jnp.where(noisy, options.noise * jax.random.uniform(keys[2], column), 0.0) * spread
    slope = options.slope * jax.random.uniform(keys[3], column, minval=-1.0, maxval=1.0) * spread
    moved = shift(flux, velocity * PIXELS_PER_KMS)
    noise = jax.random.normal(keys[4], flux.shape) * level
    return rescale(moved + noise + slope * jnp.linspace(-1.0, 1.0, N_PIXELS)[None, :], minmax=minmax)


def shift(flux: jax.Array, pixels: jax.Array) -> jax.Array:
    """Move windows, shape (n, 140), by `pixels`, shape (n, 1), to the red; edge pixels are repeated."""
    last = flux.shape[1] - 1
    position = jnp.clip(jnp.arange(flux.shape[1], dtype=flux.dtype)[None, :] - pixels, 0, last)
    left = jnp.clip(jnp.floor(position), 0, last - 1).astype(jnp.int32)
    part = position - left.astype(flux.dtype)
    at_left = jnp.take_along_axis(flux, left, axis=1)
    at_right = jnp.take_along_axis(flux, left + 1, axis=1)
    return at_left * (1 - part) + at_right * part


def rescale(flux: jax.Array, *, minmax: bool) -> jax.Array:
    """Scale windows per spectrum: zero mean and unit variance, or to [−1, 1]."""
    if minmax:
        low, high = flux.min(axis=1, keepdims=True), flux.max(axis=1, keepdims=True)
        return 2 * (flux - low) / (high - low) - 1
    return (flux - flux.mean(axis=1, keepdims=True)) / flux.std(axis=1, keepdims=True)


class Samples(NamedTuple):
    """Windows with their classes, on the device or the host."""

    flux: Any
    """Scaled windows, float32, shape (n, 140)."""
    label: Any
    """Class index, int32, shape (n,)."""
    weight: Any
    """Weight in the loss, float32, shape (n,)."""

    def on_device(self) -> Samples:
        """Move the arrays to the device, where they stay for all epochs."""
        types = (jnp.float32, jnp.int32, jnp.float32)
        return Samples(*(jnp.asarray(a, t) for a, t in zip(self, types, strict=True)))


class Batch(NamedTuple):
    """Rows of one batch, always of the same length; `valid` is 0 where a row only fills up."""

    rows: npt.NDArray[np.int32]
    valid: npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Steps:
    """The compiled functions of one network and optimiser."""

    train: Callable[..., Any]
    """(params, optimiser state, samples, batch, key) → (params, optimiser state, loss sum, weight sum)."""
    logits: Callable[..., jax.Array]
    """(params, flux of one batch) → logits."""
    optimiser: optax.GradientTransformation
    """Adam."""


def batches(n: int, *, size: int, order: npt.NDArray[np.int64] | None = None) -> Iterator[Batch]:
    """Cut `n` rows (in `order`) into batches of one size, the last one filled up with row 0."""
    rows = np.arange(n) if order is None else order
    for start in range(0, n, size):
        part = rows[start : start + size]
        filled = np.zeros(size, dtype=np.int32)
        filled[: part.size] = part
        yield Batch(filled, (np.arange(size) < part.size).astype(np.float32))


@lru_cache(maxsize=4)
def make_steps(
    graph: nnx.GraphDef[Network],
    *,
    learning_rate: float,
    augment: AugmentOptions | None,
    minmax: bool,
) -> Steps:
    """Compile the steps of training; the same ones are compiled once in a process.

    Parameters
    ----------
    graph
        The network without its parameters.
    learning_rate
        Step of Adam (Kingma & Ba 2015, arXiv:1412.6980).
    augment
        Randomised instrument, None for windows as they are.
    minmax
        Whether windows are scaled to [−1, 1] rather than standardised.
    """
    optimiser = optax.adam(learning_rate)

    def loss(
        params: Parameters, flux: jax.Array, label: jax.Array, weight: jax.Array, key: jax.Array
    ) -> jax.Array:
        logits = apply(graph, params, flux, dropout_key=key)
        cross_entropy = optax.softmax_cross_entropy_with_integer_labels(logits, label)
        mean: jax.Array = (cross_entropy * weight).sum() / jnp.maximum(weight.sum(), 1e-12)
        return mean

    def train(params: Parameters, state: Any, samples: Samples, batch: Batch, key: jax.Array) -> Any:
        view, dropout = jax.random.split(key)
        flux, label = samples.flux[batch.rows], samples.label[batch.rows]
        weight = samples.weight[batch.rows] * batch.valid
        if augment is not None:
            flux = randomise(view, flux, options=augment, minmax=minmax)
        value, gradient = jax.value_and_grad(loss)(params, flux, label, weight, dropout)
        with jax.numpy_dtype_promotion("standard"):  # optax's Adam mixes int32 and float on purpose
            updates, state = optimiser.update(gradient, state, params)
        return optax.apply_updates(params, updates), state, value * weight.sum(), weight.sum()

    options = compiler_options()
    return Steps(
        train=jax.jit(train, donate_argnums=(0, 1), compiler_options=options),
        logits=jit_logits(graph, compiler_options=options),
        optimiser=optimiser,
    )


def jit_logits(graph: nnx.GraphDef[Network], **options: Any) -> Callable[[Parameters, Any], jax.Array]:
    """Compile the prediction of one batch: (params, flux of shape (size, 140)) → logits."""

    def logits(params: Parameters, flux: jax.Array) -> jax.Array:
        return apply(graph, params, flux)

    return jax.jit(logits, **options)

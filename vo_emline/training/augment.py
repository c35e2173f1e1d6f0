"""Randomised instrument: each time a window is shown, another velocity, noise and continuum slope."""

from __future__ import annotations

from typing import Final

import jax
import jax.numpy as jnp

from vo_emline.preprocess.windows import GRID, N_PIXELS
from vo_emline.spectra.medium import SPEED_OF_LIGHT_KMS
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

"""Fixtures of the training tests: strict JAX, easy windows, a small network."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import jax
import numpy as np
import numpy.typing as npt
import pytest

from vo_emline.preprocess import GRID
from vo_emline.spectra import HALPHA_VAC
from vo_emline.training.architecture import Architecture
from vo_emline.training.steps import Samples


@pytest.fixture(autouse=True)
def strict_jax() -> Iterator[None]:
    """No silent change of type or rank in our own code."""
    with jax.numpy_dtype_promotion("strict"), jax.numpy_rank_promotion("raise"):
        yield


def easy_windows(label: npt.NDArray[np.int64], *, seed: int) -> npt.NDArray[np.float32]:
    """Standardised windows: a dip, a peak, or two peaks 6 Å either side of Hα, at S/N 5."""
    random = np.random.default_rng(seed)

    def line(offset: float) -> npt.NDArray[np.float64]:
        return np.exp(-0.5 * np.square((GRID - HALPHA_VAC - offset) / 4.0))

    shapes = np.stack([-line(0), line(0), line(-8) + line(8)])
    flux = shapes[label] + random.normal(0, 0.2, (label.size, GRID.size))
    flux = (flux - flux.mean(axis=1, keepdims=True)) / flux.std(axis=1, keepdims=True)
    return flux.astype(np.float32)


def easy_samples(n: int, *, seed: int) -> Samples:
    """Samples of :func:`easy_windows`, classes in turn, all of one weight."""
    label = np.arange(n) % 3
    return Samples(easy_windows(label, seed=seed), label.astype(np.int32), np.ones(n, dtype=np.float32))


@pytest.fixture(scope="session")
def small() -> Architecture:
    """A network that trains in a second."""
    return Architecture(convolutions=(4, 8), hidden=(16,))


@pytest.fixture(scope="session")
def easy() -> Callable[..., Samples]:
    """Give a function (n, seed) → samples that are easy to tell apart."""
    return easy_samples

"""Prediction in bulk: batches of one size, transferred and computed at the same time, on every device.

* On CPUs the network is computed by :mod:`~vo_emline.training.winograd`.
* On accelerators it is computed directly, in single precision or, where that
  is asked for, in bfloat16 (the last layer always in single precision).
* Several devices share each batch (JAX sharding over the windows).
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from vo_emline.training import winograd
from vo_emline.training.architecture import Architecture, Parameters

Precision = Literal["float32", "bfloat16"]

BATCH: Final = {"cpu": 128}
"""Windows per batch and device: on CPUs intermediate results stay in the cache, and a single file is filled
up to no more."""

LARGE_BATCH: Final = 8192
"""Windows per batch and device on accelerators."""

AHEAD: Final = 3
"""Batches under way at a time: one is transferred while another is computed and a third comes back."""

Forward = Callable[[Any, jax.Array], jax.Array]
"""(weights, flux of one batch) → outputs."""


class Formulation(NamedTuple):
    """One way to compute a network."""

    forward: Forward
    weights: Parameters


def formulate(
    architecture: Architecture,
    parameters: Parameters,
    *,
    precision: Precision = "float32",
    platform: str | None = None,
) -> Formulation:
    """Choose how the network is computed.

    Parameters
    ----------
    architecture
        The network.
    parameters
        Its weights, single precision.
    precision
        ``bfloat16`` is what accelerators multiply fastest, and slow on CPUs; it changes
        probabilities by up to one or two hundredths.
    platform
        ``cpu``, ``gpu``, ``tpu``; by default that of JAX's first device.
    """
    if precision == "float32" and (platform or jax.local_devices()[0].platform) == "cpu":
        return Formulation(winograd.logits, winograd.transform_weights(parameters))
    from vo_emline.training.network import apply_half, apply_single, outline

    graph = outline(architecture)
    if precision == "bfloat16":
        return Formulation(partial(apply_half, graph), _halve_weights(parameters))
    return Formulation(partial(apply_single, graph), parameters)


def _halve_weights(parameters: Parameters) -> Parameters:
    return {
        name: value if name.startswith("output.") else value.astype(jnp.bfloat16)
        for name, value in parameters.items()
    }


class Predictor:
    """A compiled function over any number of windows.

    Parameters
    ----------
    forward
        What is computed: (weights, flux of one batch) → outputs, shape (size, outputs).
    weights
        Arrays of `forward`; they are put on every device.
    batch
        Windows per batch and device; None for what suits the device. Every call is filled up to whole
        batches, so that there is one compilation for all sizes.
    devices
        Where to compute; None for every device of this process.
    """

    def __init__(
        self,
        forward: Forward,
        weights: Any,
        *,
        batch: int | None = None,
        devices: Sequence[jax.Device] | None = None,
    ) -> None:
        chosen = list(devices or jax.local_devices())
        self._size = (batch or BATCH.get(chosen[0].platform, LARGE_BATCH)) * len(chosen)
        mesh = Mesh(np.array(chosen), ("windows",))
        split, whole = PartitionSpec("windows"), PartitionSpec()  # type: ignore[no-untyped-call]
        self._rows = NamedSharding(mesh, split)
        self._weights = jax.device_put(weights, NamedSharding(mesh, whole))
        self._forward = jax.jit(forward)

    @property
    def size(self) -> int:
        """Windows that are computed at a time, on all devices together."""
        return self._size

    def compilations(self) -> int:
        """Count the compilations of this function so far, for whatever weights."""
        count: int = self._forward._cache_size()  # type: ignore[attr-defined]
        return count

    def __call__(self, flux: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Give the outputs of windows, shape (n, pixels) → (n, outputs), float32."""
        waiting: deque[jax.Array] = deque()
        done: list[npt.NDArray[np.float32]] = []
        for start in range(0, max(len(flux), 1), self._size):
            piece = jax.device_put(self._fill(flux[start : start + self._size]), self._rows)
            waiting.append(self._forward(self._weights, piece))
            if len(waiting) > AHEAD:
                done.append(np.asarray(waiting.popleft()))
        found = np.concatenate([*done, *(np.asarray(one) for one in waiting)])
        return found[: len(flux)]

    def resident_seconds(self, flux: npt.NDArray[np.float32], *, calls: int = 5) -> float:
        """Measure computing alone, seconds per window: one batch that is on the devices already.

        Parameters
        ----------
        flux
            Some windows, shape (n, pixels); those of the first batch are used.
        calls
            Times the batch is computed, after once that is not counted.
        """
        batch = jax.device_put(self._fill(flux[: self._size]), self._rows)
        np.asarray(self._forward(self._weights, batch))
        began = time.perf_counter()
        for found in [self._forward(self._weights, batch) for _ in range(calls)]:
            np.asarray(found)
        return (time.perf_counter() - began) / (calls * self._size)

    def _fill(self, piece: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Fill up the last batch with zeros."""
        if len(piece) == self._size:
            return piece
        filled = np.zeros((self._size, piece.shape[1]), dtype=np.float32)
        filled[: len(piece)] = piece
        return filled

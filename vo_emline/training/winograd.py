"""The network by Winograd's minimal filtering: the same function with half the multiplications.

Four neighbouring outputs of a convolution of three taps need six
multiplications instead of twelve: F(4, 3) of Lavin & Gray (2016, CVPR,
arXiv:1509.09308, section 4.3; Winograd 1980, *Arithmetic Complexity of
Computations*). The multiplications are matrix products, and everything else is
adding. This is algebra, not an approximation: logits differ from those of
:class:`~vo_emline.training.network.Network` by rounding, as any two orders of
summation do. On CPUs it is faster than direct convolutions
(``make bench-predict``).

Arrays stand with the pixels first, shape (pixels, n, filters), so that
shifted and strided views of the pixels are contiguous blocks.
"""

from __future__ import annotations

from typing import Final

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from vo_emline.training.architecture import KERNEL, Parameters

TILE: Final = 4
"""Outputs that are computed together."""

KERNEL_TRANSFORM: Final = np.array(
    [
        [1 / 4, 0, 0],
        [-1 / 6, -1 / 6, -1 / 6],
        [-1 / 6, 1 / 6, -1 / 6],
        [1 / 24, 1 / 12, 1 / 6],
        [1 / 24, -1 / 12, 1 / 6],
        [0, 0, 1],
    ]
)
"""The matrix G of the paper: three taps to six products, shape (6, 3)."""

_CONVOLUTION: Final = "convolutions."
_KERNEL: Final = ".kernel"


def transform_weights(parameters: Parameters) -> Parameters:
    """Transform the kernels of the convolutions once, in double precision.

    Parameters
    ----------
    parameters
        Weights of the network.

    Returns
    -------
    dict
        The same, but kernels of shape (6, inputs, filters) for every convolution after the first.
    """

    def transform(name: str, value: jax.Array) -> jax.Array:
        after_first = name.startswith(_CONVOLUTION) and name.endswith(_KERNEL) and value.shape[1] > 1
        return _transform_kernel(np.asarray(value)) if after_first else value

    return {name: transform(name, value) for name, value in parameters.items()}


def _transform_kernel(kernel: npt.NDArray[np.float32]) -> jax.Array:
    transformed = np.tensordot(KERNEL_TRANSFORM, kernel.astype(np.float64), 1).astype(np.float32)
    on_device: jax.Array = jax.device_put(transformed)  # without a compilation for each shape
    return on_device


def logits(weights: Parameters, flux: jax.Array) -> jax.Array:
    """Give the logits of windows, shape (n, pixels) → (n, classes).

    Parameters
    ----------
    weights
        What :func:`transform_weights` gave.
    flux
        Scaled windows.
    """
    x = flux.T[:, :, None]
    for number in range(_count(weights, _CONVOLUTION)):
        kernel, bias = (weights[f"{_CONVOLUTION}{number}.{kind}"] for kind in ("kernel", "bias"))
        convolve = convolve_single if kernel.shape[0] == KERNEL else convolve_tiles
        x = convolve(x, kernel, bias, pool=number % 2 == 1)
    x = x.transpose(1, 0, 2).reshape(flux.shape[0], -1)
    for number in range(_count(weights, "hidden.")):
        x = jax.nn.relu(_linear(x, weights, f"hidden.{number}"))
    return _linear(x, weights, "output")


def _count(weights: Parameters, prefix: str) -> int:
    return sum(name.startswith(prefix) and name.endswith(_KERNEL) for name in weights)


def _linear(x: jax.Array, weights: Parameters, name: str) -> jax.Array:
    return x @ weights[f"{name}.kernel"] + weights[f"{name}.bias"][None, :]


def convolve_single(x: jax.Array, kernel: jax.Array, bias: jax.Array, *, pool: bool) -> jax.Array:
    """Convolve one channel, shape (pixels, n, 1), with three taps, add `bias` and rectify; then pool.

    There is nothing to gain by fewer multiplications: the compiler makes one pass of it.
    """
    last = x.shape[0] - KERNEL + 1
    taps = (x[tap : tap + last] * kernel[tap][None] for tap in range(KERNEL))
    found = jax.nn.relu(sum(taps, start=bias[None, None, :]))
    even = last // 2 * 2
    return jnp.maximum(found[0:even:2], found[1:even:2]) if pool else found


def convolve_tiles(x: jax.Array, kernel: jax.Array, bias: jax.Array, *, pool: bool) -> jax.Array:
    """Convolve, add `bias`, rectify and perhaps take the larger of each two neighbours.

    Parameters
    ----------
    x
        Shape (pixels, n, inputs).
    kernel
        Transformed kernel, shape (6, inputs, filters).
    bias
        Shape (filters,).
    pool
        Whether to pool.

    Returns
    -------
    jax.Array
        Shape (pixels − 2, n, filters), or half as many pixels where pooled.
    """
    pixels = x.shape[0] - KERNEL + 1
    tiles = -(-pixels // TILE)
    x = jnp.pad(x, ((0, tiles * TILE + KERNEL - 1 - x.shape[0]), (0, 0), (0, 0)))
    spread = _transform_input([x[i : i + tiles * TILE - TILE + 1 : TILE] for i in range(TILE + KERNEL - 1)])
    flat = spread.reshape(spread.shape[0], -1, spread.shape[-1])
    products = jnp.matmul(flat, kernel).reshape(*spread.shape[:-1], -1)
    outputs = _transform_output(products)
    if pool:
        outputs = [jnp.maximum(outputs[0], outputs[1]), jnp.maximum(outputs[2], outputs[3])]
    rectified = jnp.stack([jax.nn.relu(one + bias[None, None, :]) for one in outputs], axis=1)
    return rectified.reshape(-1, *rectified.shape[2:])[: pixels // 2 if pool else pixels]


def _transform_input(d: list[jax.Array]) -> jax.Array:
    """Apply the matrix Bᵀ of the paper to the six inputs of each tile."""
    even, odd = d[4] - 4 * d[2], d[3] - 4 * d[1]
    near, far = d[4] - d[2], 2 * (d[3] - d[1])
    first, last = 4 * d[0] - 5 * d[2] + d[4], 4 * d[1] - 5 * d[3] + d[5]
    return jnp.stack([first, even + odd, even - odd, near + far, near - far, last])


def _transform_output(m: jax.Array) -> list[jax.Array]:
    """Apply the matrix Aᵀ of the paper to the six products of each tile."""
    plus, minus = m[1] + m[2], m[1] - m[2]
    plus_far, minus_far = m[3] + m[4], m[3] - m[4]
    return [m[0] + plus + plus_far, minus + 2 * minus_far, plus + 4 * plus_far, minus + 8 * minus_far + m[5]]

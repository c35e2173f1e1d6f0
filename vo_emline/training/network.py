"""The convolutional network of the thesis, in Flax NNX."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from vo_emline.training.architecture import KERNEL, Architecture, Parameters


class Network(nnx.Module):
    """VGG-like network: pairs of convolutions, each pair pooled, then fully connected layers.

    Valid padding and ReLU throughout (thesis, chapter Machine learning;
    notebook 10). With the default architecture it has 2 481 731 parameters.
    """

    def __init__(self, architecture: Architecture, *, dropout: float = 0.5, rngs: nnx.Rngs) -> None:
        filters = [width for width in architecture.convolutions for _ in range(2)]
        inputs = [architecture.n_channels, *filters[:-1]]
        self.convolutions = nnx.List(
            nnx.Conv(n_in, n_out, kernel_size=(KERNEL,), padding="VALID", rngs=rngs)
            for n_in, n_out in zip(inputs, filters, strict=True)
        )
        pixels, last = architecture.flat_shape
        units = [pixels * last, *architecture.hidden]
        self.hidden = nnx.List(nnx.Linear(n_in, n_out, rngs=rngs) for n_in, n_out in pairwise(units))
        self.output = nnx.Linear(units[-1], architecture.n_classes, rngs=rngs)
        self.dropout = nnx.Dropout(dropout)

    def __call__(self, flux: jax.Array, *, dropout_key: jax.Array | None = None) -> jax.Array:
        """Give the logits of `flux`.

        Parameters
        ----------
        flux
            Scaled windows, shape (n, pixels, channels).
        dropout_key
            Random key for dropout while training; None in prediction.

        Returns
        -------
        jax.Array
            Logits, shape (n, classes), in the order of :data:`~vo_emline.labels.LABELS`.
        """
        x = self.features(flux)
        rngs = None if dropout_key is None else nnx.Rngs(dropout=dropout_key)
        for layer in self.hidden:
            x = self.dropout(nnx.relu(layer(x)), deterministic=rngs is None, rngs=rngs)
        return self.output(x)

    def features(self, flux: jax.Array) -> jax.Array:
        """Give the flattened output of the convolutions, shape (n, 14·256)."""
        x = flux
        for index, convolution in enumerate(self.convolutions):
            x = nnx.relu(convolution(x))
            if index % 2:
                x = halve(x)
        return x.reshape(x.shape[0], -1)


def halve(x: jax.Array) -> jax.Array:
    """Take the larger of each two neighbouring pixels, shape (n, pixels, c) → (n, pixels // 2, c).

    The same as a max pooling of width and stride 2. Written with slices,
    because its gradient is then half as dear on a CPU as that of
    ``reduce_window``.
    """
    even = x.shape[1] // 2 * 2
    return jax.numpy.maximum(x[:, 0:even:2], x[:, 1:even:2])


def build(
    architecture: Architecture, *, dropout: float = 0.5, seed: int = 0
) -> tuple[nnx.GraphDef[Network], Parameters]:
    """Give the network without its parameters, and its first parameters drawn from `seed`."""
    graph, state = nnx.split(Network(architecture, dropout=dropout, rngs=nnx.Rngs(seed)))
    return graph, _by_name(state)


def outline(architecture: Architecture) -> nnx.GraphDef[Network]:
    """Give the network without its parameters; nothing is drawn or compiled."""
    return nnx.split(nnx.eval_shape(lambda: Network(architecture, rngs=nnx.Rngs(0))))[0]


def _by_name(state: nnx.State[Any, Any]) -> dict[str, Any]:
    leaves = jax.tree_util.tree_leaves_with_path(nnx.to_pure_dict(state))
    return {".".join(str(key.key) for key in path): value for path, value in leaves}


def apply(
    graph: nnx.GraphDef[Network],
    parameters: Parameters,
    flux: jax.Array,
    *,
    dropout_key: jax.Array | None = None,
) -> jax.Array:
    """Give the logits of windows, shape (n, 140) → (n, classes), for parameters by name."""
    nested: dict[Any, Any] = {}
    for name, value in parameters.items():
        *path, last = (int(part) if part.isdigit() else part for part in name.split("."))
        inner = nested
        for part in path:
            inner = inner.setdefault(part, {})
        inner[last] = value
    return nnx.merge(graph, nnx.State(nested))(flux[:, :, None], dropout_key=dropout_key)


def count_parameters(parameters: Parameters) -> int:
    """Count the trainable numbers."""
    return sum(value.size for value in parameters.values())


def apply_single(graph: nnx.GraphDef[Network], weights: Parameters, flux: jax.Array) -> jax.Array:
    """Give logits in single precision, which accelerators would round to ten bits otherwise."""
    with jax.default_matmul_precision("highest"):
        return apply(graph, weights, flux)


def apply_half(graph: nnx.GraphDef[Network], weights: Parameters, flux: jax.Array) -> jax.Array:
    """Give logits in half precision, the last layer of which takes it to single."""
    with jax.numpy_dtype_promotion("standard"):
        return apply(graph, weights, flux.astype(jnp.bfloat16))

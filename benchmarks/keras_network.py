"""The network in Keras."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np


def build(weights: Mapping[str, np.ndarray], *, dropout: float = 0.5) -> Any:
    """Build the network of the thesis for weights of these shapes, not yet set."""
    from keras import Input, Sequential, layers

    convolutions = [name for name in sorted(weights) if name.startswith("conv") and name.endswith(".kernel")]
    stack: list[Any] = [Input((140, 1))]
    for number, name in enumerate(convolutions):
        width, _, filters = weights[name].shape
        stack.append(layers.Conv1D(filters, width, activation="relu"))
        if number % 2:
            stack.append(layers.MaxPooling1D(2))
    stack.append(layers.Flatten())
    for name in sorted(name for name in weights if name.startswith("hidden.") and name.endswith(".kernel")):
        stack += [layers.Dense(weights[name].shape[1], activation="relu"), layers.Dropout(dropout)]
    return Sequential([*stack, layers.Dense(weights["output.kernel"].shape[1])])


def set_weights(model: Any, weights: Mapping[str, np.ndarray]) -> None:
    """Put the weights into the layers that have some, in order."""
    names = [*sorted(name[:-7] for name in weights if name.endswith(".kernel") and name != "output.kernel")]
    weighted = [layer for layer in model.layers if layer.weights]
    for layer, name in zip(weighted, [*names, "output"], strict=True):
        layer.set_weights([weights[f"{name}.kernel"], weights[f"{name}.bias"]])

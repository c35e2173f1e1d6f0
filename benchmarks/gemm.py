"""How fast this machine multiplies matrices of the network's shapes, by the best of several libraries.

``python benchmarks/gemm.py`` prints the seconds per window that the products of the direct formulation need,
for each library, as JSON.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np

WINDOWS: Final = 256
REPEATS: Final = 5

SHAPES: Final = (
    *((n, 3 * inputs, filters) for n, inputs, filters in (
        (138, 1, 64), (136, 64, 64), (66, 64, 128), (64, 128, 128), (30, 128, 256), (28, 256, 256),
    )),
    (1, 14 * 256, 512), (1, 512, 512), (1, 512, 3),
)  # fmt: skip
"""Rows per window, inner length and columns of the products that the layers are (im2col)."""

FLOP: Final = sum(2 * m * k * n for m, k, n in SHAPES)
"""Floating-point operations per window."""


def libraries() -> Iterator[tuple[str, Callable[[Any, Any], Any]]]:
    """Give the products of the libraries that are installed; the first call on new arrays is not timed."""
    yield "numpy", np.matmul
    try:
        import jax

        product = jax.jit(jax.numpy.matmul)
        yield "XLA", lambda a, b: product(a, b).block_until_ready()
    except ImportError:
        pass
    try:
        import torch

        torch.set_num_threads(len(os.sched_getaffinity(0)))
        yield "torch", lambda a, b: torch.from_numpy(a) @ torch.from_numpy(b)
    except ImportError:
        pass


def seconds_per_window(product: Callable[[Any, Any], Any], *, windows: int = WINDOWS) -> list[float]:
    """Time the products one by one, the best of :data:`REPEATS`; seconds per window for each shape."""
    random = np.random.default_rng(0)
    found = []
    for m, k, n in SHAPES:
        a, b = (random.normal(size=shape).astype(np.float32) for shape in ((m * windows, k), (k, n)))
        product(a, b)
        best = float("inf")
        for _ in range(REPEATS):
            began = time.perf_counter()
            product(a, b)
            best = min(best, time.perf_counter() - began)
        found.append(best / windows)
    return found


if __name__ == "__main__":
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    size = int(sys.argv[1]) if len(sys.argv) > 1 else WINDOWS
    sys.stdout.write(json.dumps({name: seconds_per_window(one, windows=size) for name, one in libraries()}))

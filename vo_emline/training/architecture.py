"""What has to be known of the network to use it: its layers, and the names and shapes of its weights.

Predicting on CPUs needs no more (:mod:`~vo_emline.training.winograd`); Flax, which loads for longer than
thousands of spectra take, is for training and accelerators (:mod:`~vo_emline.training.network`).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import jax

from vo_emline.errors import UserError
from vo_emline.labels import LABELS
from vo_emline.preprocess.windows import N_PIXELS

KERNEL = 3
"""Width of every convolution, pixels."""


Parameters = dict[str, jax.Array]
"""Weights and biases by name (``convolutions.0.kernel``): what checkpoints and weight files hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Architecture:
    """What has to be known to build the network again."""

    n_pixels: int = N_PIXELS
    n_channels: int = 1
    """Input channels: the flux."""
    n_classes: int = len(LABELS)
    convolutions: tuple[int, ...] = (64, 128, 256)
    """Filters of each pair of convolutions; a max pooling by 2 follows each pair."""
    hidden: tuple[int, ...] = (512, 512)
    """Units of the fully connected layers, each followed by dropout."""

    def as_dict(self) -> dict[str, Any]:
        """Give the architecture as JSON-ready values."""
        return {key: list(v) if isinstance(v, tuple) else v for key, v in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Architecture:
        """Build it from what :meth:`as_dict` gave."""
        converted: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in values.items()}
        return cls(**converted)

    @property
    def flat_shape(self) -> tuple[int, int]:
        """Pixels and filters that reach the fully connected layers: (14, 256) for the thesis network.

        Raises
        ------
        UserError
            When the window is too short for so many convolutions.
        """
        n = self.n_pixels
        for _ in self.convolutions:
            n = (n - 2 * (KERNEL - 1)) // 2
        if n < 1:
            raise UserError(
                f"{self.n_pixels} pixels are too few for {len(self.convolutions)} pairs of convolutions"
            )
        return n, self.convolutions[-1]

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes of the weights and biases, by name."""
        filters = [width for width in self.convolutions for _ in range(2)]
        pixels, last = self.flat_shape
        units = [pixels * last, *self.hidden]
        found: dict[str, tuple[int, ...]] = {}
        for index, (n_in, n_out) in enumerate(pairwise([self.n_channels, *filters])):
            layer = f"convolutions.{index}"
            found |= {f"{layer}.kernel": (KERNEL, n_in, n_out), f"{layer}.bias": (n_out,)}
        for index, (n_in, n_out) in enumerate(pairwise(units)):
            found |= {f"hidden.{index}.kernel": (n_in, n_out), f"hidden.{index}.bias": (n_out,)}
        return found | {"output.kernel": (units[-1], self.n_classes), "output.bias": (self.n_classes,)}

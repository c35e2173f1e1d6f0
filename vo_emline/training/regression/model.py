"""The trained regression as others use it: lines of candidates in, measured quantities out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

from vo_emline.measure.lines import EmissionLines
from vo_emline.measure.quantities import QUANTITIES, Estimates
from vo_emline.training.description import ModelDescription, read_arrays
from vo_emline.training.regression.description import METHODS, Method, RegressionDescription
from vo_emline.training.regression.heads import Head, describe_lines, mixture

PART: Final = "lines"
"""Name of the part of a model that holds its regression."""

BATCH: Final = 256
"""Lines are measured in batches of one size, filled up, so that there is one compilation."""


class LineRegression:
    """An ensemble of heads with what is known of its quality and that of the classical measurement.

    Parameters
    ----------
    description
        What it is.
    heads
        The members of the ensemble.
    scaling
        Mean and standard deviation of the features, shape (2, f).
    """

    def __init__(
        self, description: RegressionDescription, heads: Sequence[Head], scaling: npt.NDArray[np.float32]
    ) -> None:
        self.description = description
        self._heads = heads
        self._scaling = scaling

    def described(self, description: RegressionDescription) -> Self:
        """Give the same heads with another description."""
        return type(self)(description, self._heads, self._scaling)

    def measure(self, lines: EmissionLines) -> Estimates:
        """Measure lines, each quantity by the method that is better at it.

        Quantities that cannot be measured classically are NaN: emission that is
        lost in the noise has no width, whoever asks.
        """
        return self.choose(self.measure_both(lines))

    def choose(self, found: Mapping[Method, Estimates]) -> Estimates:
        """Take each quantity from the method that is better at it."""
        chosen = [self.description.methods[quantity.name] for quantity in QUANTITIES]
        value, error = (
            np.stack([getattr(found[method], part)[:, j] for j, method in enumerate(chosen)], axis=1)
            for part in ("value", "error")
        )
        return Estimates(value=value, error=error)

    def measure_both(self, lines: EmissionLines) -> dict[Method, Estimates]:
        """Measure lines by both methods, their errors corrected by what held-out stars ask for."""
        features, anchor, classical = describe_lines(lines)
        network = anchor.decode(*self._answers(features))
        return {
            method: corrected(one, self.description.factors[method])
            for method, one in zip(METHODS, (network, classical), strict=True)
        }

    def _answers(self, features: npt.NDArray[np.float32]) -> tuple[np.ndarray, np.ndarray]:
        scaled = (features - self._scaling[0]) / self._scaling[1]
        size = -(-max(len(scaled), 1) // BATCH) * BATCH
        filled = np.zeros((size, scaled.shape[1]), dtype=np.float32)
        filled[: len(scaled)] = scaled
        parts = [mixture(self._heads, filled[first : first + BATCH]) for first in range(0, size, BATCH)]
        mean, deviation = (np.concatenate(one)[: len(scaled)] for one in zip(*parts, strict=True))
        return mean, deviation

    @classmethod
    def load(cls, directory: Path) -> Self | None:
        """Load the regression of a model; None where it has none.

        Raises
        ------
        UserError
            There is no model, or its regression is of another version.
        DataError
            The weights are missing or are not those the model names.
        """
        part = ModelDescription.read(directory).parts.get(PART)
        return None if part is None else cls.from_arrays(read_arrays(directory, part))

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> Self:
        """Build it from what :meth:`arrays` gave.

        Raises
        ------
        UserError
            It is of another version.
        """
        description = RegressionDescription.from_json(str(arrays["description"]))
        heads = [_head(arrays, member) for member in range(description.members)]
        return cls(description, heads, arrays["scaling"])

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Give all of it as arrays, the weights in half precision."""
        arrays: dict[str, npt.NDArray[Any]] = {
            "description": np.array(self.description.model_dump_json()),
            "scaling": self._scaling,
        }
        for member, head in enumerate(self._heads):
            for layer, (weight, bias) in enumerate(head):
                arrays[f"{member}.{layer}.weight"] = np.asarray(weight, np.float16)
                arrays[f"{member}.{layer}.bias"] = np.asarray(bias, np.float16)
        return arrays


def corrected(measured: Estimates, factors: Mapping[str, float]) -> Estimates:
    """Multiply the errors of each quantity by its factor."""
    factor = np.array([factors[quantity.name] for quantity in QUANTITIES])
    return Estimates(value=measured.value, error=measured.error * factor)


def _head(arrays: Mapping[str, npt.NDArray[Any]], member: int) -> Head:
    count = sum(name.startswith(f"{member}.") and name.endswith("weight") for name in arrays)
    return [
        (
            arrays[f"{member}.{layer}.weight"].astype(np.float32),
            arrays[f"{member}.{layer}.bias"].astype(np.float32),
        )
        for layer in range(count)
    ]

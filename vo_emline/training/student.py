"""The student: a small network that tells spectra which are certainly without emission.

It has learnt to give the probabilities of the full network
(:mod:`vo_emline.training.distillation`), at a hundredth of the cost.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

import jax
import numpy as np
import numpy.typing as npt

from vo_emline.arrays import FloatArray
from vo_emline.training.architecture import Parameters
from vo_emline.training.calibration import correct_prior, probabilities
from vo_emline.training.description import ModelDescription, read_arrays
from vo_emline.training.options import EVEN
from vo_emline.training.prediction import LARGE_BATCH, Predictor

PART: Final = "student"
"""Name of the part of a model that holds its student."""

STRIDE: Final = 2
"""Step of every convolution, pixels."""

BATCH: Final = {"cpu": 1024}
"""Windows per batch and device."""

_THRESHOLD: Final = "threshold"
_HELD_OUT: Final = "held_out"


def logits(weights: Parameters, flux: jax.Array) -> jax.Array:
    """Give the logits of windows by the small network, shape (n, 140) → (n, 3).

    Strided convolutions, each with ReLU, then two fully connected layers; the
    shapes of the weights say the rest.
    """
    x = flux[:, :, None]
    for number in range(sum(name.endswith(".kernel") for name in weights) - 2):
        kernel, bias = weights[f"{number}.kernel"], weights[f"{number}.bias"]
        x = jax.lax.conv_general_dilated(
            x, kernel, (STRIDE,), "VALID", dimension_numbers=("NWC", "WIO", "NWC")
        )
        x = jax.nn.relu(x + bias[None, None, :])
    x = x.reshape(x.shape[0], -1)
    x = jax.nn.relu(x @ weights["hidden.kernel"] + weights["hidden.bias"][None, :])
    return x @ weights["output.kernel"] + weights["output.bias"][None, :]


def log_odds(probability: npt.NDArray[np.floating]) -> FloatArray:
    """Give the log odds of emission of either kind, shape (n, 3) → (n,)."""
    exact = np.asarray(probability, dtype=np.float64)
    return np.asarray(np.log(exact[:, 1:].sum(axis=1) + 1e-12) - np.log(exact[:, 0] + 1e-12))


class HeldOut(NamedTuple):
    """What the threshold was set on: simulated emission that the student had not seen."""

    positives: int
    """Windows in which the full network finds emission."""
    lost: int
    """Those of them that the student would have settled."""


class Student:
    """A small network with the threshold above which it passes spectra on.

    Parameters
    ----------
    weights
        Its weights.
    threshold
        Log odds of emission, at the class shares stated, at and above which a spectrum is passed on.
    held_out
        What it was set on.
    """

    def __init__(self, weights: Parameters, *, threshold: float, held_out: HeldOut) -> None:
        self.weights = dict(weights)
        self.threshold = threshold
        self.held_out = held_out
        batch = BATCH.get(jax.local_devices()[0].platform, LARGE_BATCH)
        self._predictor = Predictor(logits, self.weights, batch=batch)

    def predict_proba(
        self, flux: npt.NDArray[np.float32], *, shares: Sequence[float] = EVEN
    ) -> npt.NDArray[np.float32]:
        """Give the probabilities that the full network would give, as far as the student knows.

        Parameters
        ----------
        flux
            Scaled windows, shape (n, 140).
        shares
            Share of each class among the spectra.

        Returns
        -------
        numpy.ndarray
            Shape (n, 3), float32.
        """
        return correct_prior(probabilities(self._predictor(flux)), trained=EVEN, stated=shares)

    def passes(self, probability: npt.NDArray[np.floating]) -> npt.NDArray[np.bool_]:
        """Tell which spectra need the full network, by what :meth:`predict_proba` gave, shape (n,).

        Stating emission to be more frequent raises all odds alike, so that fainter hints are passed on.
        """
        return np.asarray(log_odds(probability) >= self.threshold)

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Give all there is to keep; weights in half precision."""
        weights = {name: np.asarray(value, dtype=np.float16) for name, value in self.weights.items()}
        return {
            **weights,
            _THRESHOLD: np.array(self.threshold),
            _HELD_OUT: np.array([self.held_out.positives, self.held_out.lost]),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> Self:
        """Make it of what :meth:`arrays` gave."""
        other = (_THRESHOLD, _HELD_OUT)
        weights = {
            name: jax.device_put(array.astype(np.float32))
            for name, array in arrays.items()
            if name not in other
        }
        positives, lost = arrays[_HELD_OUT].tolist()
        return cls(
            weights,
            threshold=float(arrays[_THRESHOLD]),
            held_out=HeldOut(positives=positives, lost=lost),
        )

    @classmethod
    def load(cls, directory: Path) -> Self | None:
        """Load the student of the model in `directory`; None where it has none.

        Raises
        ------
        UserError
            `directory` holds no model.
        DataError
            The file of the student is missing or damaged.
        """
        part = ModelDescription.read(directory).parts.get(PART)
        return None if part is None else cls.from_arrays(read_arrays(directory, part))

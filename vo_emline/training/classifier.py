"""The trained network as others use it: windows in, calibrated probabilities out."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Self

import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from vo_emline.errors import DataError, UserError
from vo_emline.files import write_bytes
from vo_emline.preprocess.options import PreprocessOptions
from vo_emline.training.calibration import correct_prior, probabilities
from vo_emline.training.description import ModelDescription
from vo_emline.training.network import Architecture, Parameters, outline
from vo_emline.training.steps import jit_logits
from vo_emline.training.trainer import predict_logits

BATCH = 256
"""Windows per batch: on CPUs the rate does not grow beyond it, and a single file is filled up to no more."""


class Classifier:
    """A trained network with its calibration.

    Parameters
    ----------
    description
        What the network is.
    parameters
        Its weights.
    batch
        Windows per batch; every call is filled up to whole batches, so that
        there is one compilation for all sizes.

    Raises
    ------
    UserError
        The weights do not fit the description, or one of them is not a number.
    """

    def __init__(self, description: ModelDescription, parameters: Parameters, *, batch: int = BATCH) -> None:
        graph, shapes = outline(Architecture.from_dict(description.architecture))
        if shapes != {name: value.shape for name, value in parameters.items()}:
            raise UserError(f"the weights of model {description.version} do not fit its network")
        if not all(bool(jnp.isfinite(value).all()) for value in parameters.values()):
            raise UserError(f"model {description.version} has weights that are not numbers; train it again")
        self.description = description
        self._parameters = {name: jnp.asarray(value) for name, value in parameters.items()}
        self._logits = jit_logits(graph)
        self._batch = batch

    @property
    def parameters(self) -> Parameters:
        """The weights, single precision."""
        return dict(self._parameters)

    @property
    def version(self) -> str:
        """Version of the model, for the column ``model_version``."""
        return self.description.version

    def predict_logits(self, flux: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Give the logits of scaled windows, shape (n, 140) → (n, 3)."""
        n_pixels = self.description.architecture["n_pixels"]
        if flux.ndim != 2 or flux.shape[1] != n_pixels:
            raise UserError(f"windows must have shape (n, {n_pixels}), not {flux.shape}")
        if not len(flux):
            return np.empty((0, len(self.description.labels)), dtype=np.float32)
        return predict_logits(self._logits, self._parameters, flux, size=self._batch)

    def predict_proba(
        self, flux: npt.NDArray[np.float32], *, shares: Sequence[float] | None = None
    ) -> npt.NDArray[np.float32]:
        """Give calibrated probabilities.

        Parameters
        ----------
        flux
            Windows prepared as the description says, shape (n, 140).
        shares
            Share of each class among the spectra to be classified. By default those of the
            training, in which emission is as frequent as it is rare in a survey.

        Returns
        -------
        numpy.ndarray
            float32, shape (n, 3), in the order of :data:`~vo_emline.labels.LABELS`; rows sum to 1.

        Raises
        ------
        UserError
            The windows have another shape.
        """
        balanced = probabilities(self.predict_logits(flux), temperature=self.description.temperature)
        if shares is None:
            return balanced
        return correct_prior(balanced, trained=self.description.prior, stated=shares)

    @classmethod
    def load(cls, directory: Path, *, batch: int = BATCH) -> Self:
        """Load the model that :func:`save_model` wrote.

        Raises
        ------
        UserError
            `directory` holds no model, or one this version cannot use.
        DataError
            The weights are missing or are not those the description names.
        """
        description = ModelDescription.read(directory)
        path = directory / description.weights
        try:
            content = path.read_bytes()
        except OSError as error:
            raise DataError(str(path), "unreadable", f"the weights cannot be read: {error}") from error
        if hashlib.sha256(content).hexdigest() != description.sha256:
            raise DataError(str(path), "digest", "the weights are not those the model description names")
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            weights = {name: jnp.asarray(arrays[name], dtype=jnp.float32) for name in arrays.files}
            return cls(description, weights, batch=batch)


def save_model(
    directory: Path,
    parameters: Parameters,
    *,
    architecture: Architecture,
    preprocess: PreprocessOptions,
    temperature: float,
    prior: tuple[float, float, float],
    training: dict[str, Any],
) -> ModelDescription:
    """Write weights and ``model.json`` so that a reader sees the old model or the new one, never a mixture.

    Parameters
    ----------
    directory
        Folder of the model.
    parameters
        Weights of the network.
    architecture
        The network.
    preprocess
        Settings under which its windows were prepared.
    temperature, prior
        Calibration, and the class shares at which it holds.
    training
        JSON-ready summary of the training.
    """
    description = ModelDescription(
        version="",
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        architecture=architecture.as_dict(),
        preprocess=preprocess,
        temperature=temperature,
        prior=prior,
        weights="",
        sha256="",
        training=training,
    )
    return write_weights(directory, parameters, description)


def write_weights(
    directory: Path, parameters: Mapping[str, npt.ArrayLike], description: ModelDescription
) -> ModelDescription:
    """Write weights of any precision, and last the description that names them; give the latter.

    Parameters
    ----------
    directory
        Folder of the model.
    parameters
        Weights of the network.
    description
        What they are of; version, file name and digest are filled in here.
    """
    buffer = io.BytesIO()
    arrays: dict[str, Any] = {name: np.asarray(value) for name, value in sorted(parameters.items())}
    np.savez(buffer, **arrays)
    digest = hashlib.sha256(buffer.getvalue()).hexdigest()
    name = f"weights-{digest[:8]}.npz"
    write_bytes(directory / name, buffer.getvalue())
    named = {"version": f"{version('vo-emline')}+{digest[:8]}", "weights": name, "sha256": digest}
    description = description.model_copy(update=named)
    description.write(directory)
    for old in directory.glob("weights-*.npz"):
        if old.name != name:
            old.unlink()
    return description

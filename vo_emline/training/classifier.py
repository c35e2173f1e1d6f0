"""The trained network as others use it: windows in, calibrated probabilities out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Self

import jax
import numpy as np
import numpy.typing as npt

from vo_emline.errors import UserError
from vo_emline.measure.filled import withhold
from vo_emline.measure.matched import insist
from vo_emline.preprocess.options import PreprocessOptions
from vo_emline.preprocess.windows import WindowSet
from vo_emline.training.architecture import Architecture, Parameters
from vo_emline.training.calibration import correct_prior, probabilities
from vo_emline.training.description import ModelDescription, Part, model_version, read_arrays, write_arrays
from vo_emline.training.options import EVEN
from vo_emline.training.prediction import Precision, Predictor, formulate
from vo_emline.training.second_stage import SecondStage

SECOND_STAGE: Final = "second-stage"
"""Name of the part of a model that holds its :class:`~vo_emline.training.second_stage.SecondStage`."""


FAMILIARITY: Final = "familiarity"
"""Name of the part of a model that holds its :class:`~vo_emline.training.familiarity.Familiarity`."""


class Classifier:
    """A trained network with its calibration.

    Parameters
    ----------
    description
        What the network is.
    parameters
        Its weights.
    batch
        Windows per batch and device; every call is filled up to whole batches,
        so that there is one compilation for all sizes. None for what suits the device.
    precision
        ``float32``, or ``bfloat16``, which is for accelerators and turns one or two labels in a
        thousand emitters.
    second_stage
        What is expected of stars from the rest of their spectra; None where the model knows windows alone.
    directory
        Folder of the model, where other parts of it lie; None for a model that is on no disk.

    Raises
    ------
    UserError
        The weights do not fit the description, or one of them is not a number.
    """

    def __init__(
        self,
        description: ModelDescription,
        parameters: Parameters,
        *,
        batch: int | None = None,
        precision: Precision = "float32",
        second_stage: SecondStage | None = None,
        directory: Path | None = None,
    ) -> None:
        architecture = Architecture.from_dict(description.architecture)
        if architecture.shapes != {name: value.shape for name, value in parameters.items()}:
            raise UserError(f"the weights of model {description.version} do not fit its network")
        if not all(np.isfinite(np.asarray(value)).all() for value in parameters.values()):
            raise UserError(f"model {description.version} has weights that are not numbers; train it again")
        self.description = description
        self.second_stage = second_stage
        self.directory = directory
        self._insists = True
        self._parameters = {name: jax.device_put(value) for name, value in parameters.items()}
        self.predictor = Predictor(
            *formulate(architecture, self._parameters, precision=precision), batch=batch
        )

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
        return self.predictor(flux)

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

    def predict_windows(
        self,
        windows: WindowSet,
        *,
        shares: Sequence[float] | None = None,
        excess: npt.NDArray[np.float64] | None = None,
    ) -> npt.NDArray[np.float32]:
        """Give calibrated probabilities by all that is known of spectra, not by the flux of the window alone.

        Where the rest of a spectrum tells how deep Hα should be, the second
        stage joins that to what the network says
        (:class:`~vo_emline.training.second_stage.SecondStage`). Where anyone
        can see a line, it is not absorption
        (:func:`~vo_emline.measure.matched.insist`); what only fills a core and may be a nebula's or none
        is not emission (:func:`~vo_emline.measure.filled.withhold`).

        Parameters
        ----------
        windows
            Windows prepared as the description says, n of them.
        shares
            Share of each class among the spectra to be classified; by default equal ones.
        excess
            What the second stage gave for the excess of these windows, shape (n, 2), where the caller has
            asked it already; None to ask it.

        Returns
        -------
        numpy.ndarray
            As :meth:`predict_proba`.
        """
        if self.second_stage is None:
            return self._checked(self.predict_proba(windows.flux, shares=shares), windows)
        balanced = self.predict_proba(windows.flux, shares=EVEN)
        known = self.second_stage.excess(windows) if excess is None else excess
        refined = self.second_stage.refine(balanced, known)
        found = refined if shares is None else correct_prior(refined, trained=EVEN, stated=shares)
        return self._checked(found, windows)

    def _checked(self, found: npt.NDArray[np.float32], windows: WindowSet) -> npt.NDArray[np.float32]:
        return withhold(insist(found, windows), windows) if self._insists else found

    def unchecked(self) -> Self:
        """Give the same model without the checks beside the network."""
        bare = copy(self)
        bare._insists = False
        return bare

    def of_windows_alone(self) -> Self:
        """Give the same model without what it expects from the rest of a spectrum."""
        bare = copy(self)
        bare.second_stage = None
        return bare

    @classmethod
    def load(cls, directory: Path, *, batch: int | None = None, precision: Precision = "float32") -> Self:
        """Load the model that :func:`save_model` wrote.

        Raises
        ------
        UserError
            `directory` holds no model, or one this version cannot use.
        DataError
            The weights are missing or are not those the description names.
        """
        description = ModelDescription.read(directory)
        arrays = read_arrays(directory, Part(file=description.weights, sha256=description.sha256))
        weights = {name: jax.device_put(array.astype(np.float32)) for name, array in arrays.items()}
        part = description.parts.get(SECOND_STAGE)
        second = None if part is None else SecondStage.from_arrays(read_arrays(directory, part))
        return cls(
            description,
            weights,
            batch=batch,
            precision=precision,
            second_stage=second,
            directory=directory,
        )


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

    Parts that belonged to former weights are removed.

    Parameters
    ----------
    directory
        Folder of the model.
    parameters
        Weights of the network.
    description
        What they are of; version, file name and digest are filled in here.
    """
    weights = write_arrays(directory, "weights", parameters)
    named = {"version": model_version(weights.sha256, {}), "weights": weights.file, "sha256": weights.sha256}
    description = description.model_copy(update={**named, "parts": {}})
    description.write(directory)
    for old in directory.glob("*.npz"):
        if old.name != weights.file:
            old.unlink()
    return description

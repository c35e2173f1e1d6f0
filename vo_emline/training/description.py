"""``model.json``: everything about a trained network but its weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from vo_emline.errors import UserError
from vo_emline.files import write_json
from vo_emline.labels import LABELS
from vo_emline.preprocess.options import PreprocessOptions

FILE_NAME: Final = "model.json"


class Part(BaseModel):
    """A file with arrays in the folder of a model."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: str
    """Name of the file."""
    sha256: str
    """Its digest."""


class ModelDescription(BaseModel):
    """What a trained network is and how to use it. Read without loading JAX."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    """Version of this description."""
    version: str
    """Version of the package that trained it and the first digits of the digest of weights and parts."""
    created: str
    """Time of writing, ISO 8601, UTC."""
    labels: tuple[str, ...] = LABELS
    """Class of each output, in order."""
    architecture: dict[str, Any]
    """See :class:`~vo_emline.training.network.Architecture`."""
    preprocess: PreprocessOptions
    """Settings under which windows must be prepared."""
    temperature: float = Field(default=1.0, gt=0)
    """Divides the logits so that probabilities are calibrated."""
    prior: tuple[float, float, float]
    """Share of each class at which the probabilities hold: that of the (balanced) training."""
    weights: str
    """Name of the file with the weights, in the same folder."""
    sha256: str
    """Digest of that file."""
    parts: dict[str, Part] = {}
    """What belongs to the model beside its network, by name (:mod:`vo_emline.training.parts`)."""
    training: dict[str, Any] = {}
    """How it was trained: settings, sizes of the splits, losses, device, time."""

    @classmethod
    def read(cls, directory: Path) -> Self:
        """Read the description of the model in `directory`.

        Raises
        ------
        UserError
            There is no trained model there, or one that this version cannot use.
        """
        path = directory / FILE_NAME
        if not path.is_file():
            raise UserError(
                f"{directory} holds no trained model (no {FILE_NAME}); train one or give another folder"
            )
        try:
            description = cls.model_validate(json.loads(path.read_text(encoding="utf-8")))
        except (ValidationError, ValueError) as error:
            raise UserError(f"{path} is not a model description this version can read: {error}") from error
        if description.labels != LABELS:
            raise UserError(f"{path}: the model knows the classes {description.labels}, not {LABELS}")
        return description

    def write(self, directory: Path) -> None:
        """Write it to `directory`; the weights it names must lie there already."""
        write_json(directory / FILE_NAME, self.model_dump(mode="json"))

"""What is known of a model: its description, and the parts that lie beside it in its folder."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, Literal, Self

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from vo_emline.errors import DataError, UserError
from vo_emline.files import write_bytes, write_json
from vo_emline.labels import LABELS
from vo_emline.preprocess.options import PreprocessOptions

FILE_NAME: Final = "model.json"

REFINED_FROM: Final = "refined_from"
"""Key of what the training of a refined model says: version of the model it was refined from …"""

REFINED_PARTS: Final = "refined_parts"
"""… and by name the digests of that one's parts."""


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
    """What belongs to the model beside its network, by name (:mod:`vo_emline.training.description`)."""
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


def write_arrays(directory: Path, name: str, arrays: Mapping[str, npt.ArrayLike]) -> Part:
    """Write arrays to ``NAME-DIGEST.npz`` and give the name of the file with its digest."""
    buffer = io.BytesIO()
    sorted_arrays: dict[str, Any] = {key: np.asarray(value) for key, value in sorted(arrays.items())}
    np.savez(buffer, **sorted_arrays)
    digest = hashlib.sha256(buffer.getvalue()).hexdigest()
    part = Part(file=f"{name}-{digest[:8]}.npz", sha256=digest)
    write_bytes(directory / part.file, buffer.getvalue())
    return part


def read_arrays(directory: Path, part: Part) -> dict[str, npt.NDArray[Any]]:
    """Read the arrays of a part.

    Raises
    ------
    DataError
        The file is missing or is not the one that the model names.
    """
    path = directory / part.file
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(str(path), "unreadable", f"the weights cannot be read: {error}") from error
    if hashlib.sha256(content).hexdigest() != part.sha256:
        raise DataError(str(path), "digest", "the weights are not those the model description names")
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}


def add_part(directory: Path, name: str, arrays: Mapping[str, npt.ArrayLike]) -> ModelDescription:
    """Add a part to the model in `directory`, or put another in its place.

    Whoever loads the model meanwhile sees the old one or the new one.

    Parameters
    ----------
    directory
        Folder of a trained model.
    name
        Name of the part (``second-stage``).
    arrays
        What it consists of.

    Raises
    ------
    UserError
        `directory` holds no model.
    """
    description = ModelDescription.read(directory)
    old = description.parts.get(name)
    part = write_arrays(directory, name, arrays)
    parts = {**description.parts, name: part}
    description = description.model_copy(
        update={"parts": parts, "version": model_version(description.sha256, parts)}
    )
    description.write(directory)
    if old is not None and old.file != part.file:
        (directory / old.file).unlink(missing_ok=True)
    return description


def model_version(weights_sha256: str, parts: Mapping[str, Part]) -> str:
    """Give the version of a model: that of the package, and the first digits of the digest of what it is."""
    digests = [weights_sha256, *(f"{name}:{parts[name].sha256}" for name in sorted(parts))]
    digest = weights_sha256 if not parts else hashlib.sha256(" ".join(digests).encode()).hexdigest()
    return f"{version('vo-emline')}+{digest[:8]}"

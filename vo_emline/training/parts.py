"""Parts of a model beside its network: arrays in a file each, named in ``model.json`` with their digest.

A model with other parts says other things of spectra, so its version follows
from the weights and all parts.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from vo_emline.errors import DataError
from vo_emline.files import write_bytes
from vo_emline.training.description import ModelDescription, Part


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

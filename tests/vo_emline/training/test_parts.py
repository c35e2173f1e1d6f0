"""Parts of a model: files named by their digest, and a version that follows from all of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vo_emline.errors import DataError, UserError
from vo_emline.preprocess import PreprocessOptions
from vo_emline.training.architecture import Architecture
from vo_emline.training.classifier import save_model
from vo_emline.training.description import ModelDescription, add_part, read_arrays
from vo_emline.training.network import build


@pytest.fixture
def model(tmp_path: Path) -> Path:
    architecture = Architecture(convolutions=(4,), hidden=(8,))
    save_model(
        tmp_path,
        build(architecture)[1],
        architecture=architecture,
        preprocess=PreprocessOptions(),
        temperature=1.0,
        prior=(1 / 3, 1 / 3, 1 / 3),
        training={},
    )
    return tmp_path


def test_a_part_changes_the_version_and_comes_back_as_it_was(model: Path) -> None:
    bare = ModelDescription.read(model)
    described = add_part(model, "extra", {"a": np.arange(3.0), "b": np.eye(2)})
    assert described.version != bare.version
    assert described.sha256 == bare.sha256
    arrays = read_arrays(model, described.parts["extra"])
    np.testing.assert_array_equal(arrays["b"], np.eye(2))
    assert add_part(model, "extra", {"a": np.arange(3.0), "b": np.eye(2)}).version == described.version


def test_another_part_takes_the_place_of_the_old_one(model: Path) -> None:
    first = add_part(model, "extra", {"a": np.zeros(2)}).parts["extra"]
    second = add_part(model, "extra", {"a": np.ones(2)}).parts["extra"]
    assert not (model / first.file).exists()
    assert (model / second.file).exists()


def test_a_part_that_was_tampered_with_or_lost_is_refused(model: Path) -> None:
    part = add_part(model, "extra", {"a": np.zeros(2)}).parts["extra"]
    path = model / part.file
    content = bytearray(path.read_bytes())
    content[-30] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(DataError, match="not those the model description names"):
        read_arrays(model, part)
    path.unlink()
    with pytest.raises(DataError, match="cannot be read"):
        read_arrays(model, part)


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no trained model"):
        add_part(tmp_path, "extra", {})

"""The trained network as others use it."""

from __future__ import annotations

import json
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

from vo_emline.errors import DataError, UserError
from vo_emline.preprocess import PreprocessOptions
from vo_emline.training import Classifier, ModelDescription
from vo_emline.training.architecture import Architecture, Parameters
from vo_emline.training.classifier import save_model
from vo_emline.training.network import build

SMALL = Architecture(convolutions=(4, 8), hidden=(16,))
FLUX = np.random.default_rng(0).normal(size=(70, 140)).astype(np.float32)
EVEN = (1 / 3, 1 / 3, 1 / 3)


def saved(directory: Path, parameters: Parameters | None = None, *, seed: int = 0) -> ModelDescription:
    return save_model(
        directory,
        parameters or build(SMALL, seed=seed)[1],
        architecture=SMALL,
        preprocess=PreprocessOptions(lsf="thesis"),
        temperature=2.0,
        prior=EVEN,
        training={"epochs": 3},
    )


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    description = saved(tmp_path)
    assert ModelDescription.read(tmp_path) == description
    assert description.preprocess.lsf == "thesis"
    assert description.version.endswith(description.sha256[:8])
    classifier = Classifier.load(tmp_path)
    probability = classifier.predict_proba(FLUX)
    assert probability.shape == (70, 3)
    assert probability.dtype == np.float32
    np.testing.assert_allclose(probability.sum(axis=1), 1, rtol=1e-6)
    cold = np.exp(classifier.predict_logits(FLUX) / 2.0)
    np.testing.assert_allclose(probability, cold / cold.sum(axis=1, keepdims=True), rtol=1e-5)


def test_any_number_of_windows_needs_one_compilation_and_batches_do_not_matter(tmp_path: Path) -> None:
    saved(tmp_path)
    classifier = Classifier.load(tmp_path, batch=32)
    whole = classifier.predict_proba(FLUX)
    compilations = classifier.predictor.compilations()
    parts = [classifier.predict_proba(FLUX[rows]) for rows in (slice(0, 1), slice(1, 50), slice(50, 70))]
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    assert classifier.predictor.compilations() == compilations
    assert classifier.predict_proba(FLUX[:0]).shape == (0, 3)


def test_stating_a_rarer_emission_lowers_its_probability(tmp_path: Path) -> None:
    saved(tmp_path)
    classifier = Classifier.load(tmp_path)
    even, rare = classifier.predict_proba(FLUX), classifier.predict_proba(FLUX, shares=(0.99, 0.008, 0.002))
    odds = (even[:, 1] / even[:, 0]) * (0.008 / 0.99)
    np.testing.assert_allclose(rare[:, 1] / rare[:, 0], odds, rtol=1e-3)


def test_the_same_weights_are_the_same_file_and_old_ones_are_removed(tmp_path: Path) -> None:
    one, again = saved(tmp_path), saved(tmp_path)
    assert one.sha256 == again.sha256
    other = saved(tmp_path, seed=1)
    assert [path.name for path in tmp_path.glob("weights-*")] == [other.weights]


def test_a_folder_without_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no trained model"):
        Classifier.load(tmp_path)


def test_a_spoilt_description_is_refused(tmp_path: Path) -> None:
    saved(tmp_path)
    path = tmp_path / "model.json"
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, "temperature": -1}))
    with pytest.raises(UserError, match=r"(?s)not a model description .*temperature"):
        ModelDescription.read(tmp_path)
    path.write_text(json.dumps({**content, "labels": ["star", "galaxy", "quasar"]}))
    with pytest.raises(UserError, match="knows the classes"):
        ModelDescription.read(tmp_path)
    path.write_text("{")
    with pytest.raises(UserError, match="not a model description"):
        ModelDescription.read(tmp_path)


def test_weights_that_are_others_or_gone_are_refused(tmp_path: Path) -> None:
    path = tmp_path / saved(tmp_path).weights
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(DataError, match="not those the model description names"):
        Classifier.load(tmp_path)
    path.unlink()
    with pytest.raises(DataError, match="cannot be read"):
        Classifier.load(tmp_path)


def test_weights_of_another_network_or_not_numbers_are_refused(tmp_path: Path) -> None:
    description = saved(tmp_path)
    parameters = build(SMALL)[1]
    with pytest.raises(UserError, match="do not fit its network"):
        Classifier(description, {**parameters, "output.bias": jnp.zeros(4)})
    with pytest.raises(UserError, match="weights that are not numbers"):
        Classifier(description, {**parameters, "output.bias": jnp.full(3, jnp.nan)})


def test_windows_of_another_shape_are_refused(tmp_path: Path) -> None:
    saved(tmp_path)
    with pytest.raises(UserError, match=r"shape \(n, 140\), not \(2, 100\)"):
        Classifier.load(tmp_path).predict_proba(np.zeros((2, 100), dtype=np.float32))

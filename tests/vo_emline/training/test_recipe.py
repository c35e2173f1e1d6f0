"""The whole of training, on simulated stars and a small network."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from vo_emline.errors import UserError
from vo_emline.preprocess import PreprocessOptions
from vo_emline.simulate import simulate_windows
from vo_emline.training import Classifier, Examples, Trained, TrainingOptions, join, train
from vo_emline.training.architecture import Architecture
from vo_emline.training.hosts import host_examples
from vo_emline.training.simulated import simulated_examples

OPTIONS = TrainingOptions(epochs=6, batch_size=64, learning_rate=3e-3, dropout=0.2, seed=4)


@pytest.fixture(scope="module")
def examples() -> Examples:
    simulated = simulated_examples(simulate_windows(700, seed=2, per_star=2))
    quiet = simulated_examples(simulate_windows(60, seed=3, fractions={"normal": 1.0})).windows
    return join([simulated, host_examples(quiet, negatives=180, injected=60, seed=1)])


@pytest.fixture(scope="module")
def trained(examples: Examples, small: Architecture, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    directory = tmp_path_factory.mktemp("model")
    truth = np.eye(3)[examples.label]
    return train(
        examples,
        directory,
        options=OPTIONS,
        preprocess=PreprocessOptions(),
        architecture=small,
        rivals={"oracle": truth},
    )


def test_no_star_is_on_two_sides(trained: Trained, examples: Examples) -> None:
    split, names = trained.split, np.array(examples.windows.identity["object_name"].to_pylist())
    assert not set(names[split.train]) & set(names[split.test])
    assert not set(names[split.train]) & set(names[split.validation])
    assert not set(names[split.validation]) & set(names[split.test])


def test_copies_count_once_where_it_is_measured(trained: Trained, examples: Examples) -> None:
    for side in (trained.split.validation, trained.split.test):
        assert len(np.unique(examples.windows.flux[side], axis=0)) == len(side)
        assert {"simulated", "survey"} <= {examples.origin[row] for row in side}


def test_it_learns_and_the_metrics_say_how_well(trained: Trained) -> None:
    metrics = json.loads(json.dumps(trained.metrics, allow_nan=False))
    assert metrics["network"]["accuracy"]["value"] > 0.7
    assert metrics["network"]["n_spectra"] == len(trained.split.test) == len(trained.test_probability)
    assert metrics["linear_baseline"]["n_spectra"] == len(trained.split.test)
    assert metrics["oracle"]["accuracy"]["value"] == 1
    assert sum(m["n_spectra"] for m in metrics["by_origin"].values()) == len(trained.split.test)
    assert metrics["by_origin"]["survey"]["classes"]["emission"]["support"] == 0
    sizes = metrics["training"]["classes"]
    assert sum(sum(side.values()) for side in sizes.values()) == sum(
        len(side) for side in (trained.split.train, trained.split.validation, trained.split.test)
    )


def test_the_model_directory_is_all_that_is_needed(trained: Trained, examples: Examples) -> None:
    directory = Path(trained.directory)
    assert sorted(path.name for path in directory.iterdir()) == [
        "history.json", "model.json", trained.classifier.description.weights,
    ]  # fmt: skip
    again = Classifier.load(directory)
    flux = examples.windows.flux[:10]
    np.testing.assert_array_equal(again.predict_proba(flux), trained.classifier.predict_proba(flux))
    assert again.description.preprocess == PreprocessOptions()
    assert again.description.prior == pytest.approx((1 / 3, 1 / 3, 1 / 3))
    history = json.loads((directory / "history.json").read_text())
    assert history == trained.history
    assert len(history["training_loss"]) == history["epoch"]


def test_a_class_without_spectra_is_named(examples: Examples, small: Architecture, tmp_path: Path) -> None:
    single = examples.take(np.flatnonzero(examples.label != 2))
    with pytest.raises(UserError, match="double-peak has 0"):
        train(single, tmp_path, options=OPTIONS, architecture=small)


@pytest.mark.parametrize("balance", ["weights", "none"])
def test_other_ways_of_balancing(
    examples: Examples, small: Architecture, tmp_path: Path, balance: str
) -> None:
    options = OPTIONS.model_copy(update={"balance": balance, "epochs": 1})
    prior = train(examples, tmp_path, options=options, architecture=small).classifier.description.prior
    assert sum(prior) == pytest.approx(1)
    assert (prior[0] > 0.5) == (balance == "none")

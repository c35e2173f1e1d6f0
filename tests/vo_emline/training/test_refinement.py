"""A refined model learns what people say, keeps what it knew, or is refused."""

from __future__ import annotations

import contextlib
import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vo_emline.errors import UserError
from vo_emline.preprocess import PreprocessOptions
from vo_emline.simulate import simulate_windows
from vo_emline.training import Classifier, Examples
from vo_emline.training.architecture import Architecture
from vo_emline.training.classifier import save_model
from vo_emline.training.description import add_part
from vo_emline.training.last_layer import LABELLED, fit_output, harm
from vo_emline.training.metrics import proportion
from vo_emline.training.network import build
from vo_emline.training.refined_card import card
from vo_emline.training.refinement import refine
from vo_emline.training.simulated import simulated_examples


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A model that knows nothing yet, with a part."""
    architecture = Architecture(convolutions=(4, 8), hidden=(16,))
    folder = tmp_path / "base"
    save_model(
        folder,
        build(architecture, seed=3)[1],
        architecture=architecture,
        preprocess=PreprocessOptions(),
        temperature=1.3,
        prior=(1 / 3, 1 / 3, 1 / 3),
        training={},
    )
    add_part(folder, "extra", {"a": np.arange(3.0)})
    return folder


@pytest.fixture(scope="module")
def stars() -> Examples:
    return simulated_examples(simulate_windows(900, seed=5, varied=True))


@pytest.fixture(scope="module")
def people() -> Examples:
    examples = simulated_examples(simulate_windows(400, seed=6, varied=True))
    return dataclasses.replace(examples, origin=(LABELLED,) * len(examples))


def test_it_learns_and_says_what_changed(
    base: Path, people: Examples, stars: Examples, tmp_path: Path
) -> None:
    before = Classifier.load(base)
    refined = refine(base, people, {"simulated": stars}, tmp_path / "new", seed=1)
    facts = refined.facts
    for name in (LABELLED, "simulated"):
        assert facts["after"][name]["cross_entropy"] < facts["before"][name]["cross_entropy"]
    assert refined.classifier.version != before.version == facts["base"]
    assert facts["parts"] == ["extra"]
    for name in before.parameters:
        if not name.startswith("output."):
            np.testing.assert_array_equal(
                np.asarray(before.parameters[name], np.float16),
                np.asarray(refined.classifier.parameters[name], np.float16),
            )
    text = card(facts, version=refined.classifier.version)
    assert before.version in text
    assert "| labelled (" in text
    assert Classifier.load(base).version == before.version


def test_labels_that_contradict_the_known_do_not_spoil_it(
    base: Path, people: Examples, stars: Examples, tmp_path: Path
) -> None:
    taught = tmp_path / "taught"
    refine(base, people, {"simulated": stars}, taught, seed=1)
    wrong = dataclasses.replace(people, label=(people.label + 1) % 3)
    facts = None
    with contextlib.suppress(UserError):  # refused, which spoils nothing
        facts = refine(taught, wrong, {"simulated": stars}, tmp_path / "wrong", seed=1).facts
    assert (tmp_path / "wrong").exists() == (facts is not None)
    assert facts is None or harm(facts["before"], facts["after"]) == []


def test_what_harms_the_known_is_named_and_labels_alone_are_not_the_known() -> None:
    def figures(cross_entropy: float, found: int, false: int) -> dict[str, Any]:
        return {
            "cross_entropy": cross_entropy,
            "found": proportion(found, 1000),
            "false_positives": proportion(false, 1000),
        }

    before = {LABELLED: figures(0.5, 500, 0), "simulated": figures(0.4, 900, 2)}
    assert harm(before, {**before, LABELLED: figures(9.0, 0, 9)}) == []
    assert harm(before, {**before, "simulated": figures(0.405, 896, 3)}) == []
    lost = harm(before, {**before, "simulated": figures(0.5, 894, 9)})
    assert [line.partition(" ")[0] for line in lost] == ["simulated:"] * 3
    assert len(harm(before, {**before, "simulated": figures(0.4, 896, 2)}, share=0.5)) == 1


def test_too_few_labels_are_refused(base: Path, people: Examples, stars: Examples, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="too few"):
        refine(base, people.take(np.arange(10)), {"simulated": stars}, tmp_path / "new")


def test_a_strong_pull_leaves_the_layer_as_it_was_and_a_weak_one_fits() -> None:
    random = np.random.default_rng(2)
    label = np.arange(300) % 3
    features = random.normal(size=(300, 5))
    features[:, :3] += 4.0 * np.eye(3)[label]
    start = {"kernel": random.normal(size=(5, 3)), "bias": np.zeros(3)}
    weight = np.full(300, 1 / 300)
    truth = np.eye(3)[label]
    still, bias = fit_output(features, truth, weight, **start, pull=1e6)
    np.testing.assert_allclose(still, start["kernel"], atol=1e-4)
    np.testing.assert_allclose(bias, 0.0, atol=1e-4)
    kernel, bias = fit_output(features, truth, weight, **start, pull=1e-6)
    assert ((features @ kernel + bias).argmax(axis=1) == label).mean() > 0.9

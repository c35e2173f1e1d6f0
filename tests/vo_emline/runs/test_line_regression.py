"""The step that teaches a network to measure lines, and what classification makes of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vo_emline.candidates.columns import CLASSIFIED
from vo_emline.evaluate.lines import REAL, SIMULATED, evaluate_lines
from vo_emline.measure.quantities import QUANTITIES
from vo_emline.rundir import RunDirectory
from vo_emline.runs.classify import classify_paths
from vo_emline.runs.settings import load_settings
from vo_emline.runs.steps import Manifest, Run
from vo_emline.runs.train import regress
from vo_emline.simulate import simulate_windows, write_lamost
from vo_emline.training import Classifier, TrainingOptions, simulated_examples, train
from vo_emline.training.architecture import Architecture
from vo_emline.training.packing import pack
from vo_emline.training.regression import LineRegression

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, list[str], str]:
    """A run with a small network that has learnt to measure; what it said, and the version before."""
    directory = RunDirectory(tmp_path_factory.mktemp("runs") / "small")
    examples = simulated_examples(simulate_windows(4000, seed=52))
    before = train(
        examples,
        directory.model,
        options=TrainingOptions(epochs=12, augment=None),
        architecture=Architecture(convolutions=(8, 16), hidden=(32,)),
    )
    settings = load_settings(None, {"lines": {"stars": 3000, "members": 2, "epochs": 6}})
    said: list[str] = []
    run = Run(
        directory=directory, settings=settings, manifest=Manifest.open(directory.manifest), say=said.append
    )
    regress(run, "network")
    return run, said, before.classifier.version


def test_the_model_gets_a_part_and_another_version(trained: tuple[Run, list[str], str]) -> None:
    run, said, before = trained
    classifier = Classifier.load(run.directory.model)
    regression = LineRegression.load(run.directory.model)
    assert regression is not None
    assert classifier.version != before
    assert list(regression.description.methods) == [quantity.name for quantity in QUANTITIES]
    assert "network" in said[-1]


def test_what_is_done_is_not_done_again(trained: tuple[Run, list[str], str]) -> None:
    run, said, _ = trained
    made = regress(run, "network")
    assert "already done: line regression" in " ".join(said)
    assert regress(run, "network") == made


def test_it_survives_packing(trained: tuple[Run, list[str], str], tmp_path: Path) -> None:
    run, _, _ = trained
    pack(run.directory.model, tmp_path)
    packed, original = (LineRegression.load(folder) for folder in (tmp_path, run.directory.model))
    assert packed is not None
    assert original is not None
    assert packed.description == original.description


def test_both_methods_are_evaluated_on_lines_of_known_truth(trained: tuple[Run, list[str], str]) -> None:
    run, _, _ = trained
    classifier = Classifier.load(run.directory.model)
    negatives = simulate_windows(100, seed=54, fractions={"normal": 1.0}, releases=("dr7",)).prepare()
    found = evaluate_lines(classifier, negatives, seed=1, lines=600)
    assert found is not None
    assert set(found["trials"]) == {REAL, SIMULATED}
    assert set(found["methods"]) == {quantity.name for quantity in QUANTITIES}
    for quality in found["trials"].values():
        ew = quality["quantities"]["ew"]["methods"]
        assert set(ew) == {"network", "classical"}
        assert ew["network"]["coverage"]["68"]["interval"][1] > 0.6


def test_candidates_come_with_measured_lines(trained: tuple[Run, list[str], str], tmp_path: Path) -> None:
    run, _, _ = trained
    fractions = {"disk": 0.5, "normal": 0.5}
    written = write_lamost(tmp_path, n_stars=120, seed=53, fractions=fractions)
    rows = classify_paths(list(written.files), run.directory.model).to_pylist()
    candidates = [row for row in rows if row["label"] in ("emission", "double-peak")]
    others = [row for row in rows if row["label"] == "absorption"]
    assert len(candidates) > 5
    assert len(others) > 5
    names = [column.name for column in CLASSIFIED.columns]
    assert {"ew", "ew_error", "fwhm", "radial_velocity", "line_significance"} <= set(names)
    assert all(row["ew"] is not None and row["ew_error"] > 0 for row in candidates)
    assert all("network" in row["line_method"] or row["line_method"] == "wide" for row in candidates)
    assert all(row["ew_error"] > 0 and row["line_method"] == "classical" for row in others)
    assert all(row["fwhm"] is None and row["profile"] is None for row in others)
    assert all(row["peak_separation"] is None for row in candidates if row["label"] == "emission")
    assert np.median([row["ew"] for row in candidates]) < 0

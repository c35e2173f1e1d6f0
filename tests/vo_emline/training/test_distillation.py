"""The student says what its teacher says, and settles hardly anything that the teacher would find."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binom, norm

from vo_emline.preprocess import PreprocessOptions
from vo_emline.rundir import DEFAULT_MODEL
from vo_emline.simulate import FRACTIONS, SKY_FRACTIONS, simulate_windows
from vo_emline.simulate.injection import inject
from vo_emline.spectra import find_spectra
from vo_emline.survey import prepare_files
from vo_emline.training import Classifier, ModelDescription
from vo_emline.training.architecture import Architecture
from vo_emline.training.classifier import save_model
from vo_emline.training.distillation import (
    MOST_LOST,
    NOTHING_SETTLED,
    add_student,
    distil,
    find_threshold,
    finds,
)
from vo_emline.training.metrics import binomial_interval
from vo_emline.training.network import build
from vo_emline.training.options import CLASS_SHARES, EVEN, StudentOptions
from vo_emline.training.second_stage import SecondStage
from vo_emline.training.student import HeldOut, Student, log_odds


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return Classifier.load(DEFAULT_MODEL)


@pytest.fixture(scope="module")
def student() -> Student:
    """The one that ships."""
    found = Student.load(DEFAULT_MODEL)
    assert found is not None
    return found


def test_the_threshold_promises_what_it_says() -> None:
    """Of many sets of positives, that with the bad luck to lose more than promised is rare."""
    random = np.random.default_rng(0)
    lost = []
    for _ in range(300):
        threshold = find_threshold(random.normal(size=5000))
        lost.append(norm.cdf(threshold))
    broken = int((np.array(lost) > MOST_LOST).sum())
    assert broken <= binom.ppf(0.999, 300, 0.025)
    assert np.mean(lost) > MOST_LOST / 10


def test_of_few_positives_nothing_can_be_promised() -> None:
    assert find_threshold(np.zeros(1000)) == NOTHING_SETTLED
    assert find_threshold(np.empty(0)) == NOTHING_SETTLED
    assert find_threshold(np.arange(4000.0)) == 0.0


def test_what_was_held_out_is_within_the_promise(student: Student) -> None:
    held = student.held_out
    assert held.positives > 10_000
    assert binomial_interval(held.lost, held.positives)[1] <= MOST_LOST


def test_most_of_a_survey_is_settled_and_its_emission_passed_on(
    classifier: Classifier, student: Student
) -> None:
    flux = simulate_windows(3000, seed=77, fractions=SKY_FRACTIONS).prepare().flux
    probability = student.predict_proba(flux, shares=CLASS_SHARES)
    passed = student.passes(probability)
    assert passed.mean() < 0.15
    assert passed[finds(classifier, flux)].all()
    teacher = classifier.predict_proba(flux, shares=CLASS_SHARES)
    assert np.abs(teacher - probability)[~passed].mean() < 0.01
    assert (probability[~passed].argmax(axis=1) == 0).all()


def test_emission_put_into_real_spectra_is_passed_on(
    classifier: Classifier, student: Student, shared_data: Path
) -> None:
    options = classifier.description.preprocess
    paths = [str(path) for path in find_spectra([shared_data / "lamost"])]
    real = prepare_files(paths, options).windows
    lit = inject(real.take(~finds(classifier, real.flux)), 1500, seed=3, options=options).windows.flux
    found = finds(classifier, lit)
    passed = student.passes(student.predict_proba(lit[found], shares=CLASS_SHARES))
    assert found.sum() > 500
    assert (~passed).sum() <= 1
    assert student.passes(student.predict_proba(real.flux, shares=CLASS_SHARES)).mean() < 0.15


def test_stating_more_emission_passes_more_on(student: Student) -> None:
    flux = simulate_windows(300, seed=8, fractions=SKY_FRACTIONS).prepare().flux
    few, many = (
        student.passes(student.predict_proba(flux, shares=shares))
        for shares in ((0.99, 0.005, 0.005), (0.5, 0.3, 0.2))
    )
    assert few.sum() < many.sum()
    assert many[few].all()


def some_windows() -> np.ndarray:
    """What a network might have been trained on."""
    return simulate_windows(450, seed=10, varied=True).prepare().flux


@pytest.fixture(scope="module")
def untrained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small network that knows nothing, on disk."""
    folder = tmp_path_factory.mktemp("model")
    small = Architecture(convolutions=(4, 8), hidden=(16,))
    save_model(
        folder,
        build(small)[1],
        architecture=small,
        preprocess=PreprocessOptions(),
        temperature=1.0,
        prior=EVEN,
        training={},
    )
    return folder


def test_a_student_is_distilled_of_any_model_and_kept_as_part_of_it(untrained: Path) -> None:
    before = Classifier.load(untrained).version
    made = add_student(untrained, some_windows(), options=StudentOptions(stars=300, emitters=100, epochs=2))
    again = Student.load(untrained)
    assert made is not None
    assert again is not None
    assert Classifier.load(untrained).version != before
    flux = np.random.default_rng(0).normal(size=(10, 140)).astype(np.float32)
    np.testing.assert_array_equal(again.predict_proba(flux), made.predict_proba(flux))
    assert (again.threshold, again.held_out) == (made.threshold, made.held_out)
    assert again.held_out.positives <= 100
    assert again.threshold < NOTHING_SETTLED  # a hundred spectra are too few for a promise
    assert again.passes(again.predict_proba(flux)).all()


def test_one_seed_gives_one_student_like_its_teacher(classifier: Classifier) -> None:
    options = StudentOptions(stars=450, emitters=50, epochs=6, seed=3)
    one, same = (distil(classifier, some_windows(), options=options) for _ in range(2))
    for name, array in one.arrays().items():
        np.testing.assert_array_equal(array, same.arrays()[name])
    flux = simulate_windows(300, seed=9, fractions=FRACTIONS).prepare().flux
    said, wanted = (log_odds(who.predict_proba(flux, shares=EVEN)) for who in (one, classifier))
    assert np.corrcoef(said, wanted)[0, 1] > 0.7


def test_who_wants_no_student_gets_none(tmp_path: Path, untrained: Path) -> None:
    for path in untrained.glob("weights-*.npz"):
        shutil.copy(path, tmp_path)
    description = ModelDescription.read(untrained).model_copy(update={"parts": {}})
    description.write(tmp_path)
    assert add_student(tmp_path, some_windows(), options=StudentOptions(stars=0)) is None
    assert Student.load(tmp_path) is None


def test_what_finds_is_the_score_after_the_second_stage(classifier: Classifier) -> None:
    """A second stage that halves all doubt turns spectra into finds."""

    class Sure(SecondStage):
        def refine(self, balanced: np.ndarray, excess: np.ndarray) -> np.ndarray:
            assert np.isnan(excess).all()
            odds = np.exp(4.0) * balanced[:, 1:].sum(axis=1) / balanced[:, 0]
            return np.column_stack([1 / (1 + odds), odds / (1 + odds), 0 * odds])

    flux = simulate_windows(300, seed=4, fractions=FRACTIONS).prepare().flux
    plain = finds(classifier, flux)
    second = classifier.second_stage
    assert second is not None
    sure = Sure(expected=second.expected, joint=second.joint, alone=second.alone)
    both = Classifier(classifier.description, classifier.parameters, second_stage=sure)
    refined = finds(both, flux)
    assert plain.sum() < refined.sum()
    assert refined[plain].all()


def test_odds_are_compared_with_the_threshold(student: Student) -> None:
    some = Student(student.weights, threshold=-1.2, held_out=HeldOut(positives=0, lost=0))
    assert some.passes(np.array([[0.5, 0.3, 0.2], [0.99, 0.005, 0.005]])).tolist() == [True, False]
    np.testing.assert_allclose(log_odds(np.array([[0.5, 0.3, 0.2]])), 0, atol=1e-9)

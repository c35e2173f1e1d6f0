from __future__ import annotations

import dataclasses

import numpy as np
import pyarrow as pa

from vo_emline.evaluate.verdicts import detector_judge, leak, linear_judge, nearest_neighbour
from vo_emline.preprocess import WindowSet
from vo_emline.simulate import simulate_windows
from vo_emline.training import Examples, simulated_examples


def test_the_detector_finds_the_real_emission_and_little_else(
    real: WindowSet, is_emitter: np.ndarray
) -> None:
    found = detector_judge()(real)
    positive = found.positive() & ~found.uncertain
    assert positive[is_emitter].sum() >= 2
    assert positive[~is_emitter].mean() <= 0.01


def test_the_linear_classifier_learns_from_the_training_set(hosts: WindowSet) -> None:
    judge = linear_judge(simulated_examples(simulate_windows(900, seed=21)), seed=1)
    found = judge(hosts)
    assert found.positive().mean() < 0.2
    assert found.balanced is not None
    np.testing.assert_allclose(found.balanced.sum(axis=1), 1.0, atol=1e-5)


def stars_with_random_labels() -> Examples:
    """Six spectra of each of 60 stars, whose labels have nothing to do with what they show."""
    random = np.random.default_rng(9)
    star = np.repeat(np.arange(60), 6)
    one = simulate_windows(60, seed=8, fractions={"normal": 1.0}).prepare()
    windows = one.take(star)
    names = pa.array([f"HD {number}" for number in star])
    identity = windows.identity.set_column(
        windows.identity.schema.get_field_index("object_name"), "object_name", names
    )
    noisy = windows.flux + random.normal(0, 0.05, windows.flux.shape).astype(np.float32)
    return Examples.of(
        dataclasses.replace(windows, flux=noisy, identity=identity),
        random.integers(0, 3, 60)[star],
        origin="labelled",
    )


def test_a_random_split_shows_what_can_only_be_recognised() -> None:
    found = leak(stars_with_random_labels(), seed=1)
    assert found["stars"] == 60
    near = found["nearest neighbour"]
    assert near["random"]["accuracy"]["value"] > 0.95
    assert near["by star"]["accuracy"]["value"] < 0.6


def test_the_nearest_neighbour_is_the_most_similar() -> None:
    flux = np.eye(3, 140, dtype=np.float32)
    label = np.array([2, 0, 1])
    found = nearest_neighbour(flux, label, predict=np.array([flux[1] * 0.9, flux[0] + 0.01]))
    assert found.argmax(axis=1).tolist() == [0, 2]

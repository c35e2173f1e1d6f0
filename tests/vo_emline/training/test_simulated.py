"""Simulated windows as examples."""

from __future__ import annotations

import numpy as np

from vo_emline.labels import LABELS
from vo_emline.preprocess import IDENTITY_SCHEMA, PreprocessOptions
from vo_emline.simulate import simulate_windows
from vo_emline.training.simulated import simulated_examples

SIMULATED = simulate_windows(80, seed=1, per_star=2)


def test_clear_spectra_keep_their_true_class_and_doubtful_ones_are_left_out() -> None:
    examples = simulated_examples(SIMULATED)
    clear = [row for row in SIMULATED.truth.to_pylist() if not row["doubtful"]]
    assert len(examples) == len(clear) < len(SIMULATED)
    assert [LABELS[i] for i in examples.label] == [row["label"] for row in clear]
    assert examples.windows.identity.schema == IDENTITY_SCHEMA
    assert examples.windows.identity["object_name"].to_pylist() == [row["object_name"] for row in clear]


def test_epochs_of_one_star_are_one_star() -> None:
    examples = simulated_examples(SIMULATED)
    names = np.array(examples.windows.identity["object_name"].to_pylist())
    star = examples.stars()
    for name in set(names):
        assert len(set(star[names == name])) == 1
    assert len(set(star)) == len(set(names))


def test_windows_are_scaled_as_asked() -> None:
    standard = simulated_examples(SIMULATED).windows.flux
    np.testing.assert_allclose(standard.mean(axis=1), 0, atol=1e-5)
    np.testing.assert_allclose(standard.std(axis=1), 1, atol=1e-5)
    minmax = simulated_examples(SIMULATED, options=PreprocessOptions(scaling="minmax")).windows.flux
    np.testing.assert_allclose(minmax.max(axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(minmax.min(axis=1), -1, atol=1e-5)

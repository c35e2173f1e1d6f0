from __future__ import annotations

from pathlib import Path

import numpy as np

from vo_emline.rundir import DEFAULT_MODEL
from vo_emline.training import Classifier
from vo_emline.training.packing import pack


def test_a_packed_model_has_half_the_bytes_and_nearly_the_same_probabilities(tmp_path: Path) -> None:
    original = Classifier.load(DEFAULT_MODEL)
    noisy = {name: value * 1.0001 for name, value in original.parameters.items()}
    whole = Classifier(original.description, noisy)
    description = pack(DEFAULT_MODEL, tmp_path / "packed")
    packed = Classifier.load(tmp_path / "packed")
    flux = np.random.default_rng(1).normal(size=(200, 140)).astype(np.float32)
    assert (tmp_path / "packed" / description.weights).stat().st_size < 5.1e6
    assert description.version == original.version  # half precision as it ships, and the same parts
    assert np.abs(packed.predict_proba(flux) - whole.predict_proba(flux)).max() < 0.01


def test_packing_twice_changes_nothing(tmp_path: Path) -> None:
    assert pack(DEFAULT_MODEL, tmp_path / "again").sha256 == Classifier.load(DEFAULT_MODEL).description.sha256

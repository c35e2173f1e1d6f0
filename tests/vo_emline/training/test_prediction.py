"""Prediction in batches, on several devices, in half precision."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vo_emline.preprocess.windows import WindowSet
from vo_emline.rundir import DEFAULT_MODEL
from vo_emline.simulate import FRACTIONS, simulate_windows
from vo_emline.spectra import find_spectra
from vo_emline.survey import SurveyOptions, prepare_files
from vo_emline.training import Classifier
from vo_emline.training.architecture import Architecture
from vo_emline.training.network import apply, build
from vo_emline.training.prediction import AHEAD, BATCH, LARGE_BATCH, Predictor, formulate

SMALL = Architecture(convolutions=(4, 8), hidden=(16,))
SHARES = SurveyOptions().class_shares


def test_the_platform_chooses_formulation_and_batch() -> None:
    graph, parameters = build(SMALL)
    flux = np.random.default_rng(0).normal(size=(5, 140)).astype(np.float32)
    expected = np.asarray(apply(graph, parameters, jnp.asarray(flux)))
    found = {}
    for platform in ("cpu", "gpu"):
        forward, weights = formulate(SMALL, parameters, platform=platform)
        found[platform] = np.asarray(jax.jit(forward)(weights, flux))
        np.testing.assert_allclose(found[platform], expected, atol=1e-5)
    assert formulate(SMALL, parameters, platform="gpu").weights is parameters
    assert Predictor(*formulate(SMALL, parameters), devices=jax.devices("cpu")[:1]).size == BATCH["cpu"]
    assert BATCH["cpu"] < LARGE_BATCH


@pytest.mark.parametrize("n", [0, 1, 7, 8, 9, 8 * (AHEAD + 3) + 1])
def test_every_window_comes_back_in_order(n: int) -> None:
    predictor = Predictor(lambda _, flux: flux[:, :2], {}, batch=8, devices=jax.devices("cpu")[:1])
    flux = np.arange(n * 3, dtype=np.float32).reshape(n, 3)
    np.testing.assert_array_equal(predictor(flux), flux[:, :2])
    assert predictor.compilations() == 1


ON_DEVICES = """
import sys
import jax, numpy as np
from vo_emline.training.architecture import Architecture
from vo_emline.training.network import build
from vo_emline.training.prediction import Predictor, formulate

assert jax.device_count() == 2
small = Architecture(convolutions=(4, 8), hidden=(16,))
_, parameters = build(small)
flux = np.random.default_rng(0).normal(size=(101, 140)).astype(np.float32)
for platform, precision in (("cpu", "float32"), ("gpu", "float32"), ("gpu", "bfloat16")):
    way = formulate(small, parameters, precision=precision, platform=platform)
    one = Predictor(*way, batch=16, devices=jax.devices()[:1])
    both = Predictor(*way, batch=16)
    assert (one.size, both.size) == (16, 32)
    np.testing.assert_array_equal(one(flux), both(flux))
    compilations = both.compilations()
    both(flux[:3])
    assert both.compilations() == compilations
sys.stdout.write("same")
"""


def test_several_devices_share_the_windows_and_agree_with_one() -> None:
    environment = {
        **os.environ,
        "JAX_PLATFORMS": "cpu",
        "XLA_FLAGS": "--xla_force_host_platform_device_count=2",
    }
    done = subprocess.run(
        [sys.executable, "-c", ON_DEVICES], env=environment, capture_output=True, text=True, check=False
    )
    assert done.stdout == "same", done.stderr


@pytest.fixture(scope="module")
def both_precisions() -> tuple[Classifier, Classifier]:
    single = Classifier.load(DEFAULT_MODEL)
    half = Classifier(single.description, single.parameters, precision="bfloat16")
    return single, half


def differences(pair: tuple[Classifier, Classifier], windows: WindowSet) -> tuple[float, float]:
    """Share of labels that differ, and the largest difference of a score."""
    single, half = (one.predict_proba(windows.flux, shares=SHARES) for one in pair)
    labels = (single.argmax(axis=1) != half.argmax(axis=1)).mean()
    return float(labels), float(np.abs(single[:, 0] - half[:, 0]).max())


def test_half_precision_turns_few_labels_of_simulated_windows(
    both_precisions: tuple[Classifier, Classifier],
) -> None:
    windows = simulate_windows(600, seed=21, fractions=FRACTIONS).prepare()
    labels, score = differences(both_precisions, windows)
    assert 0 < score < 0.1
    assert labels <= 0.01


def test_half_precision_turns_no_label_of_real_windows(
    both_precisions: tuple[Classifier, Classifier], shared_data: Path
) -> None:
    paths = [str(path) for path in find_spectra([shared_data / "lamost"])]
    windows = prepare_files(paths, both_precisions[0].description.preprocess).windows
    labels, score = differences(both_precisions, windows)
    assert labels == 0
    assert score < 0.02

"""Simulated LAMOST spectra against real ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from vo_emline.errors import DataError
from vo_emline.preprocess import GRID, WindowSet
from vo_emline.preprocess.prepare import prepare
from vo_emline.simulate import simulate_windows
from vo_emline.spectra import Spectrum, read
from vo_emline.spectra.medium import HALPHA_VAC

SIDE = (GRID > 6600.0) & (GRID < 6640.0)
POSITIVE = (
    "spec-56284-GAC122S02V2_sp14-183",
    "spec-56265-VB069N07V2_sp04-027",
    "spec-55959-GAC_094N27_V3_sp16-125",
)
"""The only emission-line stars among the real LAMOST spectra."""


def readable(folder: Path, pattern: str) -> list[Spectrum]:
    spectra = []
    for path in sorted(folder.glob(pattern)):
        try:
            spectra.append(read(path))
        except DataError:
            continue
    return spectra


@pytest.mark.slow
def test_a_classifier_that_saw_only_simulations_works_on_real_spectra(shared_data):
    """A linear one, at an even prior: it must not take the noise of real stars for emission."""
    drawn = simulate_windows(8_000, seed=11)
    positive = np.array(drawn.truth["label"].to_pylist()) != "absorption"
    clear = ~positive | (drawn.truth["significance"].to_numpy() > 8)
    model = LogisticRegression(max_iter=2000).fit(drawn.prepare().flux[clear], positive[clear])

    real, _ = prepare(readable(shared_data / "lamost", "dr*/*.fits*"))
    sources = real.identity["source"].to_pylist()
    known = np.array([any(name in source for name in POSITIVE) for source in sources])
    probability = model.predict_proba(real.flux)[:, 1]
    assert known.sum() == 3
    assert np.all(probability[known] > 0.9)
    assert np.mean(probability[~known] > 0.5) < 0.06
    assert np.mean(probability[~known] > 0.9) < 0.02


def test_ordinary_stars_look_alike(shared_data):
    """F, G and K stars of a real plate: depth of Hα, scatter beside it and structure of the scatter."""
    paths = sorted(shared_data.glob("lamost/dr6-dr7/spec-58575-*.fits"))
    spectra = [read(path) for path in paths]
    wanted = [
        s
        for s in spectra
        if s.identity.spectral_subclass[:1] in tuple("FGK") and (s.identity.snr_r or 0) > 20
    ]
    real, _ = prepare(wanted)
    drawn = simulate_windows(3000, seed=1, fractions={"normal": 1.0}, releases=("dr7",))
    truth = drawn.truth
    teff, snr = truth["teff"].to_numpy(), truth["snr"].to_numpy()
    simulated = drawn.prepare().take((teff > 3_950) & (teff < 7_000) & (snr > 30))
    for measure in (line_depth, scatter, neighbours):
        ours, theirs = measure(simulated), measure(real)
        low, high = np.percentile(ours, [2.5, 97.5])
        assert np.mean((theirs > low) & (theirs < high)) > 0.85, measure.__name__


def unscaled(windows: WindowSet) -> np.ndarray:
    return windows.flux * windows.continuum[:, 1:] + windows.continuum[:, :1]


def line_depth(windows: WindowSet) -> np.ndarray:
    return 1.0 - unscaled(windows)[:, np.abs(GRID - HALPHA_VAC) < 8.0].min(axis=1)


def scatter(windows: WindowSet) -> np.ndarray:
    return np.log(unscaled(windows)[:, SIDE].std(axis=1))


def neighbours(windows: WindowSet) -> np.ndarray:
    side = unscaled(windows)[:, SIDE]
    side = side - side.mean(axis=1, keepdims=True)
    return (side[:, 1:] * side[:, :-1]).sum(axis=1) / (side**2).sum(axis=1)

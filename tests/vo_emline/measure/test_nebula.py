"""Nebulae told from stars."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from vo_emline.measure.nebula import NEBULAR, p_nebular
from vo_emline.preprocess import PreprocessOptions, WindowSet
from vo_emline.simulate import simulate_windows

SNR = 60.0


def lines(family: str, n: int = 300) -> WindowSet:
    """Give windows of the emission of one family, its lines beyond doubt, in white noise."""
    found = simulate_windows(n, seed=5, fractions={family: 1.0}, releases=("dr7",))
    strong = np.flatnonzero(np.array(found.truth["significance"]) > 30.0)
    clean, truth = found.clean[strong], found.truth.take(strong)
    flux = clean + np.random.default_rng(6).standard_normal(clean.shape).astype(np.float32) / SNR
    ivar = np.full_like(flux, SNR**2)
    return dataclasses.replace(found, flux=flux, ivar=ivar, clean=clean, truth=truth).prepare(
        PreprocessOptions()
    )


def test_most_nebulae_are_told() -> None:
    assert np.mean(p_nebular(lines("nebular")) > NEBULAR) > 0.8


@pytest.mark.parametrize("family", ["single", "disk", "accretion-disk", "chromospheric"])
def test_hardly_any_star_is_called_a_nebula(family: str) -> None:
    assert np.mean(p_nebular(lines(family)) > NEBULAR) < 0.03

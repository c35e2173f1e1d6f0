"""Tracks: what is no sum of line spreads is told, and no sum of line spreads is."""

from __future__ import annotations

import numpy as np
import pytest

from vo_emline.preprocess.tracks import REACH, _filters, find_tracks

NARROWEST = 0.85
PIXEL = np.arange(-20.0, 21.0)


def found(profile: np.ndarray, *, noise: float, seed: int = 0) -> np.ndarray:
    """Look for tracks in a hundred noisy spectra of a profile on a continuum of one."""
    random = np.random.default_rng(seed)
    flux = 1.0 + profile + noise * random.normal(size=(100, PIXEL.size))
    sigma = noise * np.sqrt(np.maximum(flux, 1.0))[:, REACH:-REACH]
    least = np.maximum(0.12, 8.0 * sigma)
    return find_tracks(flux, least=least, sigma=sigma, narrowest=NARROWEST)


@pytest.mark.parametrize("place", np.linspace(-9.0, 9.0, 37))
def test_no_filter_responds_to_a_line_at_any_place(place: float) -> None:
    filters, _ = _filters(NARROWEST)
    pixel = np.arange(-REACH, REACH + 1.0)
    for width in (NARROWEST, 1.0, 1.5, 3.0):
        assert (filters @ np.exp(-0.5 * np.square((pixel - place) / width))).max() < 0.01


@pytest.mark.parametrize("width", [3, 4, 5])
@pytest.mark.parametrize("end", [0.0, 0.2, 0.5])
def test_a_track_is_told_whatever_its_ends(width: int, end: float) -> None:
    track = np.zeros(PIXEL.size)
    track[20 : 20 + width] = 2.0
    track[[19, 20 + width]] = 2.0 * end
    assert found(track, noise=0.01).mean() > 0.9


@pytest.mark.parametrize("height", [0.3, 2.0, 8.0])
def test_narrow_lines_alone_and_together_are_none(height: float) -> None:
    random = np.random.default_rng(3)
    for apart in (0.0, 2.5, 4.0, 6.0):
        at = random.uniform(-1, 1)
        pair = sum(np.exp(-0.5 * np.square(PIXEL - at - side * apart / 2)) for side in (-1.0, 1.0))
        assert found(height * pair, noise=0.01).mean() <= 0.02


@pytest.mark.parametrize("depth", [0.2, 0.6])
def test_a_line_beside_absorption_is_none(depth: float) -> None:
    wind = np.exp(-0.5 * np.square(PIXEL - 2.0)) - depth * np.exp(-0.5 * np.square((PIXEL + 2.0) / 1.5))
    assert found(wind, noise=0.01).mean() <= 0.02

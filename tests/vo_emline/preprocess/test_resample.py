from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vo_emline.preprocess import GRID
from vo_emline.preprocess.resample import fill_bad, resample

LAMOST = 10 ** (3.5682 + 1e-4 * np.arange(2440, 2630))


@given(seed=st.integers(0, 1000), size=st.integers(5, 300))
def test_is_numpy_interp_for_every_row(seed: int, size: int) -> None:
    rng = np.random.default_rng(seed)
    wave = np.sort(rng.uniform(6500, 6750, size))
    if np.any(np.diff(wave) <= 0):
        return
    flux = rng.normal(size=(3, size))
    values, _ = resample(flux, np.zeros_like(flux), wavelength_vac=wave, grid=GRID)
    assert values == pytest.approx(np.array([np.interp(GRID, wave, row) for row in flux]), abs=1e-9)


def test_propagated_variance_is_that_of_many_draws() -> None:
    rng = np.random.default_rng(3)
    ivar = rng.uniform(20, 200, LAMOST.size)
    noise = rng.normal(size=(4000, LAMOST.size)) / np.sqrt(ivar)
    values, out = resample(noise, np.broadcast_to(ivar, noise.shape), wavelength_vac=LAMOST, grid=GRID)
    assert values.var(axis=0) * out[0] == pytest.approx(np.ones(GRID.size), rel=0.12)


def test_one_unknown_neighbour_makes_a_pixel_unknown() -> None:
    ivar = np.ones((1, LAMOST.size))
    ivar[0, 60] = 0
    _, out = resample(np.ones_like(ivar), ivar, wavelength_vac=LAMOST, grid=GRID)
    near = np.flatnonzero(out[0] == 0)
    assert 1 <= near.size <= 2
    assert np.abs(GRID[near] - LAMOST[60]).max() < np.diff(LAMOST).max()


def test_beyond_the_ends_the_edge_is_repeated_without_a_variance() -> None:
    wave = np.arange(6550.0, 6700.0)
    flux, ivar = np.arange(150.0)[None], np.ones((1, 150))
    values, out = resample(flux, ivar, wavelength_vac=wave, grid=GRID)
    assert np.all(values[0, GRID < 6550] == 0)
    assert np.all(values[0, GRID > 6699] == 149)
    assert np.all(out[0, (GRID < 6550) | (GRID > 6699)] == 0)
    assert np.all(out[0, (GRID > 6551) & (GRID < 6698)] > 0)


def test_bad_pixels_take_the_straight_line_between_good_ones() -> None:
    wave = np.array([1.0, 2.0, 4.0, 5.0, 6.0])
    flux = np.array([[1.0, np.nan, 99.0, 5.0, np.inf], [1.0, 2.0, 3.0, 4.0, 5.0]])
    bad = np.array([[0, 1, 1, 0, 1], [0, 0, 0, 0, 0]], dtype=bool)
    assert fill_bad(flux, bad, wavelength_vac=wave).tolist() == [[1, 2, 4, 5, 5], [1, 2, 3, 4, 5]]

"""The check for lines that anyone can see."""

from __future__ import annotations

import numpy as np
import pytest

from vo_emline.measure.matched import MOST_ABSORPTION, insist, line_strength, stands_out
from vo_emline.preprocess import GRID, PreprocessOptions, WindowSet
from vo_emline.preprocess.identity import identity_table
from vo_emline.preprocess.prepare import finish
from vo_emline.spectra import HALPHA_VAC, Identity

VELOCITY = (GRID / HALPHA_VAC - 1.0) * 299_792.458
NOISE = 0.03


def windows(*lines: np.ndarray, seed: int = 1) -> WindowSet:
    """Give windows of a flat continuum, noise and these lines."""
    random = np.random.default_rng(seed)
    flux = 1.0 + np.stack(lines) + NOISE * random.standard_normal((len(lines), GRID.size))
    identity = identity_table([Identity(source=str(i), survey="test") for i in range(len(lines))])
    return finish(flux, np.full_like(flux, NOISE**-2), identity=identity, options=PreprocessOptions())


def gaussian(fwhm: float, centre: float = 0.0) -> np.ndarray:
    return np.exp(-4.0 * np.log(2.0) * np.square((VELOCITY - centre) / fwhm))


@pytest.mark.parametrize("fwhm", [200.0, 500.0, 1200.0, 2500.0])
def test_single_lines_ten_times_the_noise_stand_out_at_any_width(fwhm: float) -> None:
    assert stands_out(windows(10 * NOISE * gaussian(fwhm))).all()


@pytest.mark.parametrize("separation", [400.0, 900.0, 1800.0])
def test_double_lines_stand_out_however_far_apart_their_peaks(separation: float) -> None:
    half = 0.6 * separation
    line = gaussian(half, -separation / 2) + gaussian(half, separation / 2)
    assert stands_out(windows(15 * NOISE * line)).all()


def test_neither_noise_nor_absorption_stands_out() -> None:
    flat, weak = np.zeros(GRID.size), -0.6 * gaussian(700.0)
    found = windows(*[flat] * 200, *[weak] * 200)
    assert not stands_out(found).any()
    assert (line_strength(found)[200:] < 0.7).all()


@pytest.mark.parametrize("side", [-1, 1])
def test_a_peak_beside_a_trough_as_deep_stands_out(side: int) -> None:
    line = 12 * NOISE * gaussian(200.0) - 0.8 * gaussian(200.0, side * 260.0)
    assert stands_out(windows(line)).all()


def test_a_step_of_the_continuum_beside_the_line_is_no_line() -> None:
    step = np.where(GRID > 6690.0, 0.2, 0.0)
    assert not stands_out(windows(step)).any()


def test_windows_without_a_continuum_say_nothing() -> None:
    dark = windows(gaussian(300.0) - 1.0)
    assert not stands_out(dark).any()


def test_a_line_that_stands_out_is_never_called_absorption() -> None:
    line = 10 * NOISE * gaussian(1500.0)
    found = windows(line, np.zeros(GRID.size), line, line)
    said = np.array([[0.98, 0.005, 0.015], [0.98, 0.015, 0.005], [0.1, 0.8, 0.1], [0.42, 0.3, 0.28]], "f4")
    insisted = insist(said, found)
    assert insisted[0].argmax() == 2
    assert insisted[0, 0] == np.float32(MOST_ABSORPTION)
    np.testing.assert_allclose(insisted.sum(axis=1), 1.0, atol=1e-6)
    np.testing.assert_array_equal(insisted[1:3], said[1:3])
    assert insisted[3].argmax() == 1

from __future__ import annotations

import numpy as np
import pytest

from service.products.continuum import pseudo_continuum
from vo_emline.spectra import HALPHA_VAC

WAVELENGTH = np.arange(3700.0, 9100.0, 1.5)
ALL = np.ones(WAVELENGTH.size, dtype=bool)


def slope(wavelength: np.ndarray) -> np.ndarray:
    return 3e3 * (wavelength / 6000.0) ** -2


def gaussian(centre: float, *, height: float, sigma: float) -> np.ndarray:
    return height * np.exp(-0.5 * ((WAVELENGTH - centre) / sigma) ** 2)


@pytest.mark.parametrize("height", [-0.7, 5.0])
def test_halpha_does_not_pull_the_continuum(height: float) -> None:
    flux = slope(WAVELENGTH) * (1 + gaussian(HALPHA_VAC, height=height, sigma=8))
    continuum = pseudo_continuum(WAVELENGTH, flux, good=ALL)
    at_halpha = np.argmin(np.abs(WAVELENGTH - HALPHA_VAC))
    assert continuum[at_halpha] == pytest.approx(slope(np.array(HALPHA_VAC)), rel=5e-3)


def test_it_follows_noise_without_bias() -> None:
    random = np.random.default_rng(1)
    flux = slope(WAVELENGTH) * (1 + 0.1 * random.standard_normal(WAVELENGTH.size))
    continuum = pseudo_continuum(WAVELENGTH, flux, good=ALL)
    inside = (WAVELENGTH > 3800) & (WAVELENGTH < 9000)
    assert np.median(continuum[inside] / slope(WAVELENGTH[inside])) == pytest.approx(1, abs=5e-3)


def test_cosmics_and_bad_pixels_do_not_matter() -> None:
    flux = slope(WAVELENGTH)
    flux[::50] *= 100
    bad = np.zeros(WAVELENGTH.size, dtype=bool)
    bad[1000:1500] = True
    flux[bad] = -1e6
    continuum = pseudo_continuum(WAVELENGTH, flux, good=~bad)
    outside = (WAVELENGTH > 3800) & (WAVELENGTH < 9000) & ~bad
    np.testing.assert_allclose(continuum[outside], slope(WAVELENGTH[outside]), rtol=0.02)


def test_a_dead_spectrum_has_no_continuum() -> None:
    assert np.isnan(pseudo_continuum(WAVELENGTH, np.zeros_like(WAVELENGTH), good=ALL)).all()
    assert np.isnan(pseudo_continuum(WAVELENGTH, WAVELENGTH, good=~ALL)).all()


def test_a_narrow_piece_around_the_line_gets_what_it_can() -> None:
    inside = np.abs(WAVELENGTH - HALPHA_VAC) < 40
    continuum = pseudo_continuum(WAVELENGTH[inside], np.full(inside.sum(), 7.0), good=ALL[inside])
    np.testing.assert_allclose(continuum, 7.0)

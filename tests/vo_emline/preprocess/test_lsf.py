from __future__ import annotations

import numpy as np
import pytest
from astropy.convolution import Gaussian1DKernel, convolve

from vo_emline.preprocess import PreprocessOptions
from vo_emline.preprocess.lsf import blur, line_spread_sigma, matching_sigma

SITE, E2V = 0.2567, 0.2309  # Å per pixel of the two Ondřejov detectors


def test_line_spread_of_lamost_at_halpha() -> None:
    # FWHM 6564.6 / 1800 = 3.647 Å
    assert line_spread_sigma(1800) == pytest.approx(1.5487, abs=1e-4)


def test_ondrejov_to_lamost_is_the_same_in_angstrom_for_both_detectors() -> None:
    options = PreprocessOptions()
    assert matching_sigma(13_000, SITE, options) == matching_sigma(13_000, E2V, options)
    assert matching_sigma(13_000, SITE, options) == pytest.approx(1.534, abs=1e-3)


def test_the_thesis_blurs_by_pixels() -> None:
    options = PreprocessOptions(lsf="thesis")
    assert matching_sigma(13_000, SITE, options) == pytest.approx(1.80, abs=0.01)
    assert matching_sigma(13_000, E2V, options) == pytest.approx(1.62, abs=0.01)


@pytest.mark.parametrize("method", ["physical", "thesis", "none"])
def test_lamost_is_not_blurred_further(method: str) -> None:
    options = PreprocessOptions(lsf=method)  # type: ignore[arg-type]
    assert matching_sigma(1800, 1.5, options) == 0
    assert matching_sigma(1000, 1.5, options) == 0


def test_medium_resolution_is_brought_to_low() -> None:
    assert (
        0
        < matching_sigma(7500, 0.145, PreprocessOptions())
        < matching_sigma(13_000, 0.25, PreprocessOptions())
    )


def test_blur_is_the_convolution_of_the_thesis() -> None:
    flux = np.random.default_rng(1).normal(1, 0.1, (2, 400))
    blurred, _ = blur(flux, np.zeros_like(flux), sigma_pixels=7)
    expected = [convolve(row, Gaussian1DKernel(7), boundary="extend") for row in flux]
    assert blurred == pytest.approx(np.array(expected), abs=1e-12)


def test_widths_add_in_quadrature() -> None:
    pixel = np.arange(-300, 301)
    line = np.exp(-0.5 * (pixel / 6) ** 2)[None]
    blurred, _ = blur(line, np.zeros_like(line), sigma_pixels=8)
    sigma = np.sqrt(np.sum(blurred[0] * pixel**2) / blurred.sum())
    assert sigma == pytest.approx(10, rel=1e-3)


def test_propagated_variance_is_that_of_many_draws() -> None:
    rng = np.random.default_rng(2)
    ivar = rng.uniform(20, 200, 80)
    noise = rng.normal(size=(4000, 80)) / np.sqrt(ivar)
    blurred, out = blur(noise, np.broadcast_to(ivar, noise.shape), sigma_pixels=2)
    inside = slice(10, 70)
    assert (blurred.var(axis=0) * out[0])[inside] == pytest.approx(np.ones(60), rel=0.1)


def test_unknown_variance_stays_unknown_where_it_matters() -> None:
    ivar = np.full((1, 100), 4.0)
    ivar[0, 50] = 0
    _, out = blur(np.ones((1, 100)), ivar, sigma_pixels=2)
    assert out[0, 50] == 0
    assert (out[0, :40] > 4).all()

"""What the instruments do to a spectrum, against what was measured on real files."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from vo_emline.simulate import draw_exposures, draw_stars, synthesise
from vo_emline.simulate.instruments import (
    SKY_OH_VAC,
    lamost_pixels,
    observe_lamost,
    observe_ondrejov,
    ondrejov_pixels,
    sample,
)
from vo_emline.simulate.population import ONDREJOV_SIGMA, Exposures
from vo_emline.simulate.synthesis import Ideal
from vo_emline.simulate.truth import TRUTH_GRID as GRID
from vo_emline.spectra.medium import HALPHA_VAC, vacuum_to_air

PIXELS = lamost_pixels(6515.0, 6736.0)
NEAR = np.abs(PIXELS - HALPHA_VAC) < 9.0
SIDE = np.abs(PIXELS - 6640.0) < 40.0


def flat(n: int, *, snr: float = 50.0, ew: float = 0.0) -> tuple[Ideal, Exposures]:
    """Continua without any line, and their observations."""
    exposures = draw_exposures(draw_stars(n, seed=1), seed=1)
    steady = {"snr": np.full(n, snr), "ew": np.full(n, ew), "lsf_sigma": np.full(n, 1.76)}
    ones = np.ones((n, GRID.size))
    return Ideal(grid=GRID, photosphere=ones, surroundings=0 * ones), dataclasses.replace(exposures, **steady)


def lamost(n: int, *, release: str = "dr7", **options: float):
    ideal, exposures = flat(n, **options)
    seen = observe_lamost(
        ideal, exposures, wavelength_vac=PIXELS, release=release, random=np.random.default_rng(1)
    )
    return seen, seen.flux / seen.continuum


def test_lamost_pixels_are_those_of_the_survey():
    pixels = lamost_pixels()
    assert len(pixels) == 3909
    np.testing.assert_allclose(np.diff(np.log10(pixels)), 1e-4, rtol=1e-6)
    assert pixels[0] == pytest.approx(10**3.5682)


@pytest.mark.parametrize(("detector", "size", "step"), [("SITe", 1757, 0.2567), ("E2V", 1953, 0.2309)])
def test_ondrejov_pixels_are_linear_in_air(detector, size, step):
    air = vacuum_to_air(ondrejov_pixels(detector))
    assert len(air) == size
    np.testing.assert_allclose(np.diff(air), step, atol=1e-5)
    assert air[-1] == pytest.approx(6732.9, abs=0.3)


def test_noise_has_the_stated_level():
    _, ratio = lamost(400, snr=50.0)
    scatter = 1.4826 * np.median(np.abs(np.diff(ratio[:, SIDE], axis=1))) / np.sqrt(2)
    assert 1.0 / scatter == pytest.approx(50.0, rel=0.15)


def test_lamost_overstates_its_noise():
    """On real plates the scatter is 1.2 to 1.9 times smaller than the inverse variance says."""
    seen, ratio = lamost(400)
    stated = 1.0 / np.median(np.sqrt(seen.ivar[:, SIDE]) * seen.continuum[:, SIDE])
    scatter = 1.4826 * np.median(np.abs(np.diff(ratio[:, SIDE], axis=1))) / np.sqrt(2)
    assert 1.2 < stated / scatter < 1.9


def test_dr1_spoils_the_inverse_variance_at_halpha_and_dr7_does_not():
    for release, low, high in (("dr1", 1 / 14.0, 1 / 8.0), ("dr7", 0.6, 1.1)):
        seen, _ = lamost(100, release=release)
        change = np.median(seen.ivar[:, NEAR], axis=1) / np.median(seen.ivar[:, SIDE], axis=1)
        assert low < np.median(change) < high


def test_dr1_has_no_inverse_variance_on_strong_emission():
    seen, _ = lamost(100, release="dr1", ew=-20.0)
    zeros = (seen.ivar[:, NEAR] == 0).sum(axis=1)
    assert np.all(zeros >= 7)
    assert np.median((lamost(100, release="dr7", ew=-20.0)[0].ivar[:, NEAR] == 0).sum(axis=1)) == 0


def test_sky_residue_stays_at_one_wavelength():
    """6557, 6571 and 6579 Å, where scatter between spectra is larger than between the lines."""
    _, ratio = lamost(1500, snr=200.0)
    scatter = ratio.std(axis=0)
    for line in SKY_OH_VAC[:3]:
        assert scatter[np.argmin(np.abs(PIXELS - line))] > 1.15 * np.median(scatter[SIDE])


def test_faint_stars_drown_in_the_sky_at_its_lines():
    ideal, exposures = flat(300, snr=5.0)
    seen = observe_lamost(
        ideal, exposures, wavelength_vac=PIXELS, release="dr7", random=np.random.default_rng(1)
    )
    at_line, beside = (np.argmin(np.abs(PIXELS - place)) for place in (6579.0, 6588.0))
    # levels differ between spectra, not between their pixels
    ivar = seen.ivar * np.square(seen.continuum)
    assert np.median(ivar[:, at_line]) < 0.7 * np.median(ivar[:, beside])


def test_ondrejov_is_normalised_and_has_no_inverse_variance():
    ideal, exposures = flat(50, snr=200.0)
    seen = observe_ondrejov(
        ideal,
        dataclasses.replace(exposures, lsf_sigma=np.full(50, ONDREJOV_SIGMA)),
        wavelength_vac=ondrejov_pixels("E2V")[1100:1900],
        random=np.random.default_rng(1),
    )
    assert seen.ivar is None
    assert np.median(seen.flux) == pytest.approx(1.0, abs=0.01)


def test_ondrejov_has_telluric_lines_in_the_observatory_frame():
    ideal, exposures = flat(200, snr=500.0)
    wavelength = ondrejov_pixels("E2V")[1000:1900]
    seen = observe_ondrejov(
        ideal,
        dataclasses.replace(exposures, lsf_sigma=np.full(200, ONDREJOV_SIGMA)),
        wavelength_vac=wavelength,
        random=np.random.default_rng(1),
    )
    mean = seen.flux.mean(axis=0)
    place = np.argmin(np.abs(vacuum_to_air(wavelength) - 6516.59))
    assert mean[place] < 0.97 * np.median(mean)


def test_sampling_interpolates_linearly():
    np.testing.assert_allclose(sample(GRID.wavelength_vac[None, :], GRID, PIXELS)[0], PIXELS, atol=0.01)


def test_line_spread_follows_sigma():
    stars = draw_stars(2, seed=4, fractions={"nebular": 1.0})
    stars = dataclasses.replace(
        stars, helium=np.zeros(2), forbidden=np.zeros((2, 2)), fwhm_kms=np.full(2, 15.0)
    )
    exposures = dataclasses.replace(draw_exposures(stars, seed=4), lsf_sigma=np.array([1.2, 2.4]))
    added = synthesise(stars, exposures, grid=GRID, seed=4).surroundings
    added = added / added.sum(axis=1, keepdims=True)
    height = added.max(axis=1)
    # the faint wing of the line is beside the point: half its maximum is Gaussian
    assert height[0] / height[1] == pytest.approx(2.0, rel=0.05)

"""Measurements against injected truth: bias, scatter and the honesty of the errors."""

from __future__ import annotations

import numpy as np
import pytest

from vo_emline.errors import DataError
from vo_emline.measure import measure_flux, measure_spectrum, measure_windows
from vo_emline.measure.baseline import fit_baseline
from vo_emline.measure.shape import equivalent_width
from vo_emline.preprocess import PreprocessOptions
from vo_emline.preprocess.prepare import prepare
from vo_emline.preprocess.windows import GRID
from vo_emline.spectra import read
from vo_emline.spectra.medium import HALPHA_VAC


@pytest.mark.parametrize(
    ("ew", "fwhm", "snr"),
    [(-10.0, 250.0, 50.0), (-2.0, 200.0, 50.0), (3.0, 250.0, 50.0), (-40.0, 300.0, 30.0)],
)
def test_equivalent_widths_are_unbiased_and_their_errors_honest(inject, gaussian, ew, fwhm, snr):
    lines = measure_flux(*inject(-ew * gaussian(60.0, fwhm), snr=snr))
    deviation = (lines.ew - ew) / lines.ew_error
    assert abs(np.mean(lines.ew) - ew) < 0.05
    assert 0.9 < np.std(deviation) < 1.2
    assert 0.62 < np.mean(np.abs(deviation) < 1) < 0.76
    assert np.mean(np.abs(deviation) < 2) > 0.92


def test_emission_is_negative_and_absorption_positive(inject, gaussian):
    emission = measure_flux(*inject(4.0 * gaussian(0.0, 200.0), n=1, snr=200.0))
    absorption = measure_flux(*inject(-4.0 * gaussian(0.0, 400.0), n=1, snr=200.0))
    assert emission.ew[0] == pytest.approx(-4.0, abs=0.2)
    assert emission.height[0] > 0
    assert absorption.ew[0] == pytest.approx(4.0, abs=0.2)
    assert absorption.height[0] < 0


def test_error_agrees_with_the_formula_for_photon_noise(inject):
    """Vollmann & Eversberg 2006, eq. 7: sqrt(1 + Fc/F) (Δλ - W) / (S/N), where the noise of the
    continuum counts as if it came from as many pixels as the line."""
    lines = measure_flux(*inject(np.zeros(GRID.size), snr=80.0))
    step, half_width = GRID[1] - GRID[0], 16.0
    pixels = 2 * half_width / step
    from_pixels_alone = np.sqrt(pixels) * step / 80.0
    vollmann = np.sqrt(2.0) * from_pixels_alone
    assert from_pixels_alone < np.median(lines.ew_error) < 1.25 * vollmann


def test_velocity_and_width_of_a_single_line(inject, gaussian):
    lines = measure_flux(*inject(10.0 * gaussian(60.0, 250.0)))
    assert np.mean(lines.velocity_kms) == pytest.approx(60.0, abs=1.0)
    assert 0.85 < np.std((lines.velocity_kms - 60.0) / lines.velocity_error) < 1.25
    # sampling by 1.5 Å costs 2 %
    assert np.mean(lines.fwhm_kms) == pytest.approx(250.0, rel=0.03)
    assert 0.85 < np.std(lines.fwhm_kms) / np.median(lines.fwhm_error) < 1.25
    assert np.mean(lines.dip_significance > 3) < 0.01


@pytest.mark.parametrize("ratio", [1.0, 1.4, 0.7])
def test_separation_and_violet_to_red_of_a_double_line(inject, gaussian, ratio):
    halves = ratio * gaussian(-150.0, 150.0) + gaussian(150.0, 150.0)
    lines = measure_flux(*inject(10.0 * halves / (1.0 + ratio)))
    # the flanks pull the maxima together a little: 298 km/s without noise
    assert np.mean(lines.separation_kms) == pytest.approx(300.0, abs=5.0)
    assert 0.8 < np.std(lines.separation_kms) / np.median(lines.separation_error) < 1.3
    assert np.mean(lines.violet_to_red) == pytest.approx(ratio, rel=0.08)
    assert np.all(lines.dip_significance > 3)


def test_the_violet_peak_is_the_one_of_shorter_wavelength(inject, gaussian):
    line = 8.0 * gaussian(-200.0, 150.0) + 4.0 * gaussian(200.0, 150.0)
    assert measure_flux(*inject(line, n=1, snr=500.0)).violet_to_red[0] > 1.5


def test_the_spoilt_inverse_variance_at_halpha_does_not_reach_the_errors(inject, gaussian):
    flux, ivar = inject(5.0 * gaussian(0.0, 250.0))
    near = np.abs(GRID - HALPHA_VAC) < 10.0
    spoilt = ivar.copy()
    spoilt[:, near] /= 10.0
    spoilt[:, np.abs(GRID - HALPHA_VAC) < 5.0] = 0.0
    right, wrong = measure_flux(flux, ivar), measure_flux(flux, spoilt)
    np.testing.assert_allclose(wrong.ew, right.ew)
    np.testing.assert_allclose(wrong.ew_error, right.ew_error, rtol=0.15)


def test_overstated_noise_is_corrected_by_the_scatter(inject, gaussian):
    flux, ivar = inject(5.0 * gaussian(0.0, 250.0))
    stated, pessimistic = measure_flux(flux, ivar), measure_flux(flux, ivar / 1.7**2)
    np.testing.assert_allclose(pessimistic.ew_error, stated.ew_error, rtol=1e-6)
    assert np.median(stated.snr) == pytest.approx(50.0, rel=0.1)


def test_correlated_noise_widens_the_error(inject):
    """Interpolating half-way between pixels halves their variance, but not that of their sum."""
    flux, _ = inject(np.zeros(GRID.size), n=2000)
    between = 0.5 * (flux + np.roll(flux, 1, axis=1))
    baseline = fit_baseline(between, None, wavelength_vac=GRID)
    ew, error = equivalent_width(baseline)
    assert np.std(ew / error) == pytest.approx(1.0, abs=0.2)


def test_noise_has_no_shape(inject):
    lines = measure_flux(*inject(np.zeros(GRID.size), n=300, snr=5.0))
    assert np.mean(np.isnan(lines.fwhm_kms)) > 0.7
    assert np.mean(lines.dip == 0) > 0.9


def test_spectra_without_a_continuum_are_nan():
    lines = measure_flux(np.full((1, GRID.size), -3.0), None)
    assert np.isnan(lines.ew[0])
    assert lines.to_table()["ew"].null_count == 1


def test_windows_and_spectrum_agree_on_real_stars(shared_data):
    names = [
        "lamost/dr1/spec-56284-GAC122S02V2_sp14-183.fits",
        "lamost/dr1/spec-56265-VB069N07V2_sp04-027.fits",
    ]
    spectra = [read(shared_data / name) for name in names]
    windows, rejects = prepare(spectra, PreprocessOptions())
    assert not rejects
    by_window = measure_windows(windows)
    by_spectrum = np.array([measure_spectrum(one).ew[0] for one in spectra])
    np.testing.assert_allclose(by_window.ew, by_spectrum, rtol=0.05)
    assert np.all(by_window.ew < -20.0)
    assert np.all(by_window.significance > 20.0)


def test_hr_3135_has_the_same_line_in_both_instruments(shared_data):
    """Years apart, but strong and single in both: V/R and doubling aside, the strength is alike."""
    lamost = measure_spectrum(read(shared_data / "lamost/dr1/spec-56284-GAC122S02V2_sp14-183.fits"))
    ondrejov = measure_spectrum(read(shared_data / "ondrejov/ub240016.fits"))
    assert lamost.ew[0] == pytest.approx(ondrejov.ew[0], rel=0.25)


def test_a_spectrum_elsewhere_is_refused(shared_data):
    blue = read(shared_data / "ondrejov/ub240016.fits")
    blue.wavelength_vac[:] -= 1500.0
    with pytest.raises(DataError, match="not_covered"):
        measure_spectrum(blue)

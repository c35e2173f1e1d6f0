from __future__ import annotations

import numpy as np
import pytest
from astropy import units as u
from astropy.io.votable.ucd import check_ucd

from vo_emline.measure import measure_flux
from vo_emline.measure.quantities import CONTINUUM_ERROR, QUANTITIES, estimates, true_values
from vo_emline.preprocess.windows import GRID

COLUMN = {quantity.name: index for index, quantity in enumerate(QUANTITIES)}


@pytest.fixture
def shell(gaussian) -> np.ndarray:
    """Two peaks of one Å each above the continuum, and a core far below it."""
    return 1.0 + 6.0 * (gaussian(-250.0, 150.0) + gaussian(250.0, 150.0)) - 6.0 * gaussian(0.0, 120.0)


def test_units_and_ucds_are_those_of_the_standards():
    for quantity in QUANTITIES:
        assert check_ucd(quantity.ucd, check_controlled_vocabulary=True)
        assert check_ucd(f"stat.error;{quantity.ucd}", check_controlled_vocabulary=True)
        assert quantity.description.isascii()
        if quantity.unit is not None:
            u.Unit(quantity.unit, format="vounit")


def test_truth_is_what_was_put_in(gaussian):
    line = 1.0 + 8.0 * gaussian(40.0, 300.0)
    value = true_values(line[None, :])[0]
    assert value[COLUMN["ew"]] == pytest.approx(-8.0, abs=0.05)
    assert value[COLUMN["fwhm"]] == pytest.approx(300.0, rel=0.03)
    assert value[COLUMN["radial_velocity"]] == pytest.approx(40.0, abs=2.0)
    assert np.isnan(value[[COLUMN["peak_separation"], COLUMN["vr_ratio"]]]).all()


def test_a_double_line_has_a_separation_and_a_ratio(gaussian):
    line = 1.0 + 6.0 * gaussian(-160.0, 150.0) + 4.0 * gaussian(160.0, 150.0)
    value = true_values(line[None, :])[0]
    assert value[COLUMN["peak_separation"]] == pytest.approx(318.0, abs=8.0)
    assert value[COLUMN["vr_ratio"]] == pytest.approx(1.5, rel=0.1)


def test_a_shell_star_is_measured_by_its_emission_not_by_its_core(shell):
    flux = shell[None, :]
    assert flux.min() < 0.6
    core = measure_flux(flux, None)
    assert core.height[0] < 0
    assert core.fwhm_kms[0] < 200.0
    value = true_values(flux)[0]
    assert value[COLUMN["fwhm"]] > 500.0
    assert value[COLUMN["radial_velocity"]] == pytest.approx(0.0, abs=5.0)


def test_emission_that_hardly_rises_above_the_continuum_has_no_width(gaussian):
    weak = (1.0 + 0.25 * gaussian(0.0, 250.0))[None, :]
    assert weak.max() < 1.05
    value = true_values(weak)[0]
    assert value[COLUMN["ew"]] == pytest.approx(-0.25, abs=0.02)
    assert np.isnan(value[COLUMN["fwhm"]])


def test_noise_in_the_wings_does_not_widen_a_line(inject, gaussian):
    """Half the height of a line of 4 sigma is 2 sigma, which noise beside it reaches somewhere."""
    flux, ivar = inject(2.0 * gaussian(0.0, 300.0), snr=15.0)
    found = estimates(measure_flux(flux, ivar, emission=True)).value[:, COLUMN["fwhm"]]
    known = found[np.isfinite(found)]
    assert len(known) > 0.9 * len(flux)
    assert 240.0 < np.median(known) < 310.0
    assert np.mean(known > 500.0) < 0.02


def test_the_course_of_the_continuum_is_part_of_the_error(inject, gaussian):
    lines = measure_flux(*inject(20.0 * gaussian(0.0, 300.0), n=1, snr=1000.0))
    error = estimates(lines).error[0, COLUMN["ew"]]
    assert error == pytest.approx(CONTINUUM_ERROR * (32.0 + 20.0), rel=0.1)


def test_what_has_no_error_has_no_value():
    found = estimates(measure_flux(np.ones((2, GRID.size)), None, emission=True))
    np.testing.assert_array_equal(np.isnan(found.value), np.isnan(found.error))

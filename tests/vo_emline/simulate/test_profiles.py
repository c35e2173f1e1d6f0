"""Shapes of lines against what theory says of them."""

from __future__ import annotations

import numpy as np
import pytest

from vo_emline.simulate.grids import Grid, broaden, rotation_transfer
from vo_emline.simulate.profiles import disk, gaussian, stark
from vo_emline.spectra.medium import HALPHA_VAC, SPEED_OF_LIGHT_KMS

VELOCITY = np.linspace(-1200.0, 1200.0, 2401)


def columns(**values: float) -> dict[str, np.ndarray]:
    return {name: np.array([[value]]) for name, value in values.items()}


def make_disk(**changes: float) -> np.ndarray:
    usual = {"rim_kms": 150.0, "inner_radius": 0.1, "exponent": 1.5, "asymmetry": 0.0, "opacity": 0.0}
    return disk(VELOCITY, **columns(**(usual | changes)))[0]


@pytest.mark.parametrize("rim", [80.0, 150.0, 300.0])
def test_peaks_of_a_disk_are_at_the_velocity_of_its_outer_rim(rim):
    """Huang 1972; Smak 1981: half the separation is the projected velocity of the outer rim."""
    profile = make_disk(rim_kms=rim)
    assert abs(VELOCITY[np.argmax(profile)]) == pytest.approx(rim, abs=8.0)
    assert profile[np.searchsorted(VELOCITY, 0.0)] < 0.8


def test_a_disk_emits_nothing_beyond_the_velocity_of_its_inner_rim():
    profile = make_disk(inner_radius=0.25)
    fastest = 150.0 / np.sqrt(0.25)
    assert np.all(profile[np.abs(VELOCITY) > fastest + 1] < 1e-6)
    assert profile[np.searchsorted(VELOCITY, 0.9 * fastest)] > 0.01


def test_a_disk_without_a_density_wave_is_symmetric():
    np.testing.assert_allclose(make_disk(), make_disk()[::-1], atol=1e-9)


def test_positive_asymmetry_makes_the_red_peak_the_stronger():
    profile = make_disk(asymmetry=0.4)
    assert profile[VELOCITY > 0].max() > 1.5 * profile[VELOCITY < 0].max()


def test_an_optically_thick_disk_is_deeper_in_the_middle():
    """Horne & Marsh 1986: saturated lines of inclined disks have V-shaped middles."""
    middle = np.searchsorted(VELOCITY, 0.0)
    assert make_disk(opacity=4.0)[middle] < 0.7 * make_disk(opacity=0.0)[middle]


def test_steeper_emissivity_gives_stronger_wings():
    """More light from the fast inner disk."""
    wing = np.searchsorted(VELOCITY, 300.0)
    assert make_disk(exponent=2.2)[wing] > make_disk(exponent=1.0)[wing]


def test_stark_wings_fall_with_the_holtsmark_power():
    far = stark(np.array([100.0, 200.0]), width=np.array([[5.0]]))[0]
    assert np.log2(far[0] / far[1]) == pytest.approx(2.5, abs=0.01)


def test_gaussian_has_half_its_height_at_half_its_width():
    line = gaussian(np.array([40.0, 140.0]), **columns(centre_kms=40.0, fwhm_kms=200.0))[0]
    np.testing.assert_allclose(line, [1.0, 0.5])


def test_deposited_lines_have_area_one_and_the_right_place():
    grid = Grid.covering(6500.0, 6700.0, step_kms=10.0)
    centre = np.array([6540.123, HALPHA_VAC, 9000.0])
    lines = grid.deposit(centre)
    pixel = grid.wavelength_vac * grid.step_kms / SPEED_OF_LIGHT_KMS
    area = lines @ pixel
    np.testing.assert_allclose(area, [1.0, 1.0, 0.0], rtol=1e-4)
    place = (lines[:2] * pixel) @ grid.wavelength_vac / area[:2]
    np.testing.assert_allclose(place, centre[:2], atol=0.01)


def test_grid_velocity_is_the_doppler_velocity():
    grid = Grid.covering(6500.0, 6700.0, step_kms=10.0)
    nearest = np.argmin(np.abs(grid.wavelength_vac - HALPHA_VAC * (1 + 300.0 / SPEED_OF_LIGHT_KMS)))
    assert grid.velocity_kms()[nearest] == pytest.approx(300.0, abs=6.0)


def test_broadening_keeps_the_area_and_adds_the_variance():
    grid = Grid.covering(6480.0, 6650.0, step_kms=5.0)
    velocity = grid.velocity_kms()
    line = np.exp(-0.5 * (velocity / 40.0) ** 2)[None, :]
    wide = broaden(line, grid, sigma_kms=np.array([30.0]), shift_kms=np.array([123.0]))[0]
    assert wide.sum() == pytest.approx(line.sum())
    mean = (wide * velocity).sum() / wide.sum()
    assert mean == pytest.approx(123.0, abs=0.1)
    assert np.sqrt((wide * (velocity - mean) ** 2).sum() / wide.sum()) == pytest.approx(50.0, abs=0.2)


def test_rotation_profile_ends_at_v_sin_i():
    grid = Grid.covering(6400.0, 6730.0, step_kms=2.0)
    line = grid.deposit(np.array([HALPHA_VAC]))
    profile = broaden(line, grid, sigma_kms=np.array([3.0]), v_sin_i_kms=np.array([200.0]))[0]
    velocity = grid.velocity_kms()
    inside = profile[np.abs(velocity) < 195].sum() / profile.sum()
    assert inside == pytest.approx(1.0, abs=0.01)
    assert profile[np.argmin(np.abs(velocity))] > 2.0 * profile[np.argmin(np.abs(velocity - 180.0))]


def test_rotation_transfer_starts_at_one():
    np.testing.assert_allclose(rotation_transfer(np.zeros(1)), 1.0)

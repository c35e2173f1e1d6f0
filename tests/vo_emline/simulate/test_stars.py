"""Stars, their photospheres and what surrounds them."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from vo_emline.errors import UserError
from vo_emline.simulate import FAMILIES, SKY_FRACTIONS, draw_exposures, draw_stars, synthesise
from vo_emline.simulate.linelist import BANDS, METALS
from vo_emline.simulate.photosphere import absorption
from vo_emline.simulate.stars import Stars, designation, spectral_type
from vo_emline.simulate.truth import TRUTH_GRID as GRID
from vo_emline.spectra.medium import HALPHA_VAC, SPEED_OF_LIGHT_KMS, air_to_vacuum

WAVELENGTH = GRID.wavelength_vac
ORDINARY = {"normal", "featureless", "white-dwarf", "weak-lined"}
PIXEL = WAVELENGTH * GRID.step_kms / SPEED_OF_LIGHT_KMS


def ordinary(*teff: float, **changes: float) -> Stars:
    """Normal stars of given temperatures with nothing left to chance."""
    stars = draw_stars(len(teff), seed=0, fractions={"normal": 1.0})
    n = len(teff)
    usual = {"metallicity": 1.0, "line_strength": 1.0, "wing_width": 1.0, "molecule_strength": 1.0}
    usual |= {"haze": 0.0, "v_sin_i_kms": 10.0}
    values = {name: np.full(n, value) for name, value in (usual | changes).items()}
    return dataclasses.replace(stars, teff=np.array(teff), **values)


def depth_of(stars: Stars) -> np.ndarray:
    return absorption(stars, GRID, noise=np.zeros((len(stars), GRID.size)))


def ew_at(depth: np.ndarray, centre_vac: float, half_width: float) -> np.ndarray:
    near = np.abs(WAVELENGTH - centre_vac) < half_width
    return depth[:, near] @ PIXEL[near]


def test_halpha_is_strongest_in_a_stars():
    """And weak in M and in O stars (Gray & Corbally 2009, chapters 3 to 5)."""
    o, b, a, f, g, k = ew_at(depth_of(ordinary(4e4, 2e4, 9e3, 6.5e3, 5.8e3, 4.3e3)), HALPHA_VAC, 20.0)
    assert a > b > o
    assert a > f > g > k
    assert 5.0 < a < 12.0
    assert 2.0 < g < 4.0


def test_calcium_6573_grows_towards_cool_stars():
    """Ca I 6572.78 Å rises from the ground state: 30 mÅ in the Sun, far more in K stars."""
    line = float(air_to_vacuum(6572.78))
    sun, cool = ew_at(depth_of(ordinary(5_777.0, 4_400.0, line_strength=0.0)), line, 0.8)
    assert cool > 2.0 * sun


def test_only_cool_stars_have_molecular_bands():
    continuum = 1.0 - depth_of(ordinary(3_300.0, 5_000.0, metallicity=0.0, line_strength=0.0))
    before, beyond = np.searchsorted(WAVELENGTH, [6640.0, 6725.0])
    drop = continuum[:, before] / continuum[:, beyond]
    assert drop[0] > 1.15
    assert drop[1] == pytest.approx(1.0, abs=0.01)


def test_rotation_widens_metal_lines_without_weakening_them():
    slow, fast = (depth_of(ordinary(6_500.0, v_sin_i_kms=v)) for v in (5.0, 120.0))
    near = np.abs(WAVELENGTH - 6680.0) < 6.0
    assert fast[0, near].max() < 0.6 * slow[0, near].max()
    assert ew_at(fast, 6680.0, 6.0)[0] == pytest.approx(ew_at(slow, 6680.0, 6.0)[0], rel=0.1)


@pytest.mark.parametrize("family", [name for name in FAMILIES if name not in ORDINARY])
def test_surroundings_have_the_stated_equivalent_width(family):
    stars = draw_stars(40, seed=3, fractions={family: 1.0})
    stars = dataclasses.replace(stars, helium=np.zeros(40), forbidden=np.zeros((40, 2)))
    exposures = draw_exposures(stars, seed=3)
    ideal = synthesise(stars, exposures, grid=GRID, seed=3)
    measured = -(ideal.surroundings @ PIXEL)
    expected = exposures.ew * (1.0 - stars.absorption_ew / -stars.ew)
    np.testing.assert_allclose(measured / exposures.ew, expected / exposures.ew, atol=0.01)


@pytest.mark.parametrize("family", sorted(ORDINARY))
def test_ordinary_stars_have_no_surroundings(family):
    stars = draw_stars(20, seed=3, fractions={family: 1.0})
    ideal = synthesise(stars, draw_exposures(stars, seed=3), grid=GRID, seed=3)
    assert np.abs(ideal.surroundings).max() < 1e-12


def test_p_cygni_absorbs_on_the_blue_side_and_shells_at_rest():
    wind = draw_stars(50, seed=1, fractions={"p-cygni": 1.0})
    shell = draw_stars(50, seed=1, fractions={"shell": 1.0})
    assert np.all(wind.absorption_kms < -50.0)
    assert np.all(shell.absorption_kms == 0.0)
    assert np.all(shell.absorption_ew > 0.0)


def test_nitrogen_lines_flank_nebular_halpha_one_to_three():
    stars = draw_stars(1, seed=1, fractions={"nebular": 1.0})
    quiet = dataclasses.replace(
        draw_exposures(stars, seed=1), velocity_kms=np.zeros(1), lsf_sigma=np.full(1, 1.2)
    )
    stars = dataclasses.replace(stars, offset_kms=np.zeros(1), helium=np.zeros(1))
    added = synthesise(stars, quiet, grid=GRID, seed=1).surroundings
    weak, strong = (-ew_at(-added, float(air_to_vacuum(line)), 5.0)[0] for line in (6548.05, 6583.45))
    assert strong == pytest.approx(3.0 * weak, rel=0.1)
    assert strong == pytest.approx(-quiet.ew[0] * stars.forbidden[0, 0], rel=0.1)


def test_foreign_emission_stays_away_from_halpha():
    galaxies = draw_stars(500, seed=2, fractions={"featureless": 1.0})
    present = galaxies.foreign_ew != 0
    assert present.any()
    assert np.all(np.abs(galaxies.foreign_vac[present] - HALPHA_VAC) > 25.0)


def test_the_same_seed_gives_the_same_stars_and_another_seed_others():
    first, again, other = (draw_stars(50, seed=seed) for seed in (1, 1, 2))
    for field in dataclasses.fields(Stars):
        np.testing.assert_array_equal(getattr(first, field.name), getattr(again, field.name))
    assert not np.array_equal(first.teff, other.teff)


def test_exposures_of_a_star_differ_in_noise_but_not_in_who_it_is():
    stars = draw_stars(30, seed=1, fractions={"disk": 1.0})
    exposures = draw_exposures(stars, seed=1, per_star=4)
    np.testing.assert_array_equal(exposures.star, np.repeat(np.arange(30), 4))
    assert len(np.unique(exposures.epoch_mjd)) == len(exposures)
    strength = exposures.ew.reshape(30, 4)
    assert np.all(strength < 0)
    assert np.all(strength.std(axis=1) > 0)


def test_fractions_hold():
    stars = draw_stars(20_000, seed=5, fractions=SKY_FRACTIONS)
    emitting = np.mean(stars.ew != 0)
    assert sum(SKY_FRACTIONS.values()) == pytest.approx(1.0)
    assert emitting == pytest.approx(0.04, abs=0.005)


@pytest.mark.parametrize("fractions", [{"quasar": 1.0}, {"normal": 0.0}])
def test_impossible_fractions_are_refused(fractions):
    with pytest.raises(UserError, match="fractions"):
        draw_stars(5, seed=1, fractions=fractions)


def test_designation_is_truncated_not_rounded():
    assert designation(98.56816, 2.50841) == "J063416.35+023030.2"
    assert designation(0.0, -0.5) == "J000000.00-003000.0"


@pytest.mark.parametrize(
    ("teff", "kind"), [(5_777.0, "G2"), (9_700.0, "A0"), (3_850.0, "M0"), (31_400.0, "B0")]
)
def test_spectral_types(teff, kind):
    assert spectral_type(teff)[0] == kind[0]
    assert abs(int(spectral_type(teff)[1]) - int(kind[1])) <= 1


def test_lines_are_sorted_and_bands_reach_halpha():
    wavelengths = [line.wavelength_air for line in METALS]
    assert wavelengths == sorted(wavelengths)
    assert any(6500.0 < band.head_air < 6600.0 for band in BANDS)

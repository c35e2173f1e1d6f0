"""Observed profiles as injections."""

from __future__ import annotations

import numpy as np
import pytest

from vo_emline.errors import UserError
from vo_emline.evaluate.observed import (
    DOUBLE_DIP,
    PEAKS,
    ObservedProfiles,
    collect_profiles,
    inject_observed,
)
from vo_emline.preprocess import GRID, PreprocessOptions, WindowSet
from vo_emline.preprocess.identity import identity_table
from vo_emline.preprocess.prepare import finish
from vo_emline.spectra import HALPHA_VAC, Identity

VELOCITY = (GRID / HALPHA_VAC - 1.0) * 299_792.458
NOISE = 0.02


def windows(*lines: np.ndarray) -> WindowSet:
    random = np.random.default_rng(4)
    flux = 1.0 + np.stack(lines) + NOISE * random.standard_normal((len(lines), GRID.size))
    identity = identity_table([Identity(source=str(i), survey="test") for i in range(len(lines))])
    return finish(flux, np.full_like(flux, NOISE**-2), identity=identity, options=PreprocessOptions())


def gaussian(fwhm: float, centre: float = 0.0) -> np.ndarray:
    return np.exp(-4.0 * np.log(2.0) * np.square((VELOCITY - centre) / fwhm))


@pytest.fixture(scope="module")
def profiles() -> ObservedProfiles:
    double = gaussian(500.0, -450.0) + gaussian(500.0, 450.0)
    return collect_profiles(windows(gaussian(900.0), double, np.zeros(GRID.size)))


def test_profiles_are_clean_and_those_lost_in_noise_are_left_out(profiles: ObservedProfiles) -> None:
    assert profiles.source == ("0", "1")
    np.testing.assert_allclose(profiles.height.max(axis=1), 1.0)
    far = np.abs(VELOCITY) > 2500.0
    assert np.abs(profiles.height[:, far]).max() == 0.0
    half = profiles.height[0] > 0.5
    assert np.ptp(VELOCITY[half]) == pytest.approx(900.0, abs=150.0)


def test_the_dip_tells_single_from_double(profiles: ObservedProfiles) -> None:
    assert profiles.dip[0] == 0.0
    assert profiles.dip[1] > DOUBLE_DIP


def test_spectra_without_emission_give_no_profile() -> None:
    with pytest.raises(UserError, match="none of the spectra"):
        collect_profiles(windows(np.zeros(GRID.size)))


def test_injected_light_is_what_the_truth_says(profiles: ObservedProfiles) -> None:
    hosts = windows(*[np.zeros(GRID.size)] * 20)
    found = inject_observed(hosts, profiles, 300, seed=2)
    peak = found.truth["peak_over_noise"].to_numpy()
    assert peak.min() >= PEAKS[0] * 0.99
    assert peak.max() <= PEAKS[1] * 1.01
    flux = found.windows.flux * found.windows.continuum[:, 1:] + found.windows.continuum[:, :1]
    strong = peak > 50.0
    above = (flux[strong] - 1.0).sum(axis=1) * (GRID[1] - GRID[0])
    np.testing.assert_allclose(above, -found.truth["ew"].to_numpy()[strong], rtol=0.15)
    assert set(found.truth["profile"].to_pylist()) == {"0", "1"}


def test_the_same_seed_gives_the_same_injections(profiles: ObservedProfiles) -> None:
    hosts = windows(*[np.zeros(GRID.size)] * 5)
    first, again, other = (inject_observed(hosts, profiles, 20, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.windows.flux, again.windows.flux)
    assert not np.array_equal(first.windows.flux, other.windows.flux)

"""Real spectra as hosts: noise, velocity and temperature, and light put into them."""

from __future__ import annotations

import dataclasses

import numpy as np
import pyarrow as pa
import pytest

from vo_emline.measure.shape import LINE_HALF_WIDTH
from vo_emline.preprocess import GRID, WindowSet
from vo_emline.simulate import draw_stars, simulate_windows
from vo_emline.simulate.hosts import (
    PIXEL,
    can_host,
    effective_temperature,
    line_spreads,
    relative_noise,
    velocities,
)
from vo_emline.simulate.injection import observe_hosts, on_hosts, put_in
from vo_emline.spectra import HALPHA_VAC


def with_column(windows: WindowSet, name: str, values: list[object]) -> WindowSet:
    index = windows.identity.schema.get_field_index(name)
    kind = windows.identity.schema.field(name).type
    return dataclasses.replace(
        windows, identity=windows.identity.set_column(index, name, pa.array(values, kind))
    )


def test_unscaled_windows_have_their_continuum_at_one(hosts: WindowSet) -> None:
    flux, _ = hosts.take(can_host(hosts)).unscaled()
    assert np.median(flux) == pytest.approx(1.0, abs=0.01)


def test_noise_of_hot_stars_is_that_of_the_simulation() -> None:
    simulated = simulate_windows(60, seed=5, fractions={"single": 1.0}, releases=("dr7",))
    snr = np.array(simulated.truth["snr"])
    bright = (snr > 10) & (snr < 100)  # brighter ones show their lines, not their noise
    ratio = relative_noise(simulated.prepare())[bright] * snr[bright]
    assert np.median(ratio) == pytest.approx(1.0, abs=0.2)


def test_the_spoilt_inverse_variance_at_halpha_does_not_matter(hosts: WindowSet) -> None:
    near = np.abs(GRID - HALPHA_VAC) < 10
    spoilt = dataclasses.replace(hosts, ivar=np.where(near, hosts.ivar / 10, hosts.ivar).astype(np.float32))
    np.testing.assert_array_equal(relative_noise(spoilt), relative_noise(hosts))


def test_galaxies_and_spectra_without_signal_are_no_hosts(hosts: WindowSet) -> None:
    few = hosts.take(np.flatnonzero(can_host(hosts))[:3])
    few = with_column(few, "spectral_class", ["STAR", "GALAXY", "STAR"])
    continuum = few.continuum.copy()
    continuum[2, 0] *= -1.0
    assert can_host(dataclasses.replace(few, continuum=continuum)).tolist() == [True, False, False]


@pytest.mark.parametrize(("subclass", "low", "high"), [("B9", 10_000, 11_500), ("A2V", 8_700, 9_700),
    ("G5", 5_500, 5_800), ("gM3", 3_200, 3_700), ("Non", 6_499, 6_501), (None, 6_499, 6_501)])  # fmt: skip
def test_temperatures_follow_the_spectral_type(subclass: str | None, low: float, high: float) -> None:
    assert low < effective_temperature(subclass) < high


def test_velocities_are_those_the_survey_states_for_stars(hosts: WindowSet) -> None:
    few = with_column(hosts.take([0, 1, 2]), "redshift", [-2e-4, 0.08, None])
    np.testing.assert_allclose(velocities(few), [-59.958, 0.0, 0.0], atol=1e-2)


def test_line_spreads_are_those_measured_on_lamost() -> None:
    sigma = line_spreads(1000, np.random.default_rng(1))
    assert sigma.min() > 1.3
    assert sigma.max() < 1.91


def test_cool_hosts_have_slow_rotators(hosts: WindowSet) -> None:
    stars = draw_stars(60, seed=1, fractions={"disk": 1.0})
    types = with_column(hosts.take(range(60)), "spectral_subclass", ["K3", "A0"] * 30)
    cool, hot = (on_hosts(stars, types).take(slice(first, None, 2)) for first in (0, 1))
    assert cool.teff.max() < 5_000 < 9_000 < hot.teff.min()
    assert np.median(cool.v_sin_i_kms) < 10 < 80 < np.median(hot.v_sin_i_kms)


def test_lines_are_as_strong_as_wanted_in_the_noise_of_the_host(hosts: WindowSet) -> None:
    chosen = hosts.take(can_host(hosts))
    n = len(chosen)
    exposures = observe_hosts(
        draw_stars(n, seed=1, fractions={"single": 1.0}),
        chosen,
        seed=1,
        spread=np.full(n, 1.7),
        significance=(7.0, 9.0),
        random=np.random.default_rng(1),
    )
    error = relative_noise(chosen) * np.sqrt(2 * LINE_HALF_WIDTH * PIXEL)
    found = -exposures.ew / error
    assert found.max() < 9
    assert found[error < 10].min() > 7


def test_light_brings_noise_and_takes_the_inverse_variance_of_it(hosts: WindowSet) -> None:
    chosen = hosts.take(can_host(hosts))
    line = np.tile(5.0 * np.exp(-0.5 * np.square((GRID - HALPHA_VAC) / 4.0)), (len(chosen), 1))
    flux, ivar = put_in(chosen, line, ew=np.full(len(chosen), -50.0), random=np.random.default_rng(2))
    before, weights = chosen.unscaled()
    assert np.median((flux - before)[:, 30]) == pytest.approx(5.0, rel=0.05)  # of a continuum at one
    assert (ivar <= weights * (1 + 1e-6)).all()
    known = weights[:, 30] > 0
    assert np.median(ivar[known, 30] / weights[known, 30]) < 0.6
    far = np.abs(GRID - HALPHA_VAC) > 60
    np.testing.assert_allclose(flux[:, far], before[:, far], atol=0.02)


def test_strong_lines_in_the_first_releases_lose_their_inverse_variance(hosts: WindowSet) -> None:
    old = with_column(hosts.take(range(20)), "release", ["v2.6.4"] * 20)
    none = np.zeros((20, GRID.size))
    core = np.abs(GRID - HALPHA_VAC) < 5
    for ew, lost in ((-20.0, True), (-1.0, False)):
        _, ivar = put_in(old, none, ew=np.full(20, ew), random=np.random.default_rng(3))
        assert (ivar[:, core] == 0).all() == lost

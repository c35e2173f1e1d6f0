"""Lines of known truth, and what is said of their measurement."""

from __future__ import annotations

import numpy as np
import pytest

from vo_emline.evaluate.lines import (
    FAINTEST,
    LEAST_HOSTS,
    LOSS,
    PIT_BINS,
    LineTrial,
    describe,
    line_quality,
    real_lines,
    simulated_lines,
)
from vo_emline.labels import ABSORPTION, EMISSION
from vo_emline.measure.quantities import QUANTITIES, Estimates, measure_emission
from vo_emline.simulate.hosts import relative_noise

NAMES = [quantity.name for quantity in QUANTITIES]


@pytest.fixture(scope="module")
def trial(hosts) -> LineTrial:
    found = real_lines(hosts, 400, seed=4)
    assert found is not None
    return found


def test_spectra_are_as_noisy_as_they_say(trial, hosts):
    stated = trial.windows.ivar
    assert len(trial) == 400
    assert trial.snr.min() >= FAINTEST
    best = 1.0 / relative_noise(hosts).min()
    assert trial.snr.max() <= max(best / LOSS, FAINTEST) * 1.001
    measured = 1.0 / relative_noise(trial.windows)
    # interpolation takes some of the noise of the pixels away
    assert 0.8 < np.median(measured / trial.snr) < 1.5
    assert (stated > 0).all()


def test_the_classical_measurement_finds_what_was_put_in(trial):
    quality = line_quality(trial, {"classical": measure_emission(trial.windows)})["quantities"]
    ew, velocity = (quality[name]["methods"]["classical"] for name in ("ew", "radial_velocity"))
    assert abs(ew["bias"]) < 0.1 * ew["scatter"] * np.sqrt(12)
    assert ew["coverage"]["68"]["interval"][1] > 0.68
    assert abs(velocity["bias"]) < 3.0
    assert quality["ew"]["better"] == "classical"
    assert quality["peak_separation"]["methods"]["classical"]["n"] < ew["n"]


def test_few_good_hosts_are_too_few(hosts):
    noisy = hosts.take(np.argsort(-relative_noise(hosts))[:LEAST_HOSTS])
    assert real_lines(noisy, 10, seed=1) is None


def test_one_seed_gives_one_trial(hosts, trial):
    again, other = real_lines(hosts, 400, seed=4), real_lines(hosts, 400, seed=5)
    assert again is not None
    assert other is not None
    np.testing.assert_array_equal(again.windows.flux, trial.windows.flux)
    assert not np.array_equal(other.truth, trial.truth)


def test_only_what_is_found_is_measured():
    trial = simulated_lines(40, seed=3)
    label = np.where(np.arange(40) < 10, EMISSION, ABSORPTION)
    found = trial.found_by(label)
    assert len(found) == len(found.windows) == 10
    np.testing.assert_array_equal(found.truth, trial.truth[:10])


def test_honest_gaussian_errors_are_described_as_such():
    random = np.random.default_rng(8)
    error = random.uniform(0.5, 2.0, 20_000)
    found = describe(np.zeros(20_000), random.normal(0.3, error), error)
    assert found["bias"] == pytest.approx(0.3, abs=0.03)
    honest = describe(np.zeros(20_000), random.normal(0.0, error), error)
    assert honest["coverage"]["68"]["value"] == pytest.approx(0.683, abs=0.01)
    assert honest["coverage"]["95"]["value"] == pytest.approx(0.950, abs=0.005)
    assert honest["outliers"]["count"] == 0
    assert sum(honest["pit"]) == 20_000
    assert len(honest["pit"]) == PIT_BINS
    assert honest["crps"] < found["crps"]


def test_methods_are_compared_on_the_same_lines(trial):
    measured = measure_emission(trial.windows)
    gaps = np.where(np.arange(400)[:, None] % 2, measured.value, np.nan)
    quality = line_quality(
        trial, {"network": measured, "classical": Estimates(value=gaps, error=measured.error)}
    )
    for name in NAMES:
        counts = {found["n"] for found in quality["quantities"][name]["methods"].values()}
        assert len(counts) == 1
        assert counts.pop() == quality["quantities"][name]["measurable"]["count"]


def test_of_a_handful_of_lines_nothing_is_said(trial):
    few = trial.found_by(np.where(np.arange(400) < 5, EMISSION, ABSORPTION))
    quality = line_quality(few, {"classical": measure_emission(few.windows)})["quantities"]["ew"]
    assert quality["methods"] == {}
    assert quality["better"] is None
    assert quality["by_snr"] == []

"""On the same stars seen by both instruments, each step brings the two closer."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from vo_emline.errors import DataError
from vo_emline.preprocess import PreprocessOptions, adaptation_steps, measure_velocity, shift
from vo_emline.spectra import Spectrum, read

STEPS = ["as delivered", "vacuum wavelengths", "line spread", "continuum", "scaled"]
EMITTERS = ("ub240016", "vl070030", "a201504150031")


@pytest.fixture(scope="module")
def pairs(shared_data: Path) -> dict[str, tuple[Spectrum, Spectrum]]:
    with (shared_data / "catalogues/cross-matched.csv").open() as file:
        return {Path(a).stem: (read(shared_data / a), read(shared_data / b)) for a, b in csv.reader(file)}


@pytest.fixture(scope="module")
def residuals(pairs: dict[str, tuple[Spectrum, Spectrum]]) -> np.ndarray:
    """Residual after each step, one row per absorption pair, at the velocity of the pair."""
    rows = []
    for name, (source, target) in pairs.items():
        if name not in EMITTERS:
            steps = adaptation_steps(source, target, velocity_kms=measure_velocity(source, target))
            assert [step.name for step in steps] == STEPS
            rows.append([step.residual for step in steps])
    return np.array(rows)


def test_each_step_brings_absorption_pairs_closer(residuals: np.ndarray) -> None:
    assert residuals.shape == (16, 5)
    mean = residuals.mean(axis=0)
    assert np.all(np.diff(mean) < 0), mean
    assert np.all(np.diff(np.median(residuals, axis=0)) < 0)


def test_most_pairs_gain_at_every_step_and_all_in_the_end(residuals: np.ndarray) -> None:
    assert np.all((np.diff(residuals, axis=1) < 0).mean(axis=0) >= 0.75)
    assert np.all(residuals[:, -1] < residuals[:, 0])
    assert np.median(residuals[:, -1] / residuals[:, 0]) < 0.45


def test_strong_emission_agrees_to_a_few_percent(pairs: dict[str, tuple[Spectrum, Spectrum]]) -> None:
    source, target = pairs["ub240016"]  # HR 3135
    assert adaptation_steps(source, target)[-1].residual < 0.06


def test_leaving_a_step_out_costs(pairs: dict[str, tuple[Spectrum, Spectrum]]) -> None:
    source, target = pairs["ub240016"]
    full = adaptation_steps(source, target)[-1].residual
    for without in (PreprocessOptions(lsf="none"), PreprocessOptions(continuum="none")):
        assert adaptation_steps(source, target, options=without)[-1].residual > 1.2 * full


def test_a_velocity_given_is_a_velocity_measured(pairs: dict[str, tuple[Spectrum, Spectrum]]) -> None:
    source, _ = pairs["ug230021"]
    for velocity in (-100.0, 0.0, 60.0):
        assert measure_velocity(source, shift(source, velocity)) == pytest.approx(velocity)


def test_the_pair_that_differs_in_velocity(pairs: dict[str, tuple[Spectrum, Spectrum]]) -> None:
    assert 90 <= measure_velocity(*pairs["ug230021"]) <= 130  # UZ Lyr, a binary


def test_a_pair_without_a_window_says_why(
    pairs: dict[str, tuple[Spectrum, Spectrum]], shared_data: Path
) -> None:
    blue = read(shared_data / "lamost/mrs/med-58649-TD193637N444141K01_sp10-159.fits.gz", extension="COADD_B")
    with pytest.raises(DataError, match="not_covered"):
        adaptation_steps(pairs["td240024"][0], blue)

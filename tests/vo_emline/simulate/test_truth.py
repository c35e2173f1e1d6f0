"""The rule that names the class of a spectrum."""

from __future__ import annotations

import dataclasses

import numpy as np
import pyarrow.csv
import pyarrow.parquet
import pytest

from vo_emline.labels import ABSORPTION, DOUBLE_PEAK, EMISSION, LABELS
from vo_emline.simulate import draw_exposures, draw_stars, synthesise, truth_table
from vo_emline.simulate.population import Exposures
from vo_emline.simulate.stars import Stars
from vo_emline.simulate.truth import (
    TRUTH_GRID,
    at_survey_resolution,
    classify,
    expected_significance,
    measure_shape,
    object_name,
    write_truth,
)


def disks(
    rim_kms: float, *, sigma: float = 1.76, family: str = "disk", **changes: float
) -> tuple[Stars, Exposures]:
    """Ten equal, symmetric stars with emission of 15 Å."""
    n = 10
    stars = draw_stars(n, seed=1, fractions={family: 1.0})
    usual = {"rim_kms": rim_kms, "ew": -15.0, "fwhm_kms": 40.0, "inner_radius": 0.2, "exponent": 1.5}
    usual |= {"opacity": 0.0, "velocity_kms": 0.0, "v_sin_i_kms": 300.0, "teff": 15_000.0}
    stars = dataclasses.replace(
        stars, **{name: np.full(n, value) for name, value in (usual | changes).items()}
    )
    exposures = draw_exposures(stars, seed=1)
    steady = {"lsf_sigma": sigma, "asymmetry": 0.0, "ew": -15.0, "snr": 50.0}
    return stars, dataclasses.replace(
        exposures, **{name: np.full(n, value) for name, value in steady.items()}
    )


def classes(stars: Stars, exposures: Exposures) -> set[int]:
    ideal = synthesise(stars, exposures, grid=TRUTH_GRID, seed=1)
    return set(classify(exposures.ew, measure_shape(ideal, exposures)).tolist())


def test_wide_disks_are_double_and_narrow_ones_single():
    assert classes(*disks(200.0)) == {DOUBLE_PEAK}
    assert classes(*disks(50.0)) == {EMISSION}


def test_the_class_depends_on_the_resolution():
    """As on real stars: of four positives seen by both instruments three change."""
    assert classes(*disks(90.0, sigma=0.21)) == {DOUBLE_PEAK}
    assert classes(*disks(90.0, sigma=2.4)) == {EMISSION}


def test_a_broad_single_line_on_a_narrow_core_is_no_double():
    narrow_core = {"teff": 9_000.0, "v_sin_i_kms": 5.0, "fwhm_kms": 420.0, "offset_kms": 0.0}
    stars, exposures = disks(0.0, family="single", **narrow_core)
    exposures = dataclasses.replace(exposures, ew=np.full(10, -4.0), lsf_sigma=np.full(10, 1.2))
    ideal = synthesise(stars, exposures, grid=TRUTH_GRID, seed=1)
    shape = measure_shape(ideal, exposures)
    assert np.all(shape.dip > 0.1)
    assert set(classify(exposures.ew, shape).tolist()) == {EMISSION}


@pytest.mark.parametrize("teff", [4_000.0, 5_500.0, 7_000.0, 15_000.0])
def test_the_trough_of_a_wind_is_no_dip_between_two_peaks(teff: float) -> None:
    """Blueward of it only the scattering wing of the one peak rises above the continuum."""
    n = 300
    stars = draw_stars(n, seed=5, fractions={"p-cygni": 1.0})
    stars = dataclasses.replace(stars, teff=np.full(n, teff))
    assert classes(stars, draw_exposures(stars, seed=5)) == {EMISSION}


def test_the_absorption_of_a_shell_is_one():
    stars = draw_stars(200, seed=5, fractions={"shell": 1.0})
    exposures = draw_exposures(stars, seed=5)
    shape = measure_shape(synthesise(stars, exposures, grid=TRUTH_GRID, seed=1), exposures)
    assert (classify(exposures.ew, shape) == DOUBLE_PEAK).mean() > 0.7


def test_nothing_around_a_star_is_absorption():
    stars = draw_stars(30, seed=2, fractions={"normal": 1.0, "featureless": 0.2})
    assert classes(stars, draw_exposures(stars, seed=2)) == {ABSORPTION}


def test_separation_is_that_of_the_disk():
    stars, exposures = disks(220.0, sigma=0.5)
    shape = measure_shape(synthesise(stars, exposures, grid=TRUTH_GRID, seed=1), exposures)
    np.testing.assert_allclose(shape.separation_kms, 440.0, rtol=0.12)
    np.testing.assert_allclose(shape.violet_to_red, 1.0, atol=0.05)


def test_shape_follows_the_star_in_velocity():
    stars, exposures = disks(200.0)
    moving = dataclasses.replace(exposures, velocity_kms=np.linspace(-150.0, 150.0, 10))
    assert classes(stars, moving) == {DOUBLE_PEAK}


def test_significance_scales_with_strength_and_signal():
    stars, exposures = disks(100.0)
    ideal = synthesise(stars, exposures, grid=TRUTH_GRID, seed=1)
    once = expected_significance(ideal, snr=exposures.snr, pixel=1.5)
    np.testing.assert_allclose(expected_significance(ideal, snr=2 * exposures.snr, pixel=1.5), 2 * once)
    assert np.all(once > 50)


def test_truth_table_says_who_and_what(tmp_path):
    stars = draw_stars(60, seed=7)
    exposures = draw_exposures(stars, seed=7, per_star=2)
    truth = truth_table(stars, exposures, survey="lamost", seed=7, pixel=1.5)
    assert truth.num_rows == 120
    assert set(truth["label"].to_pylist()) <= set(LABELS)
    names = np.array(truth["object_name"].to_pylist()).reshape(60, 2)
    assert np.all(names[:, 0] == names[:, 1])
    assert len(set(names[:, 0])) == 60
    ew = truth["ew"].to_numpy()
    positive = np.array(truth["label"].to_pylist()) != "absorption"
    assert np.all(ew[positive] < 0)
    assert np.all(ew[~positive] == 0)
    for path in (tmp_path / "truth.csv", tmp_path / "truth.parquet"):
        write_truth(path, truth)
    assert pyarrow.parquet.read_table(tmp_path / "truth.parquet").equals(truth)
    assert pyarrow.csv.read_csv(tmp_path / "truth.csv").column_names == truth.column_names


def test_labels_are_defined_at_the_resolution_of_the_survey():
    exposures = at_survey_resolution(draw_exposures(draw_stars(3, seed=1), seed=1, survey="ondrejov"))
    assert exposures.lsf_sigma == pytest.approx(1.76)


def test_surveys_have_stars_of_their_own():
    assert object_name("lamost", 5, seed=1) != object_name("ondrejov", 5, seed=1)
    assert object_name("lamost", 5, seed=1) != object_name("lamost", 5, seed=2)

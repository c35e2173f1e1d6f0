from __future__ import annotations

import numpy as np
import pytest

from vo_emline.labels import ABSORPTION, DOUBLE_PEAK, EMISSION
from vo_emline.measure.lines import measure_lines
from vo_emline.measure.nebula import NEBULAR, p_nebular
from vo_emline.measure.quantities import QUANTITIES, measure_emission
from vo_emline.simulate import simulate_windows
from vo_emline.survey.flags import blended, find_candidates, low_coverage
from vo_emline.survey.scores import LINE_FIELDS, line_columns, method_text, regression_of

DOUBLE = [quantity.name for quantity in QUANTITIES if quantity.double]


@pytest.fixture(scope="module")
def simulated():
    shares = {"single": 0.3, "disk": 0.4, "nebular": 0.3}
    return simulate_windows(600, seed=17, fractions=shares, releases=("dr7",))


@pytest.fixture(scope="module")
def windows(simulated):
    return simulated.prepare()


OF_ALL = {"ew", "ew_error", "line_significance", "line_method"}
"""Columns that spectra have, too, that are no candidates."""


def columns_of(windows, label):
    probability = np.eye(3, dtype=np.float32)[label]
    return line_columns(windows, find_candidates(windows, label), probability, None)


def test_only_candidates_are_measured_but_for_the_equivalent_width(windows):
    label = np.full(len(windows), ABSORPTION)
    label[3], label[8] = EMISSION, DOUBLE_PEAK
    columns = columns_of(windows, label)
    assert list(columns) == [name for name, _ in LINE_FIELDS]
    measured = measure_emission(windows)
    for name, kind in LINE_FIELDS:
        assert columns[name].type == kind
        assert (columns[name].null_count >= len(windows) - 2) == (name not in OF_ALL)
    assert columns["ew"][3].as_py() == pytest.approx(measured.value[3, 0], rel=1e-6)
    assert columns["line_significance"][3].as_py() == pytest.approx(
        abs(measured.value[3, 0]) / measured.error[3, 0], rel=1e-6
    )
    assert [columns["profile"][row].as_py().split("-")[0] for row in (3, 8)] == ["single", "double"]
    assert min(columns["p_profile"][row].as_py() for row in (3, 8)) > 0.3


def test_the_equivalent_width_of_all_is_what_the_measurement_of_candidates_gives(windows):
    quick = columns_of(windows, np.zeros(len(windows), dtype=int))
    full = columns_of(windows, np.full(len(windows), EMISSION))
    of_wide = np.array(full["line_method"].to_pylist()) == "wide"
    value, error = (np.array(quick[name], dtype=float)[~of_wide] for name in ("ew", "ew_error"))
    other, its_error = (np.array(full[name], dtype=float)[~of_wide] for name in ("ew", "ew_error"))
    assert np.isfinite(value).mean() > 0.98
    assert np.nanquantile(np.abs(value - other) / error, 0.95) < 0.3
    assert np.nanquantile(np.abs(np.log(error / its_error)), 0.95) < 0.2


def test_only_double_peaks_have_a_separation(windows):
    label = np.full(len(windows), EMISSION)
    as_single, as_double = columns_of(windows, label), columns_of(windows, label + 1)
    for name in DOUBLE:
        assert as_single[name].null_count == len(windows)
        assert as_double[name].null_count < len(windows)
        assert as_double[name].is_valid().equals(as_double[f"{name}_error"].is_valid())


def test_no_candidate_has_a_profile(windows):
    columns = columns_of(windows, np.zeros(len(windows), dtype=int))
    assert all(columns[name].null_count == len(windows) for name in columns if name not in OF_ALL)


def test_a_scorer_without_a_model_on_disk_measures_classically():
    assert regression_of(object()) is None
    assert method_text(None) == "classical"


def test_nebulae_are_told_by_their_forbidden_lines(simulated, windows):
    family = np.array(simulated.truth["family"].to_pylist())
    visible = np.array(simulated.truth["significance"]) > 10
    found = p_nebular(windows) > NEBULAR
    assert found[visible & (family == "nebular")].mean() > 0.6
    assert found[family != "nebular"].mean() < 0.02


def test_lost_pixels_are_flagged_but_not_the_zeros_of_dr1(windows):
    some = windows.take(np.arange(4))
    some.ivar[1, 25:35] = 0.0  # on the line
    some.ivar[2, 5:12] = 0.0  # in a side band
    some.ivar[3] = 0.0  # none is known: no statement
    believed = low_coverage(some, suspect=np.zeros(4, dtype=bool))
    assert believed.tolist() == [False, True, True, False]
    assert low_coverage(some, suspect=np.ones(4, dtype=bool)).tolist() == [False, False, True, False]


def test_a_crowded_neighbourhood_is_flagged():
    cool = simulate_windows(300, seed=18, fractions={"chromospheric": 1.0}, releases=("dr7",))
    hot = simulate_windows(300, seed=19, fractions={"single": 1.0}, releases=("dr7",))
    shares = [
        blended(measure_lines(one.prepare()))[np.array(one.truth["snr"]) > 60].mean() for one in (cool, hot)
    ]
    assert shares[0] > 2 * shares[1]
    assert shares[1] < 0.12

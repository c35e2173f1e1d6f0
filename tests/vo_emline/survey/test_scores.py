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


def test_only_candidates_are_measured(windows):
    label = np.full(len(windows), ABSORPTION)
    label[3], label[8] = EMISSION, DOUBLE_PEAK
    columns = line_columns(find_candidates(windows, label), label, None)
    assert list(columns) == [name for name, _ in LINE_FIELDS]
    measured = measure_emission(windows)
    for name, kind in LINE_FIELDS:
        assert columns[name].type == kind
        assert columns[name].null_count >= len(windows) - 2
    assert columns["ew"][3].as_py() == pytest.approx(measured.value[3, 0], rel=1e-6)
    assert columns["line_significance"][3].as_py() == pytest.approx(
        abs(measured.value[3, 0]) / measured.error[3, 0], rel=1e-6
    )
    assert [row for row in range(len(windows)) if columns["line_method"][row].as_py()] == [3, 8]


def test_only_double_peaks_have_a_separation(windows):
    label = np.full(len(windows), EMISSION)
    candidates = find_candidates(windows, label)
    as_single = line_columns(candidates, label, None)
    as_double = line_columns(candidates, label + 1, None)
    for name in DOUBLE:
        assert as_single[name].null_count == len(windows)
        assert as_double[name].null_count < len(windows)
        assert as_double[name].is_valid().equals(as_double[f"{name}_error"].is_valid())


def test_no_candidate_gives_no_measurement(windows):
    label = np.zeros(len(windows), dtype=int)
    columns = line_columns(find_candidates(windows, label), label, None)
    assert all(column.null_count == len(windows) for column in columns.values())


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

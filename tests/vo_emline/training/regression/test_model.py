from __future__ import annotations

import io

import numpy as np
import pytest

from vo_emline.errors import UserError
from vo_emline.measure.lines import measure_lines
from vo_emline.measure.quantities import QUANTITIES, measure_emission, true_values
from vo_emline.measure.scores import standardised
from vo_emline.simulate import simulate_windows
from vo_emline.training.regression import METHODS, LineRegression, RegressionOptions, fit_regression


@pytest.fixture(scope="module")
def lines(finder):
    """Lines of other stars than those it learnt from, and their truth."""
    simulated = simulate_windows(1500, seed=11, fractions={"single": 0.4, "disk": 0.6})
    windows = simulated.prepare()
    found = np.flatnonzero(finder.predict_proba(windows.flux)[:, 0] == 0)
    return windows.take(found), true_values(simulated.clean[found].astype(float))


def test_errors_are_what_they_say(regression, lines):
    windows, truth = lines
    for method, found in regression.measure_both(measure_lines(windows)).items():
        z = np.abs(standardised(truth, found.value, found.error))
        for column, quantity in enumerate(QUANTITIES):
            known = z[np.isfinite(z[:, column]), column]
            assert 0.58 < np.mean(known < 1.0) < 0.80, (method, quantity.name)
            assert np.mean(known < 1.96) > 0.80, (method, quantity.name)


def test_it_beats_the_classical_equivalent_width(regression, lines):
    windows, truth = lines
    network, classical = (
        regression.measure_both(measure_lines(windows))[method].value[:, 0] for method in METHODS
    )
    assert np.median(np.abs(network - truth[:, 0])) < np.median(np.abs(classical - truth[:, 0]))
    assert regression.description.methods["ew"] == "network"


def test_each_quantity_is_taken_from_its_method(regression, lines):
    windows, _ = lines
    both = regression.measure_both(measure_lines(windows))
    mixed = dict.fromkeys((quantity.name for quantity in QUANTITIES), "network") | {"fwhm": "classical"}
    description = regression.description.model_copy(update={"methods": mixed})
    other = regression.described(description)
    chosen = other.choose(both)
    np.testing.assert_array_equal(chosen.value[:, 1], both["classical"].value[:, 1])
    np.testing.assert_array_equal(chosen.value[:, 0], both["network"].value[:, 0])


def test_what_cannot_be_measured_stays_unknown(regression, lines):
    windows, _ = lines
    unknown = np.isnan(measure_emission(windows).value)
    np.testing.assert_array_equal(np.isnan(regression.measure(measure_lines(windows)).value), unknown)
    empty = regression.measure(measure_lines(windows.take([])))
    assert empty.value.shape == (0, len(QUANTITIES))


def test_it_is_small_and_survives_being_written(regression, lines):
    windows, _ = lines
    buffer = io.BytesIO()
    np.savez(buffer, **regression.arrays())
    assert len(buffer.getvalue()) < 0.35e6 * regression.description.members
    with np.load(io.BytesIO(buffer.getvalue()), allow_pickle=False) as arrays:
        again = LineRegression.from_arrays(dict(arrays))
    assert again.description == regression.description
    before, after = regression.measure(measure_lines(windows)), again.measure(measure_lines(windows))
    np.testing.assert_allclose(
        after.value[:, 0], before.value[:, 0], atol=0.02 * np.nanmax(before.error[:, 0])
    )


def test_the_number_of_lines_measured_together_does_not_matter(regression, lines):
    windows, _ = lines
    together = regression.measure(measure_lines(windows)).value
    alone = regression.measure(measure_lines(windows.take([7]))).value
    np.testing.assert_allclose(alone[0], together[7], rtol=1e-4)


def test_one_seed_gives_one_regression(finder):
    options = RegressionOptions(stars=1500, members=1, epochs=1)
    first, again = (fit_regression(finder, options=options) for _ in range(2))
    assert first is not None
    assert again is not None
    for name, array in first.arrays().items():
        np.testing.assert_array_equal(array, again.arrays()[name])


def test_without_stars_or_lines_nothing_is_trained(finder):
    assert fit_regression(finder, options=RegressionOptions(stars=0)) is None
    assert fit_regression(finder, options=RegressionOptions(stars=20)) is None


def test_a_regression_of_another_version_is_refused(regression):
    arrays = regression.arrays()
    with pytest.raises(UserError, match="train it again"):
        LineRegression.from_arrays(arrays | {"description": np.array('{"format": 2}')})

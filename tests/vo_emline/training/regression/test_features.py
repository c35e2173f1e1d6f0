from __future__ import annotations

import numpy as np
import pytest

from vo_emline.measure.lines import measure_lines
from vo_emline.measure.quantities import QUANTITIES
from vo_emline.simulate import simulate_windows
from vo_emline.training.regression.heads import Anchor, describe_lines


@pytest.fixture(scope="module")
def windows():
    return simulate_windows(60, seed=7, fractions={"disk": 0.5, "normal": 0.5}).prepare()


def test_what_is_encoded_is_decoded(windows):
    _, anchor, classical = describe_lines(measure_lines(windows))
    again = anchor.decode(anchor.encode(classical.value), np.ones_like(classical.value))
    np.testing.assert_allclose(again.value, classical.value)


def test_the_classical_measurement_is_the_origin(windows):
    """With nothing to add, the answer is the classical one with its error, but for the limits of that."""
    _, anchor, classical = describe_lines(measure_lines(windows))
    nothing = np.zeros_like(classical.value)
    found = anchor.decode(nothing, nothing + 1.0)
    np.testing.assert_allclose(found.value, classical.value)
    share = np.nanmean(np.isclose(found.error, classical.error), axis=0)
    assert dict(zip((q.name for q in QUANTITIES), share, strict=True))["ew"] == 1.0


def test_positive_quantities_stay_positive():
    origin = np.log(np.array([[1.0, 300.0, 1.0, 200.0, 1.0]]))
    anchor = Anchor(origin=origin, unit=np.full((1, 5), 0.5))
    found = anchor.decode(np.full((1, 5), -20.0), np.ones((1, 5)))
    positive = [quantity.positive for quantity in QUANTITIES]
    assert (found.value[0, positive] > 0).all()


def test_features_are_finite_whatever_the_line(windows):
    features, _, classical = describe_lines(measure_lines(windows))
    assert np.isnan(classical.value).any()
    assert np.isfinite(features).all()
    assert features.dtype == np.float32


def test_the_level_of_the_flux_does_not_matter(windows):
    """The same spectrum twice as bright, in another scale: the same features."""
    brighter = type(windows)(
        flux=windows.flux, ivar=windows.ivar, continuum=windows.continuum * 2.0, identity=windows.identity
    )
    first, second = (describe_lines(measure_lines(one))[0] for one in (windows, brighter))
    np.testing.assert_allclose(first, second, rtol=1e-3, atol=1e-3)

"""Joining the network's odds and the excess over the expected absorption."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit

from vo_emline.labels import DOUBLE_PEAK, EMISSION
from vo_emline.preprocess import GRID, WindowSet, identity_table
from vo_emline.spectra import HALPHA_VAC, Identity
from vo_emline.training.expected import HIDDEN, LARGEST_HIDDEN, ExpectedAbsorption
from vo_emline.training.second_stage import (
    SecondStage,
    fit_second_stage,
    joint_features,
)

EMPTY = ExpectedAbsorption(
    centre=np.zeros(2),
    spread=np.ones(2),
    points=np.zeros((1, 2)),
    ew=np.zeros((1, 2)),
    variance=np.ones((1, 2)),
    hyper=np.ones((2, 4)),
)
STAGE = SecondStage(expected=EMPTY, joint=np.array([-5.0, 0.5, 0.5, 1.5]), alone=np.array([0.1, 0.9]))


def balanced(emission: np.ndarray, double: float = 0.25) -> np.ndarray:
    return np.column_stack([1 - emission, (1 - double) * emission, double * emission])


def test_a_larger_excess_never_makes_emission_less_probable() -> None:
    steps = np.linspace(-6, 20, 50)
    found = STAGE.refine(balanced(np.full(50, 0.5)), np.column_stack([steps, steps]))
    assert found.sum(axis=1) == pytest.approx(np.ones(50), abs=1e-6)
    assert (np.diff(found[:, 0]) <= 1e-7).all()
    assert found[0, 0] > 0.99
    assert found[-1, 0] < 0.01
    np.testing.assert_allclose(found[:, 2] / found[:, 1], 1 / 3, rtol=1e-4)


def test_the_rest_of_a_spectrum_does_not_outvote_a_window_that_is_sure() -> None:
    sure, unsure = STAGE.refine(balanced(np.array([1e-5, 0.2])), np.full((2, 2), 12.0))[:, 0]
    assert sure > 0.9
    assert unsure < 0.05


def test_without_an_expectation_the_network_speaks_alone() -> None:
    emission = np.array([1e-9, 0.02, 0.5, 0.999])
    found = STAGE.refine(balanced(emission), np.full((4, 2), np.nan))
    odds = joint_features(balanced(emission), np.zeros((4, 2)))[:, 0]
    np.testing.assert_allclose(found[:, 1:].sum(axis=1), expit(0.1 + 0.9 * odds + np.log(2)), rtol=1e-5)
    one_known = np.array([[np.nan, 9.0]])
    assert STAGE.refine(balanced(emission[1:2]), one_known) == pytest.approx(found[1:2], abs=1e-6)


def test_even_odds_of_a_network_that_knows_nothing_stay_as_they_are() -> None:
    neutral = SecondStage(expected=EMPTY, joint=STAGE.joint, alone=np.array([0.0, 1.0]))
    third = np.full((1, 3), 1 / 3)
    np.testing.assert_allclose(neutral.refine(third, np.full((1, 2), np.nan)), third, atol=1e-6)


def test_fitted_probabilities_are_calibrated() -> None:
    random = np.random.default_rng(3)
    emission = random.random(20_000) < 0.2
    excess = np.where(emission, 3.0, 0.0)[:, None] + random.standard_normal((emission.size, 2))
    network = expit(np.where(emission, 1.0, -1.0) + 1.5 * random.standard_normal(emission.size))
    excess[::10] = np.nan
    stage = fit_second_stage(EMPTY, balanced(network), excess, emission)
    assert (stage.joint[1:] > 0).all()
    found = stage.refine(balanced(network), excess)[:, 1:].sum(axis=1)
    # at the third of absorption for which probabilities are given
    weight = np.where(emission, (2 / 3) / emission.sum(), (1 / 3) / (~emission).sum())
    for low in (0.1, 0.3, 0.5, 0.7):
        inside = (found > low) & (found < low + 0.2)
        told = np.average(found[inside], weights=weight[inside])
        assert np.average(emission[inside], weights=weight[inside]) == pytest.approx(told, abs=0.06)


def test_weights_are_never_negative() -> None:
    random = np.random.default_rng(4)
    emission = random.random(2000) < 0.5
    misleading = -np.where(emission, 2.0, 0.0)[:, None] + random.standard_normal((2000, 2))
    stage = fit_second_stage(EMPTY, balanced(np.where(emission, 0.9, 0.1)), misleading, emission)
    assert stage.joint[2:] == pytest.approx([0.0, 0.0], abs=1e-6)
    assert stage.joint[1] > 0


def test_it_survives_being_written() -> None:
    again = SecondStage.from_arrays(STAGE.arrays())
    np.testing.assert_allclose(again.joint, STAGE.joint)
    np.testing.assert_allclose(again.expected.hyper, EMPTY.hyper)


def test_double_and_single_are_told_apart_at_the_odds_of_real_spectra() -> None:
    random = np.random.default_rng(5)
    double = random.random(4000) < 0.3
    odds = np.where(double, 1.0, -1.0) + random.normal(0.0, 1.0, double.size) - 2.0
    said = balanced(np.full(double.size, 0.9))
    said[:, 2] = 0.9 * expit(odds)
    said[:, 1] = 0.9 - said[:, 2]
    shape = np.where(double, DOUBLE_PEAK, EMISSION)
    excess = np.full((double.size, 2), np.nan)
    stage = fit_second_stage(EMPTY, said, excess, np.full(double.size, True), shape=shape)
    assert stage.double == pytest.approx(2.0, abs=0.15)
    found = stage.refine(said, excess)
    assert np.mean((found[:, 2] > found[:, 1]) == double) > 0.8
    assert SecondStage.from_arrays(stage.arrays()).double == pytest.approx(stage.double, abs=1e-6)


def test_missing_absorption_counts_little_where_no_star_is_near() -> None:
    random = np.random.default_rng(7)
    # half the stars lie close together and have the line that is foretold, those far from all others do not
    points = np.concatenate([0.2 * random.normal(size=(80, 26)), 3.0 * random.normal(size=(80, 26))])
    ew = 3.0 + 0.05 * random.normal(size=(160, 2))
    ew[80:] += 0.8 * random.normal(size=(80, 1))
    expected = ExpectedAbsorption(
        centre=np.zeros(26),
        spread=np.ones(26),
        points=points,
        ew=ew,
        variance=np.full((160, 2), 0.001),
        hyper=np.array([[3.0, 2.0, 60.0, 0.01]] * 2),
    )
    place = np.concatenate([np.zeros((1, 26)), np.full((2, 26), 1.5)])
    flux = np.ones((3, GRID.size)) + 0.003 * random.normal(size=(3, GRID.size))
    line = np.exp(-0.5 * np.square((GRID - HALPHA_VAC) / 3.0))
    flux += np.array([-0.05, -0.05, 2.0])[:, None] * line
    windows = WindowSet(
        flux=flux.astype(np.float32),
        ivar=np.full(flux.shape, 1e5, dtype=np.float32),
        continuum=np.tile(np.array([0.0, 1.0], dtype=np.float32), (3, 1)),
        identity=identity_table([Identity(source=str(i)) for i in range(3)]),
        indices=np.stack([place, np.full_like(place, 1e-3)], axis=1).astype(np.float32),
    )
    _, _, hidden = expected.predict(np.asarray(windows.indices))
    assert (hidden[0] < HIDDEN).all()
    assert (hidden[1:] > HIDDEN).all()
    found = replace(STAGE, expected=expected).excess(windows)
    assert (found[0] > 2 * LARGEST_HIDDEN).all()
    assert found[1] == pytest.approx([LARGEST_HIDDEN] * 2)
    # a line above the continuum is no missing absorption
    assert (found[2] > LARGEST_HIDDEN).all()

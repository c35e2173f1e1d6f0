"""The absorption that stars should have: learnt without labels, honest about what is not known."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from vo_emline.preprocess import GRID, WindowSet, identity_table
from vo_emline.preprocess.indices import N_INDICES
from vo_emline.spectra import HALPHA_VAC, Identity
from vo_emline.training.expected import (
    HALF_WIDTHS,
    MOST_POINTS,
    ExpectedAbsorption,
    excess,
    learn,
    observe,
)

NOISE = 0.02


def population(
    n: int,
    *,
    seed: int,
    emission: float = 0.0,
    offset: float = 0.0,
    kind: str = "STAR",
    redshift: float = 0.0,
) -> WindowSet:
    """Stars of one parameter: every index and the depth of Hα follow from it."""
    random = np.random.default_rng(seed)
    hotness = random.uniform(0.0, 1.0, n) + offset
    pattern = np.linspace(-0.2, 0.3, N_INDICES)
    error = np.full((n, N_INDICES), 0.005)
    value = hotness[:, None] * pattern + 0.1 * np.sin(3 * hotness)[:, None] * pattern[::-1]
    value = value + error * random.standard_normal(value.shape)
    depth = 0.2 + 0.4 * hotness - emission
    line = np.exp(-0.5 * np.square((GRID - HALPHA_VAC * (1 + redshift)) / 3.0))
    flux = 1.0 - depth[:, None] * line + NOISE * random.standard_normal((n, GRID.size))
    return WindowSet(
        flux=flux.astype(np.float32),
        ivar=np.full_like(flux, NOISE**-2, dtype=np.float32),
        continuum=np.tile(np.array([0.0, 1.0], dtype=np.float32), (n, 1)),
        identity=identity_table(
            [Identity(source=str(i), spectral_class=kind, redshift=redshift) for i in range(n)]
        ),
        indices=np.stack([value, error], axis=1).astype(np.float32),
    )


@pytest.fixture(scope="module")
def expected() -> ExpectedAbsorption:
    found = learn(population(150, seed=1), seed=0)
    assert found is not None
    return found[0]


def test_the_equivalent_width_is_measured_where_the_star_is() -> None:
    still, moving = population(50, seed=2), population(50, seed=2, redshift=5e-4)
    assert (observe(moving).ew - observe(still).ew).mean(axis=0) == pytest.approx([0.0, 0.0], abs=0.08)
    area = np.sqrt(2 * np.pi) * 3.0
    depth = 0.2 + 0.4 * np.random.default_rng(2).uniform(0.0, 1.0, 50)
    assert observe(still).ew[:, 1] == pytest.approx(depth * area, abs=4 * observe(still).error[:, 1].max())


def test_the_noise_is_that_of_the_pixels() -> None:
    assert np.median(observe(population(200, seed=3)).noise) == pytest.approx(NOISE, rel=0.1)


def test_absorption_is_foreseen_within_its_error(expected: ExpectedAbsorption) -> None:
    others = population(300, seed=4)
    assert others.indices is not None
    pull = excess(expected.predict(others.indices), observe(others))
    assert pull.mean(axis=0) == pytest.approx(np.zeros(2), abs=0.3)
    assert (pull.std(axis=0) < 1.3).all()
    assert (pull.std(axis=0) > 0.6).all()


def test_emission_that_only_fills_the_core_stands_out(expected: ExpectedAbsorption) -> None:
    filled = population(100, seed=5, emission=0.15)
    assert filled.indices is not None
    assert (observe(filled).ew > 0).mean() > 0.8
    assert np.median(excess(expected.predict(filled.indices), observe(filled))) > 4


def test_nothing_is_said_of_stars_unlike_those_learnt_from(expected: ExpectedAbsorption) -> None:
    strange = population(50, seed=6, offset=30.0)
    assert strange.indices is not None
    assert np.isnan(expected.predict(strange.indices)[0]).all()


def test_few_unknown_indices_are_bridged_many_are_not(expected: ExpectedAbsorption) -> None:
    stars = population(60, seed=7)
    assert stars.indices is not None
    few, many = stars.indices.copy(), stars.indices.copy()
    few[:, :, ::8] = np.nan
    many[:, :, ::2] = np.nan
    whole, bridged = expected.predict(stars.indices), expected.predict(few)
    told = np.isfinite(bridged[0]).all(axis=1)
    assert (bridged[1][told] >= whole[1][told] * 0.99).all()
    assert np.isnan(expected.predict(many)[0]).all()


def test_leaving_one_out_is_what_learning_without_it_gives() -> None:
    stars = population(60, seed=8)
    found = learn(stars, seed=0)
    assert found is not None
    process, rows = found
    mean, _, _ = process.left_out()
    for left in (0, 17, 41):
        others = np.arange(len(rows)) != left
        without = dataclasses.replace(
            process, points=process.points[others], ew=process.ew[others], variance=process.variance[others]
        )
        exact = dataclasses.replace(stars, indices=None).take([rows[left]])
        assert exact.indices is None
        assert stars.indices is not None
        sharp = stars.indices[rows[left] : rows[left] + 1].copy()
        sharp[:, 1] = 0.0
        assert without.predict(sharp)[0][0] == pytest.approx(mean[left], abs=1e-5)


def test_emitters_among_the_spectra_are_left_out() -> None:
    quiet, bright = population(120, seed=9), population(4, seed=10, emission=0.8)
    assert quiet.indices is not None
    assert bright.indices is not None
    both = WindowSet(
        flux=np.concatenate([quiet.flux, bright.flux]),
        ivar=np.concatenate([quiet.ivar, bright.ivar]),
        continuum=np.concatenate([quiet.continuum, bright.continuum]),
        identity=identity_table([Identity(source=str(i)) for i in range(124)]),
        indices=np.concatenate([quiet.indices, bright.indices]),
    )
    found = learn(both, seed=0)
    assert found is not None
    assert not set(found[1]) & {120, 121, 122, 123}
    assert len(found[1]) > 110


def test_too_few_noisy_or_foreign_spectra_teach_nothing() -> None:
    assert learn(population(20, seed=11), seed=0) is None
    assert learn(population(60, seed=12, kind="GALAXY"), seed=0) is None
    assert learn(dataclasses.replace(population(60, seed=13), indices=None), seed=0) is None


def test_no_more_than_some_hundred_spectra_are_kept() -> None:
    found = learn(population(MOST_POINTS + 150, seed=14), seed=0)
    assert found is not None
    assert len(found[1]) <= MOST_POINTS


def test_it_survives_being_written_in_single_precision(expected: ExpectedAbsorption) -> None:
    again = ExpectedAbsorption.from_arrays(expected.arrays())
    stars = population(40, seed=15)
    assert stars.indices is not None
    for one, other in zip(again.predict(stars.indices), expected.predict(stars.indices), strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-3, atol=2e-3)
    assert again.ew.shape[1] == len(HALF_WIDTHS)


def test_a_spectrum_gets_the_same_bits_in_any_company() -> None:
    random = np.random.default_rng(5)
    n_points, n_indices = 301, 26
    ew = random.normal(3.0, 1.0, (n_points, 2))
    expected = ExpectedAbsorption(
        centre=np.zeros(n_indices),
        spread=np.ones(n_indices),
        points=random.normal(size=(n_points, n_indices)),
        ew=ew,
        variance=np.full((n_points, 2), 0.01),
        hyper=np.array([[3.0, 1.0, 4.0, 0.02]] * 2),
    )
    near = expected.points[random.integers(0, n_points, 450)] + 0.1 * random.normal(size=(450, n_indices))
    indices = np.stack([near, np.full((450, n_indices), 0.1)], axis=1)
    together = expected.predict(indices)
    assert np.isfinite(together[0]).mean() > 0.5
    for first, last in ((0, 1), (3, 10), (190, 193), (7, 400)):
        alone = expected.predict(indices[first:last])
        for one, all_of_them in zip(alone, together, strict=True):
            np.testing.assert_array_equal(one, all_of_them[first:last])


def test_the_variance_is_hardly_more_than_exact_and_never_less() -> None:
    random = np.random.default_rng(6)
    among = random.normal(size=(400, 3)) @ random.normal(size=(3, 20))  # stars differ in a few ways only
    points = among + 0.05 * random.normal(size=among.shape)
    expected = ExpectedAbsorption(
        centre=np.zeros(20),
        spread=np.ones(20),
        points=points,
        ew=random.normal(3.0, 1.0, (400, 2)),
        variance=np.full((400, 2), 0.01),
        hyper=np.array([[3.0, 2.0, 8.0, 0.02]] * 2),
    )
    place = among[:200] + 0.3 * random.normal(size=(200, 20))
    _, sigma, hidden = expected.predict(np.stack([place, np.zeros_like(place)], axis=1))
    sigma = sigma * np.sqrt(1.0 - hidden)
    # Rasmussen & Williams (2006), equation 2.26
    among_points = 2.0 * np.exp(-cdist(points, points, "sqeuclidean") / (2.0 * 64.0)) + 0.03 * np.eye(400)
    near = 2.0 * np.exp(-cdist(place, points, "sqeuclidean") / (2.0 * 64.0))
    exact = np.sqrt(2.0 - np.sum(near * np.linalg.solve(among_points, near.T).T, axis=1) + 0.02)
    told = np.isfinite(sigma[:, 0])
    assert told.sum() > 100
    ratio = sigma[told, 0] / exact[told]
    assert ratio.min() > 1.0 - 1e-9
    assert ratio.max() < 1.01

"""Splits are by star."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vo_emline.errors import UserError
from vo_emline.training.stars import split_by_star


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 12)), max_size=80),
    st.integers(0, 3),
)
def test_no_star_on_two_sides_and_no_spectrum_lost(rows: list[tuple[int, int]], seed: int) -> None:
    label, star = (np.array([row[k] for row in rows], dtype=np.int64) for k in (0, 1))
    split = split_by_star(label, star, seed=seed)
    sides = [split.train, split.validation, split.test]
    assert sorted(np.concatenate(sides)) == list(range(len(rows)))
    stars = [set(star[side]) for side in sides]
    assert not stars[0] & stars[1]
    assert not stars[0] & stars[2]
    assert not stars[1] & stars[2]


def test_classes_are_spread_evenly() -> None:
    random = np.random.default_rng(0)
    star = np.repeat(np.arange(600), 3)
    label = random.choice(3, p=[0.6, 0.3, 0.1], size=600)[star]
    split = split_by_star(label, star, validation=0.15, test=0.15, seed=1)
    for side, share in ((split.train, 0.7), (split.validation, 0.15), (split.test, 0.15)):
        np.testing.assert_allclose(np.bincount(label[side]) / np.bincount(label), share, atol=0.02)


def test_a_star_with_400_spectra_does_not_fill_a_small_side() -> None:
    star = np.concatenate([np.zeros(400, int), np.arange(1, 601)])
    split = split_by_star(np.zeros(1000, int), star, seed=0)
    assert 0 in star[split.train]
    assert len(split.test) == pytest.approx(150, abs=5)


def test_groups_of_many_rows_reach_every_side() -> None:
    star = np.concatenate([np.repeat(np.arange(100), 15), np.arange(100, 1000)])
    stratum = (star >= 100).astype(int)
    split = split_by_star(stratum, star, seed=0)
    for side, share in ((split.validation, 0.15), (split.test, 0.15)):
        assert (stratum[side] == 0).sum() == pytest.approx(share * 1500, rel=0.1)


def test_the_seed_decides() -> None:
    label, star = np.arange(300) % 3, np.arange(300)
    one, same, other = (split_by_star(label, star, seed=seed) for seed in (5, 5, 6))
    np.testing.assert_array_equal(one.test, same.test)
    assert not np.array_equal(one.test, other.test)


def test_a_side_of_no_share_is_empty() -> None:
    split = split_by_star(np.zeros(20, int), np.arange(20), validation=0.2, test=0.0, seed=0)
    assert len(split.test) == 0
    assert len(split.validation) == 4


def test_shares_that_leave_nothing_are_refused() -> None:
    with pytest.raises(UserError, match="leave nothing to train on"):
        split_by_star(np.zeros(3, int), np.arange(3), validation=0.5, test=0.5)

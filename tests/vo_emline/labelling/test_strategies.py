"""What is chosen to be looked at is what was asked for, the same for the same seed, and nothing twice."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vo_emline.errors import UserError
from vo_emline.labelling import strategies
from vo_emline.labelling.strategies import Choice

RANDOM = np.random.default_rng(4)
PROBABILITIES = RANDOM.dirichlet((0.3, 0.2, 0.2), size=400)


def chosen(*rows: int, reason: str = "x") -> Choice:
    return Choice(rows=np.array(rows, dtype=np.int64), reasons=(reason,) * len(rows))


def test_entropy_and_margin_agree_on_the_sure_and_the_undecided() -> None:
    p = np.array([[1.0, 0.0, 0.0], [1 / 3, 1 / 3, 1 / 3], [0.5, 0.5, 0.0]])
    np.testing.assert_allclose(strategies.entropy(p), [0.0, np.log(3.0), np.log(2.0)], atol=1e-9)
    np.testing.assert_allclose(strategies.margin(p), [0.0, 1.0, 1.0], atol=1e-12)


@pytest.mark.parametrize("measure", ["entropy", "margin"])
def test_the_most_uncertain_come_first(measure: strategies.Measure) -> None:
    doubt = (strategies.entropy if measure == "entropy" else strategies.margin)(PROBABILITIES)
    choice = strategies.uncertain(PROBABILITIES, 30, seed=1, measure=measure)
    np.testing.assert_array_equal(np.sort(doubt)[::-1][:30], doubt[choice.rows])


def test_a_batch_of_the_uncertain_is_spread_over_unlike_spectra() -> None:
    kinds = np.repeat([0, 1, 2, 3], [360, 20, 10, 10])
    features = np.eye(4)[kinds] * 8.0 + RANDOM.uniform(0.0, 0.1, (400, 4))
    p = np.tile([0.5, 0.4, 0.1], (400, 1))
    plain = strategies.uncertain(p, 8, seed=2)
    spread = strategies.uncertain(p, 8, seed=2, features=features)
    assert set(kinds[strategies.uncertain(p, 40, seed=2, features=features).rows]) == {0, 1, 2, 3}
    assert len(set(kinds[spread.rows])) >= len(set(kinds[plain.rows]))
    assert len(set(spread.rows.tolist())) == 8


def test_like_spectra_do_not_stop_a_diverse_choice() -> None:
    features = np.zeros((30, 5))
    choice = strategies.diverse(features, 7, seed=0)
    assert len(set(choice.rows.tolist())) == 7


def test_of_a_cluster_that_is_chosen_which_is_worth_most() -> None:
    features = np.repeat(np.array([[0.0, 0.0], [50.0, 0.0]]), 10, axis=0)
    worth = np.arange(20.0)
    assert set(strategies.diverse(features, 2, seed=0, worth=worth).rows.tolist()) == {9, 19}


def test_random_positives_are_positive_and_drawn_alike() -> None:
    positive = np.arange(100) % 4 == 0
    counts = np.zeros(100)
    for seed in range(400):
        counts[strategies.random_positives(positive, 5, seed=seed).rows] += 1
    assert not counts[~positive].any()
    assert counts[positive].min() > 400 * 5 / 25 / 2


def test_surprises_take_turns_and_say_why() -> None:
    positive = np.array([False, False, True, False, True, False])
    choice = strategies.surprising(
        positive,
        6,
        seed=0,
        strength=np.array([5.0, 2.0, 0.1, 0.2, 3.0, np.nan]),
        known=np.array([False, False, False, True, True, False]),
        star=np.array([1, 2, 3, 4, 5, 5]),
    )
    said = dict(zip(choice.rows.tolist(), choice.reasons, strict=True))
    assert said == {
        0: "line_without_label",
        1: "line_without_label",
        2: "label_without_line",
        3: "known_emitter",
        4: "other_epoch",
        5: "other_epoch",
    }
    assert choice.rows[0] == 0, "the strongest line comes first"
    assert set(choice.reasons) <= set(strategies.SURPRISES)


def test_the_epoch_that_differs_most_comes_first() -> None:
    positive = np.array([True, True, True, False, True, False])
    star = np.array([0, 0, 0, 0, 1, 1])
    score = np.array([0.9, 0.9, 0.9, 0.0, 0.55, 0.45])
    choice = strategies.surprising(positive, 1, seed=0, star=star, score=score)
    assert choice.rows.tolist() == [3]


def test_nothing_surprises_where_nothing_is_known() -> None:
    assert len(strategies.surprising(np.array([True, False]), 5, seed=0)) == 0


def test_what_is_strange_is_above_the_limit_and_the_strangest_first() -> None:
    value = np.array([0.0, 3.0, np.nan, 9.0, 1.0])
    assert strategies.unlike_training(value, 5, seed=0, limit=2.0).rows.tolist() == [3, 1]


def test_the_most_divided_labels_come_first() -> None:
    spectrum = np.array([7, 7, 3, 3, 3, 5, 5])
    said = ["emission", "absorption", "emission", "emission", "artefact", "nebular", "nebular"]
    choice = strategies.disagreement(spectrum, said, 5)
    assert choice.rows.tolist() == [7, 3]
    assert len(strategies.disagreement(np.empty(0, dtype=np.int64), [], 5)) == 0


@given(
    first=st.lists(st.integers(0, 60), unique=True),
    second=st.lists(st.integers(0, 60), unique=True),
    n=st.integers(1, 50),
    share=st.floats(0.05, 0.95),
)
def test_a_blend_is_full_where_it_can_be_and_has_nothing_twice(
    first: list[int], second: list[int], n: int, share: float
) -> None:
    parts = {"a": chosen(*first, reason="a"), "b": chosen(*second, reason="b")}
    both = strategies.blend(parts, n, shares={"a": share, "b": 1.0 - share})
    assert len(both) == len(set(both.rows.tolist())) == min(n, len({*first, *second}))
    for row, reason in zip(both.rows.tolist(), both.reasons, strict=True):
        assert row in (first if reason == "a" else second)


def test_a_blend_gives_each_its_share() -> None:
    parts = {"a": chosen(*range(100), reason="a"), "b": chosen(*range(100, 200), reason="b")}
    both = strategies.blend(parts, 50, shares={"a": 0.8, "b": 0.2})
    assert both.reasons.count("a") == 40
    with pytest.raises(UserError, match="no part of the batch"):
        strategies.blend(parts, 5, shares={"c": 1.0})


def test_only_what_may_be_is_chosen_and_a_seed_repeats_it() -> None:
    allowed = np.arange(400) % 3 == 0
    features = RANDOM.uniform(size=(400, 30))
    strangeness = RANDOM.uniform(size=400)
    for choose in (
        lambda: strategies.uncertain(PROBABILITIES, 20, seed=5, features=features, allowed=allowed),
        lambda: strategies.unlike_training(strangeness, 20, seed=5, features=features, allowed=allowed),
        lambda: strategies.random_positives(PROBABILITIES[:, 0] < 0.5, 20, seed=5, allowed=allowed),
        lambda: strategies.surprising(
            PROBABILITIES[:, 0] < 0.5, 20, seed=5, strength=2.0 * strangeness, allowed=allowed
        ),
    ):
        choice = choose()
        assert len(choice) == len(choice.reasons) == 20
        assert allowed[choice.rows].all()
        np.testing.assert_array_equal(choice.rows, choose().rows)

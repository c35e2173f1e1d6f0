from __future__ import annotations

import numpy as np
import pytest

from vo_emline.evaluate.verdicts import (
    PLAIN,
    STRICT,
    Verdicts,
    from_probabilities,
    network_judge,
    outcome,
    rules,
    strict_threshold,
)
from vo_emline.preprocess import WindowSet
from vo_emline.survey import SurveyOptions
from vo_emline.training.calibration import correct_prior


def verdicts(score: list[float], *, uncertain: list[bool] | None = None, probable: bool = True) -> Verdicts:
    values = np.array(score)
    n = values.size
    balanced = np.column_stack([1 - values, values, np.zeros(n)])
    return Verdicts(
        label=(values > 0.5).astype(np.int64),
        score=values,
        double=np.zeros(n, dtype=bool),
        uncertain=np.array(uncertain or [False] * n),
        balanced=balanced if probable else None,
    )


def test_at_the_strict_threshold_one_of_two_hundred_negatives_may_be_positive() -> None:
    score = np.linspace(0, 1, 200)
    found = verdicts(score.tolist())
    assert found.positive(strict_threshold(found)).sum() == 1
    few = verdicts([0.1, 0.7, 0.3])
    assert few.positive(strict_threshold(few)).sum() == 0


def test_ties_never_let_more_through_than_allowed() -> None:
    found = verdicts([1.0] * 10 + [0.2] * 990)
    assert found.positive(strict_threshold(found)).sum() <= 5


def test_abstentions_are_neither_positive_nor_negative() -> None:
    found = outcome(verdicts([0.9, 0.8, 0.1, 0.55], uncertain=[False, True, False, True]), None)
    assert found["positive"]["count"] == 1
    assert found["uncertain"]["count"] == 2
    assert found["forced_positive"]["count"] == 3
    low, high = found["positive"]["interval"]
    # Clopper & Pearson: 1 of 4
    assert (low, high) == pytest.approx((0.0063, 0.8059), abs=1e-4)


def test_scores_that_are_no_probabilities_have_no_fixed_thresholds() -> None:
    assert list(rules(verdicts([0.2], probable=False))) == [PLAIN, STRICT]
    assert rules(verdicts([0.2]))["score above 0.9"] == 0.9


def test_low_signal_and_low_probability_are_uncertain(hosts: WindowSet) -> None:
    few = hosts.take([0, 1, 2])
    index = few.identity.schema.get_field_index("snr_r")
    few = WindowSet(
        flux=few.flux, ivar=few.ivar, continuum=few.continuum,
        identity=few.identity.set_column(index, "snr_r", [[2.0, 50.0, 50.0]]),
    )  # fmt: skip
    probability = np.array([[0.0, 0.9, 0.1], [0.0, 0.2, 0.8], [0.5, 0.3, 0.2]])
    found = from_probabilities(few, probability, probability, options=SurveyOptions())
    assert found.uncertain.tolist() == [True, False, True]
    assert found.label.tolist() == [1, 2, 0]
    assert found.double.tolist() == [False, True, False]
    np.testing.assert_allclose(found.score, [1.0, 1.0, 0.5])


def test_a_network_is_asked_at_the_shares_of_the_survey(hosts: WindowSet) -> None:
    class Even:
        version = "even"

        def predict_windows(
            self, windows: WindowSet, *, shares: tuple[float, ...] | None = None
        ) -> np.ndarray:
            third = np.full((len(windows), 3), 1 / 3, dtype=np.float32)
            return correct_prior(third, trained=(1, 1, 1), stated=shares or (1, 1, 1))

    found = network_judge(Even())(hosts)
    np.testing.assert_allclose(found.score, 0.02, atol=1e-6)
    assert found.balanced is not None
    np.testing.assert_allclose(found.balanced, 1 / 3, atol=1e-6)

from __future__ import annotations

import numpy as np
import pytest

from vo_emline.errors import UserError
from vo_emline.evaluate.audit import Stratum, estimate
from vo_emline.evaluate.audit.estimate import effective_trials, likelihood_interval


def stratum(name: str, size: int, positive: bool, labelled: int, hits: int) -> Stratum:
    return Stratum(name=name, size=size, positive=positive, labelled=labelled, hits=hits)


def test_each_label_stands_for_its_share_of_the_stratum() -> None:
    found = estimate([stratum("n", 9000, False, 300, 3), stratum("p", 1000, True, 100, 80)]).to_dict()
    # 9000 · 3/300 = 90 missed and 1000 · 80/100 = 800 found
    assert found["prevalence"]["value"] == pytest.approx(890 / 10_000)
    assert found["precision"]["value"] == pytest.approx(0.8)
    assert found["recall"]["value"] == pytest.approx(800 / 890)
    for figure in found.values():
        low, high = figure["interval"]
        assert 0 <= low < figure["value"] < high <= 1


def test_a_census_leaves_no_doubt() -> None:
    found = estimate([stratum("n", 40, False, 40, 4), stratum("p", 60, True, 60, 30)]).to_dict()
    for name, value in (("prevalence", 0.34), ("precision", 0.5), ("recall", 30 / 34)):
        assert found[name]["value"] == pytest.approx(value)
        assert found[name]["interval"] == pytest.approx([value, value], abs=1e-3)


def test_no_hit_in_a_large_stratum_still_leaves_doubt() -> None:
    found = estimate([stratum("n", 1_000_000, False, 300, 0), stratum("p", 1000, True, 100, 90)]).to_dict()
    assert found["recall"]["value"] == 1.0
    # as many as 1.92 of 300 may have been missed: 6400 against 900
    assert found["recall"]["interval"][0] == pytest.approx(900 / (900 + 6400), rel=0.1)
    assert found["prevalence"]["interval"][1] == pytest.approx(0.0073, rel=0.1)


def test_without_positives_precision_and_recall_are_unknown() -> None:
    found = estimate([stratum("n", 1000, False, 100, 0)]).to_dict()
    assert found["precision"] == {"value": None, "interval": [0.0, 1.0]}
    assert found["recall"] == {"value": None, "interval": [0.0, 1.0]}
    assert found["prevalence"]["interval"][0] == pytest.approx(0.0, abs=1e-9)


def test_a_stratum_without_labels_is_named() -> None:
    with pytest.raises(UserError, match=r"negative 0-0\.01"):
        estimate([stratum("negative 0-0.01", 1000, False, 0, 0), stratum("p", 10, True, 5, 5)])
    with pytest.raises(UserError, match="empty"):
        estimate([])


def test_one_binomial_has_the_likelihood_interval_of_the_textbook() -> None:
    # 2 of 10: Wilks limits where 2·log L falls by 3.841 (Agresti 2013, section 1.4.3)
    interval = likelihood_interval(np.array([[2.0]]), np.array([[10.0]]), of=np.ones(1))
    assert interval[0] == pytest.approx((0.0365, 0.5001), abs=2e-3)


def test_an_interval_holds_the_most_likely_value_at_either_end() -> None:
    for hits in (0, 40):
        found = estimate([stratum("p", 900, True, 40, hits), stratum("n", 9000, False, 40, 0)]).to_dict()
        low, high = found["precision"]["interval"]
        assert low <= found["precision"]["value"] == hits / 40 <= high


def test_drawing_without_replacement_counts_for_more() -> None:
    assert effective_trials(np.array([100.0]), np.array([101.0]))[0] == pytest.approx(10_000)
    assert effective_trials(np.array([100.0]), np.array([1e9]))[0] == pytest.approx(100, rel=1e-6)
    assert effective_trials(np.array([1.0, 7.0]), np.array([1.0, 7.0])) == pytest.approx(
        [1e9, 1e9]
    )  # censuses

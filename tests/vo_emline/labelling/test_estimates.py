"""Estimates while people label hold at every moment, and say when enough is enough."""

from __future__ import annotations

import json

import numpy as np
import pytest

from vo_emline.evaluate.audit.estimate import Stratum, estimate, estimate_many
from vo_emline.labelling import estimates
from vo_emline.labelling.estimates import Judged, Round

TRIALS = 1000


def sample(*, labelled: int) -> list[Judged]:
    """An audit of a survey with 90 of 1000 positive, a third of those wrongly, labelled in turn."""
    said = [index % 3 != 0 for index in range(labelled)]
    rest: list[bool | None] = [None] * (40 - labelled)
    called = [
        Judged(stratum="positive 0.5-1", stratum_size=90, positive=True, emission=one)
        for one in [*said, *rest]
    ]
    left = [
        Judged(stratum="negative 0-0.5", stratum_size=910, positive=False, emission=index == 0)
        if index < labelled
        else Judged(stratum="negative 0-0.5", stratum_size=910, positive=False, emission=None)
        for index in range(60)
    ]
    return [*called, *left]


def test_live_estimates_are_those_of_the_audit() -> None:
    strata = estimates.strata_of(sample(labelled=30))
    live = estimates.live_estimates(strata)
    audit = estimate(strata).to_dict()
    assert live["labelled"] == 60
    assert live["precision"]["value"] == audit["precision"]["value"] == pytest.approx(20 / 30)
    assert live["completeness"]["interval"] == audit["recall"]["interval"]
    assert live["prevalence"]["value"] == audit["prevalence"]["value"]
    assert json.loads(json.dumps(live)) == live


def test_nothing_is_claimed_of_strata_without_a_label_but_precision_needs_none_of_the_negatives() -> None:
    assert estimates.live_estimates([])["completeness"]["value"] is None
    some = [one for one in sample(labelled=20) if one.positive]
    none_yet = [Judged(stratum="negative 0-0.5", stratum_size=910, positive=False, emission=None)]
    live = estimates.live_estimates(estimates.strata_of([*some, *none_yet]))
    assert live["waiting"] == ["negative 0-0.5"]
    assert live["precision"]["value"] is not None
    for name in ("completeness", "prevalence"):
        assert live[name] == {"value": None, "interval": [0.0, 1.0], "width": 1.0}
    assert live["wanted"] is None


def test_more_labels_make_intervals_narrower_and_the_number_wanted_smaller() -> None:
    few, many = (
        estimates.live_estimates(
            [
                Stratum(name="p", size=9_000, positive=True, labelled=10 * k, hits=9 * k),
                Stratum(name="n", size=91_000, positive=False, labelled=50 * k, hits=k),
            ]
        )
        for k in (2, 20)
    )
    for name in estimates.QUANTITIES:
        assert many[name]["width"] < few[name]["width"]
    assert estimates.labels_wanted(100, 0.2, width=0.1) == 300
    assert estimates.labels_wanted(100, 0.05, width=0.1) == 0


def test_an_audit_speaks_of_a_new_model_by_cells_of_known_size() -> None:
    """Over many draws the interval of a refined model's precision and completeness holds the truth."""
    random = np.random.default_rng(11)
    n = 4000
    truth = random.uniform(size=n) < 0.2
    old = np.where(truth, random.uniform(size=n) < 0.7, random.uniform(size=n) < 0.1)
    new = np.where(truth, random.uniform(size=n) < 0.85, random.uniform(size=n) < 0.05)
    right = {"precision": (truth & new).sum() / new.sum(), "recall": (truth & new).sum() / truth.sum()}
    drawn = []
    for _ in range(TRIALS):
        halves = [random.choice(np.flatnonzero(old == kind), 150, replace=False) for kind in (0, 1)]
        rows = np.concatenate(halves)
        strata = estimates.restratify(
            old.astype(np.int64), new, ["negative", "positive"], rows=rows, emission=truth[rows].tolist()
        )
        drawn.append(strata)
    hits, labelled = (
        np.array([[getattr(one, name) for one in strata] for strata in drawn])
        for name in ("hits", "labelled")
    )
    size = np.array([one.size for one in drawn[0]])
    assert size.sum() == n
    found = estimate_many(
        hits, labelled=labelled, size=size, positive=np.array([one.positive for one in drawn[0]])
    )
    for name, value in right.items():
        low, high = getattr(found, f"{name}_interval").T
        held = np.mean((low <= value) & (value <= high))
        # standard error of the share: 0.7 %
        assert 0.93 <= held <= 0.97, (name, held)


def test_cells_of_a_new_model_without_labels_are_named() -> None:
    strata = estimates.restratify(
        np.array([0, 0, 0, 1, 1]),
        np.array([False, False, True, True, True]),
        ["negative", "positive"],
        rows=np.array([0, 3, 4]),
        emission=[False, True, None],
    )
    assert [(one.name, one.size, one.labelled, one.hits) for one in strata] == [
        ("negative, now negative", 2, 1, 0),
        ("negative, now positive", 1, 0, 0),
        ("positive, now positive", 2, 1, 1),
    ]
    assert estimates.live_estimates(strata)["waiting"] == ["negative, now positive"]


def test_the_gain_is_that_of_the_last_labels() -> None:
    gain = estimates.marginal_gain([True] * 50 + [False] * 100)
    assert (gain["of"], gain["contradicting"], gain["interval"][0]) == (100, 0, 0.0)
    assert gain["interval"][1] == pytest.approx(1 - 0.025 ** (1 / 100))
    assert estimates.marginal_gain([]) == {"of": 0, "contradicting": 0, "value": None, "interval": [0.0, 1.0]}
    assert estimates.marginal_gain([True])["interval"][1] == 1.0


def test_one_may_stop_when_labels_no_longer_contradict() -> None:
    def stop(contradicting: int, of: int) -> bool:
        gain = estimates.marginal_gain([True] * contradicting + [False] * (of - contradicting))
        return bool(estimates.when_to_stop(gain=gain)["stop"])

    assert not stop(0, 50), "too few to tell"
    assert not stop(20, 100)
    assert stop(2, 100)


def test_one_may_stop_when_intervals_are_narrow() -> None:
    def said(k: int) -> dict[str, object]:
        strata = [
            Stratum(name="p", size=9_000, positive=True, labelled=10 * k, hits=9 * k),
            Stratum(name="n", size=91_000, positive=False, labelled=50 * k, hits=0),
        ]
        return estimates.when_to_stop(estimates.live_estimates(strata))

    assert not said(2)["stop"]
    assert "more labels" in str(said(2)["because"])
    assert said(150)["stop"]
    empty = [Stratum(name="p", size=9, positive=True, labelled=3, hits=0)]
    assert "no label says emission" in str(estimates.when_to_stop(estimates.live_estimates(empty))["because"])


def test_the_curve_has_what_each_round_brought() -> None:
    better = estimates.live_estimates(estimates.strata_of(sample(labelled=30)))
    unknown = estimates.live_estimates([])
    curve = estimates.learning_curve(
        [
            Round(labels=200, model_version="b", estimates=better, seconds=600.0),
            Round(labels=100, model_version="a", estimates=unknown),
            Round(labels=300, model_version="c", estimates=better, seconds=900.0),
        ]
    )
    assert [row["labels"] for row in curve] == [100, 200, 300]
    assert curve[0]["gain"] is curve[1]["gain"] is None
    assert curve[2]["gain"] == 0.0
    assert curve[1]["minutes"] == 10.0


def test_a_page_gets_all_of_it_as_json() -> None:
    audit = estimates.report(strata=estimates.strata_of(sample(labelled=30)))
    assert json.loads(json.dumps(audit)) == audit
    assert audit["estimates"]["precision"]["value"] is not None
    learn = estimates.report(contradicts=[False] * 200)
    assert learn["estimates"] is None
    assert learn["stop"]["stop"]

from __future__ import annotations

import json

import pytest

from vo_emline.evaluate import AIMS, Judge, Trial, detector_judge, headline, judge_all, make_trial
from vo_emline.evaluate.report import Aim
from vo_emline.evaluate.verdicts import Verdicts
from vo_emline.preprocess import WindowSet


@pytest.fixture(scope="module")
def trial(hosts: WindowSet) -> Trial:
    return make_trial(hosts, seed=1, injections=300)


def test_all_judges_see_the_same_spectra(trial: Trial) -> None:
    seen: dict[str, list[int]] = {}

    def noting(name: str) -> Judge:
        def judge(windows: WindowSet) -> Verdicts:
            seen.setdefault(name, []).append(hash(windows.flux.tobytes()))
            return detector_judge()(windows)

        return judge

    judge_all({name: noting(name) for name in "ab"}, trial)
    assert seen["a"] == seen["b"]
    assert len(set(seen["a"])) == 3


def test_the_detector_does_what_it_can(trial: Trial) -> None:
    found = judge_all({"detector": detector_judge()}, trial)
    json.dumps(found, allow_nan=False)
    assert found["detector"]["reliability"] is None
    rows = {row["text"]: row["judges"]["detector"] for row in headline(found)}
    assert len(rows) == len(AIMS)
    assert rows["ECE at a 50/50 mix"] is None
    strong, core = (rows[aim.text] for aim in (AIMS[2], AIMS[4]))
    assert strong["value"] > 0.7
    # what makes a core shallower is what no such measurement can see
    assert core["value"] < 0.3
    assert core["met"] is False


def test_the_strict_threshold_holds_on_the_negatives(trial: Trial) -> None:
    found = judge_all({"detector": detector_judge()}, trial)["detector"]
    strict = found["false_positives"]["at most 0.5 % of negatives"]
    assert strict["forced_positive"]["count"] <= 0.005 * len(trial.negatives)
    assert found["completeness"]["threshold"] == strict["threshold"]
    assert found["degraded"]["at most 0.5 % of negatives"]["threshold"] == strict["threshold"]


@pytest.mark.parametrize("aim", AIMS, ids=lambda aim: aim.text)
def test_aims_are_met_from_their_value_on(aim: Aim) -> None:
    assert aim.met(aim.aim)
    better = 1.0 if aim.at_least else 0.0
    assert aim.met(better)
    assert not aim.met(1.0 - better)


def test_of_many_negatives_some_are_degraded(hosts: WindowSet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vo_emline.evaluate.trial.MOST_DEGRADED", 60)
    few = make_trial(hosts, seed=1, injections=100).degraded
    assert 0 < len(few) <= 60

"""False positives, completeness and bins, by judges whose answers are known."""

from __future__ import annotations

import json

import numpy as np
import pytest

from vo_emline.evaluate.data import describe
from vo_emline.evaluate.trial import (
    by_name,
    completeness,
    exceptions,
    false_positives,
    in_bins,
    spectral_types,
)
from vo_emline.evaluate.verdicts import PLAIN, Verdicts
from vo_emline.labels import DOUBLE_PEAK, LABELS
from vo_emline.preprocess import WindowSet
from vo_emline.simulate.injection import Injections, inject


def call(label: np.ndarray, *, uncertain: np.ndarray | None = None) -> Verdicts:
    return Verdicts(
        label=label.astype(np.int64),
        score=(label != 0).astype(float),
        double=label == DOUBLE_PEAK,
        uncertain=np.zeros(label.size, dtype=bool) if uncertain is None else uncertain,
    )


@pytest.fixture(scope="module")
def injections(hosts: WindowSet) -> Injections:
    return inject(hosts, 400, seed=1)


def true_labels(injections: Injections) -> np.ndarray:
    return np.array([LABELS.index(name) for name in injections.truth["label"].to_pylist()])


def test_bins_hold_every_value_once() -> None:
    values = np.array([0.5, 1.0, 3.0, 7.0, np.nan])
    rows = in_bins(values, values > 2, edges=(1.0, 5.0))
    assert [(row["low"], row["high"], row["count"], row["of"]) for row in rows] == [
        (None, 1.0, 0, 1), (1.0, 5.0, 1, 2), (5.0, None, 1, 1),
    ]  # fmt: skip
    assert by_name(["b", "a", "b"], np.array([True, False, False]))["b"]["value"] == 0.5


def test_false_positives_are_counted_by_type_and_signal(negatives: WindowSet) -> None:
    types = np.array(spectral_types(negatives))
    found = false_positives(call((types == "K").astype(int)), negatives)[PLAIN]
    by_type = found["by_type"]
    assert by_type["K"]["value"] == 1.0
    assert by_type["G"]["count"] == 0
    assert sum(row["of"] for row in by_type.values()) == len(negatives) == found["positive"]["of"]
    assert sum(row["count"] for row in found["by_snr"]) <= found["positive"]["count"]
    json.dumps(found, allow_nan=False)


def test_an_abstention_is_no_false_positive(negatives: WindowSet) -> None:
    always = np.ones(len(negatives))
    found = false_positives(call(always, uncertain=always.astype(bool)), negatives)[PLAIN]
    assert found["positive"]["count"] == 0
    assert found["forced_positive"]["value"] == 1.0
    assert all(row["count"] == 0 for row in found["by_snr"])


def test_exceptions_are_named(negatives: WindowSet) -> None:
    label = np.zeros(len(negatives))
    label[[3, 7]] = 1, 2
    listed = exceptions(call(label), negatives)
    assert [one["row"] for one in listed] == [3, 7]
    assert listed[1]["double"]
    assert negatives.identity["source"][3].as_py().endswith(f"/{listed[0]['source']}")


def test_the_description_counts_releases_and_types(negatives: WindowSet) -> None:
    told = describe(negatives)
    assert told["spectra"] == len(negatives) == sum(told["types"].values()) == sum(told["releases"].values())
    assert told["types"]["galaxy"] > 0
    assert {"A", "F", "G", "K", "M"} <= set(told["types"])


def test_who_knows_all_finds_all(injections: Injections) -> None:
    found = completeness(call(true_labels(injections)), injections, threshold=None)
    assert found["overall"]["positive"]["value"] == 1.0
    for name in ("strong", "strong_sticking_out", "core_filling", "doubles_called_double"):
        assert found[name]["value"] == 1.0, name
    assert found["singles_called_double"]["value"] == 0.0
    assert sum(row["of"] for row in found["by"]["ew"]) == len(injections)
    assert sum(row["of"] for row in found["by"]["kind"].values()) == found["strong"]["of"]
    json.dumps(found, allow_nan=False)


def test_who_calls_all_double_is_wrong_on_singles(injections: Injections) -> None:
    found = completeness(call(np.full(len(injections), DOUBLE_PEAK)), injections, threshold=0.5)
    assert found["singles_called_double"]["value"] == 1.0
    assert found["threshold"] == 0.5


def test_who_sees_nothing_finds_nothing(injections: Injections) -> None:
    found = completeness(call(np.zeros(len(injections))), injections, threshold=0.5)
    assert found["strong"]["value"] == 0.0
    assert found["doubles_called_double"]["value"] is None

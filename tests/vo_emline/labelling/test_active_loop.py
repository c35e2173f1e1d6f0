"""The loop of ``make bench-active``, small: who asks for what stands out completes the catalogue first."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"
N, PREVALENCE = 6000, 0.01


@pytest.fixture(scope="module")
def active() -> Iterator[Any]:
    """The benchmark, as a module."""
    sys.path.insert(0, str(BENCHMARKS))
    import active as module

    yield module
    sys.path.remove(str(BENCHMARKS))


def pool(module: Any, n: int, *, seed: int, emission: float = PREVALENCE, kinds: int = 2) -> Any:
    """Make spectra: emission of a known kind lies along the first feature, of another along the second."""
    random = np.random.default_rng(seed)
    label = (random.uniform(size=n) < emission).astype(np.int64)
    kind = random.integers(0, kinds, n)
    features = random.normal(size=(n, 6))
    features[np.arange(n), kind] += 8.0 * label
    return module.data.Pool(
        features=features.astype(np.float32),
        label=label,
        kind=np.where(label == 0, "none", np.where(kind == 0, "known", "new")),
        strength=np.where(label == 0, random.exponential(size=n), 30.0),
        weight=np.ones(n),
    )


@pytest.fixture(scope="module")
def trial(active: Any) -> Any:
    """A survey with two kinds of emission, and a first model that knows one of them."""
    kernel = np.zeros((6, 3))
    kernel[0] = [0.0, 4.0, 1.0]
    bias = np.array([0.0, -12.0, -18.0])
    known = pool(active, 1000, seed=1, emission=0.4, kinds=1)
    learner = active.Learner((kernel, bias), known, active.SHARES)
    survey = pool(active, N, seed=2)
    said = active.person(survey, seed=2, errors=0.0)
    return active.Trial(survey, said, pool(active, N, seed=3), learner, np.zeros(N), 2)


def test_what_stands_out_completes_the_catalogue_first(active: Any, trial: Any) -> None:
    found = {name: trial.run(name, most=800, batch=50) for name in active.STRATEGIES}
    labels = {name: one["labels"] for name, one in found.items()}
    assert labels["ours"] is not None
    assert labels["ours"] <= 100
    assert labels["random"] is None
    assert found["ours"]["emission"] > 10 * found["random"]["emission"] * labels["ours"] / 800
    first = found["ours"]["curve"][0]
    assert first["completeness"] < 0.7 < active.COMPLETENESS < found["ours"]["curve"][-1]["completeness"]
    assert first["labels"] == 0


def test_errors_of_a_person_stand_in_the_catalogue(active: Any, trial: Any) -> None:
    erring = active.person(trial.pool, seed=2, errors=0.3)
    wrong = active.Trial(trial.pool, erring, trial.judge, trial.learner, trial.strangeness, 2)
    last = wrong.run("random", most=1000, batch=500)["curve"][-1]
    assert last["precision"] < 0.5
    assert last["other"]["precision"] > last["precision"]  # nobody labelled those


def test_a_limit_is_where_the_audit_finds_the_precision(active: Any, trial: Any) -> None:
    stated = trial.learner.stated(trial.pool.features, trial.learner.start)[1]
    least = active.limit(stated, trial.pool.label, seed=1)
    assert active.figures(active.above(stated, least), trial.pool)["precision"] > 0.9
    assert active.reached([{"precision": 1.0, "completeness": c, "labels": i} for i, c in
                           enumerate([0.95, 0.5, 0.91, 0.95])]) == 2  # fmt: skip

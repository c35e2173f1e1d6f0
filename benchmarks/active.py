"""How many labels a person must give: our choice of spectra, entropy alone (as in 2020), and chance.

A first model knows half of the kinds of emission. A survey holds them all, at a prevalence of 0.5 %. A
person with a stated rate of errors labels what a strategy chooses; the last layer is refined as the product
does it, which may be refused; and so on, until the catalogue has precision 0.95 and completeness 0.9: what
people said of the spectra they saw, and of the others those above a limit of score, which an audit gives
that the same person labels. What the model alone does on *other* stars, of which nothing was ever labelled,
is measured too. The same is done on real spectra, of which some plates are labelled and others judge. What
audits of the first model estimate is compared with the truth.

Of each seed there is a JSON in the folder of results: stopped and started again, the work goes on.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import active_data as data
import numpy as np
import numpy.typing as npt
from active_figure import draw, table
from active_learner import Learner

from vo_emline.evaluate.audit import allocate, stratify
from vo_emline.evaluate.audit.estimate import estimate_many
from vo_emline.files import write_json
from vo_emline.labelling import strategies

PRECISION: Final = 0.95
COMPLETENESS: Final = 0.90

SIZE: Final = 200_000
"""Spectra of a survey."""

SEEDS: Final = (1, 2, 3, 4, 5)
"""Of emitters, errors and choices."""

ERRORS: Final = 0.02
"""Share of the labels that are wrong: emission called absorption or the other way round."""

MOST: Final = 4000
"""Labels after which a strategy has failed."""

KNOWN: Final = 4000
"""Spectra of known truth beside the labelled ones: as many as keep a fit within a second."""

AUDIT: Final = 600
"""Labels of an audit."""

LEAST_ABOVE: Final = 20
"""Labels of an audit that must lie above a limit of score for the precision there to be known."""

AUDITS: Final = 1000
"""Audits whose intervals are compared with the truth."""

SHARES: Final = (1.0 - data.PREVALENCE, 0.7 * data.PREVALENCE, 0.3 * data.PREVALENCE)

Single = npt.NDArray[np.float32]
Scores = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]


@dataclass
class State:
    """What a strategy chooses from."""

    pool: data.Pool
    strangeness: npt.NDArray[np.float64]
    seed: int
    free: npt.NDArray[np.bool_]
    """Which nobody has labelled, shape (n,)."""
    balanced: Single = field(default_factory=lambda: np.empty((0, 3), np.float32))
    """Probabilities at even shares, shape (n, 3)."""
    stated: Single = field(default_factory=lambda: np.empty((0, 3), np.float32))
    """At the shares of the survey, shape (n, 3)."""
    reasons: Counter[str] = field(default_factory=Counter)


def chance(state: State, n: int) -> npt.NDArray[np.int64]:
    """Choose at random."""
    return np.random.default_rng([state.seed, 3]).permutation(np.flatnonzero(state.free))[:n]


def entropy(state: State, n: int) -> npt.NDArray[np.int64]:
    """Choose the most uncertain, again and again: the way of 2020, by what the network gives."""
    return strategies.uncertain(state.balanced, n, seed=state.seed, allowed=state.free).rows


def ours(state: State, n: int) -> npt.NDArray[np.int64]:
    """Choose what surprises, what is uncertain at the survey's shares, and what is strange, all diverse."""
    positive = state.stated.argmax(axis=1) != 0
    options: dict[str, Any] = {"seed": state.seed, "allowed": state.free}
    features = state.pool.features
    chosen = strategies.blend(
        {
            "surprising": strategies.surprising(positive, n, strength=state.pool.strength, **options),
            "uncertain": strategies.uncertain(state.stated, n, features=features, **options),
            "unlike_training": strategies.unlike_training(
                np.where(positive, state.strangeness, 0.0), n, features=features, **options
            ),
        },
        n,
    )
    state.reasons.update(chosen.reasons)
    return chosen.rows


Strategy = Callable[[State, int], npt.NDArray[np.int64]]
STRATEGIES: Final[dict[str, tuple[Strategy, int]]] = {
    "ours": (ours, 100),
    "entropy (2020)": (entropy, 100),
    "random": (chance, 500),
}
"""Each with the labels that it asks for between two fits; a fit after every 100 helps chance no more."""


def person(pool: data.Pool, *, seed: int, errors: float) -> npt.NDArray[np.int64]:
    """Give what a person says of every spectrum: the same, whenever they are asked."""
    random = np.random.default_rng([seed, 4])
    wrong = random.uniform(size=len(pool)) < errors
    other = np.where(pool.emission, 0, random.integers(1, 3, len(pool)))
    return np.asarray(np.where(wrong, other, pool.label), dtype=np.int64)


def sample(score: Scores, called: npt.NDArray[np.bool_], *, seed: int) -> tuple[Rows, Scores]:
    """Draw an audit; give its spectra and how many of the survey each stands for."""
    stratum, _ = stratify(score, called)
    size = np.bincount(stratum)
    drawn = allocate(size, np.bincount(stratum, weights=score) / size, AUDIT)
    random = np.random.default_rng([seed, 6])
    rows = [random.permutation(np.flatnonzero(stratum == one))[:n] for one, n in enumerate(drawn)]
    weight = np.repeat(size / np.maximum(drawn, 1), [len(one) for one in rows])
    return np.concatenate(rows), weight


def limit(stated: Single, said: Rows, *, seed: int) -> float:
    """Give the least score above which an audit, labelled by the person, finds the precision aimed at.

    Where it finds it nowhere, the highest that has labels enough above it.
    """
    score = 1.0 - stated[:, 0].astype(np.float64)
    rows, weight = sample(score, stated.argmax(axis=1) != 0, seed=seed)
    order = np.argsort(-score[rows], kind="stable")
    rows, weight = rows[order], weight[order]
    precision = np.cumsum(weight * (said[rows] != 0)) / np.cumsum(weight)
    pure = np.flatnonzero(precision >= PRECISION)
    last = max(int(pure[-1]) if pure.size else 0, min(LEAST_ABOVE, len(rows)) - 1)
    return float(score[rows[last]])


def figures(found: npt.NDArray[np.bool_], pool: data.Pool) -> dict[str, float]:
    """Measure precision and completeness of what was found among some spectra."""
    right = float(pool.weight[found & pool.emission].sum())
    return {
        "precision": right / max(float(pool.weight[found].sum()), 1e-9),
        "completeness": right / float(pool.weight[pool.emission].sum()),
    }


def above(stated: Single, least: float) -> npt.NDArray[np.bool_]:
    """Tell which spectra have at least this score."""
    return np.asarray(1.0 - stated[:, 0].astype(np.float64) >= least)


@dataclass(frozen=True)
class Trial:
    """A survey, who labels it, who judges, and what learns."""

    pool: data.Pool
    said: npt.NDArray[np.int64]
    judge: data.Pool
    learner: Learner
    strangeness: npt.NDArray[np.float64]
    seed: int

    def run(self, name: str, *, most: int = MOST, batch: int | None = None) -> dict[str, Any]:
        """Let one strategy choose until the catalogue meets both aims; give the learning curve."""
        strategy, usual = STRATEGIES[name]
        batch = batch or usual
        state = State(self.pool, self.strangeness, self.seed, np.ones(len(self.pool), dtype=bool))
        rows = np.empty(0, dtype=np.int64)
        curve = list[dict[str, Any]]()
        layer, refused = self.learner.start, 0
        while True:
            refined = self.learner.fit(self.pool.features[rows], self.said[rows])
            refused += refined is None and len(rows) > 0
            layer = layer if refined is None else refined
            state.balanced, state.stated = self.learner.stated(self.pool.features, layer)
            least = limit(state.stated, self.said, seed=self.seed + len(rows))
            catalogue = above(state.stated, least)
            catalogue[rows] = self.said[rows] != 0
            other = above(self.learner.stated(self.judge.features, layer)[1], least)
            found = {**figures(catalogue, self.pool), "other": figures(other, self.judge)}
            curve.append({"labels": len(rows), "score": least, **found})
            if reached(curve) is not None or len(rows) >= min(most, len(self.pool)):
                break
            chosen = strategy(state, min(batch, most - len(rows)))
            if not chosen.size:
                break
            state.free[chosen] = False
            state.seed += 1000
            rows = np.concatenate([rows, chosen])
        return {
            "curve": curve,
            "labels": reached(curve),
            "emission": int(self.pool.emission[rows].sum()),
            "refused": refused,
            "reasons": dict(state.reasons),
        }


def reached(curve: list[dict[str, Any]]) -> int | None:
    """Give the labels after which both aims are met twice in a row; None where they never are."""
    met = [one["precision"] >= PRECISION and one["completeness"] >= COMPLETENESS for one in curve]
    for number in range(len(met) - 1):
        if met[number] and met[number + 1]:
            return int(curve[number]["labels"])
    return None


def audits(stated: Single, said: npt.NDArray[np.int64], *, seed: int) -> dict[str, float]:
    """Draw many audits and tell how often their intervals hold the truth about what people would say.

    What is true is what `said` says of all: with the truth itself, that is the truth; with a person's labels,
    whatever they would say of every spectrum, errors included.
    """
    called, emission = stated.argmax(axis=1) != 0, said != 0
    score = 1.0 - stated[:, 0].astype(np.float64)
    stratum, _ = stratify(score, called)
    size = np.bincount(stratum)
    drawn = allocate(size, np.bincount(stratum, weights=score) / size, AUDIT)
    emitters = np.bincount(stratum, weights=emission).astype(np.int64)
    positive = np.bincount(stratum, weights=called) > 0
    seen = np.random.default_rng([seed, 5]).hypergeometric(
        emitters, size - emitters, drawn, size=(AUDITS, len(size))
    )
    found = estimate_many(seen, labelled=drawn, size=size, positive=positive)
    right = (called & emission).sum()
    truth = {
        "prevalence": emission.mean(),
        "precision": right / called.sum(),
        "recall": right / emission.sum(),
    }
    ends = {name: getattr(found, f"{name}_interval") for name in truth}
    return {
        name: float(np.mean((ends[name][:, 0] <= v) & (v <= ends[name][:, 1]))) for name, v in truth.items()
    }


def simulated_seed(first: data.First, survey: data.Simulated, *, seed: int) -> dict[str, Any]:
    """Put the strategies to one simulated survey."""
    began = time.process_time()
    pool = survey.draw(SIZE, seed=seed)
    known = first.known.take(np.random.default_rng(seed).permutation(len(first.known))[:KNOWN])
    learner = Learner.of(first, known, SHARES)
    said = person(pool, seed=seed, errors=ERRORS)
    strangeness = first.familiarity.strangeness(pool.features.astype(np.float64))
    trial = Trial(pool, said, survey.judge, learner, strangeness, seed)
    stated = learner.stated(pool.features, learner.start)[1]
    found: dict[str, Any] = {"spectra": len(pool), "emission": int(pool.emission.sum())}
    found["coverage"] = audits(stated, pool.label, seed=seed)
    found["coverage of what people say"] = audits(stated, said, seed=seed)
    found["strategies"] = {name: trial.run(name) for name in STRATEGIES}
    return {**found, "cpu_s": time.process_time() - began}


def real_seed(first: data.First, field_: Path, *, seed: int) -> dict[str, Any]:
    """Label half of the plates of real spectra; the others judge."""
    began = time.process_time()
    pool, plate = data.real(first, field_)
    plates = np.unique(plate)
    ours_ = np.isin(plate, np.random.default_rng(seed).permutation(plates)[: len(plates) // 2])
    known = first.known.take(np.random.default_rng(seed).permutation(len(first.known))[:KNOWN])
    learner = Learner.of(first, known, SHARES)
    half, other = pool.take(np.flatnonzero(ours_)), pool.take(np.flatnonzero(~ours_))
    strangeness = first.familiarity.strangeness(half.features.astype(np.float64))
    trial = Trial(half, half.label, other, learner, strangeness, seed)
    found = {"spectra": len(half), "emission": int(half.emission.sum()), "judge": int(other.emission.sum())}
    runs = {name: trial.run(name, batch=10) for name in STRATEGIES}
    return {**found, "strategies": runs, "cpu_s": time.process_time() - began}


def main() -> None:
    """Measure, and write tables and the figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--results", type=Path, default=Path("build/active"), help="folder of results")
    parser.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS))
    parser.add_argument("--field", type=Path, help="real spectra with labels.csv: labels by eye")
    parser.add_argument("--figure", type=Path, help="where the learning curves are drawn")
    options = parser.parse_args()
    results: Path = options.results
    todo = [seed for seed in options.seeds if not (results / f"simulated-{seed}.json").is_file()]
    first = data.first_model(results / "first")
    if todo:
        survey = data.Simulated.make(first, SIZE, results / "survey.npy")
        for seed in todo:
            write_json(results / f"simulated-{seed}.json", simulated_seed(first, survey, seed=seed))
            sys.stderr.write(f"survey {seed} done\n")
    for seed in options.seeds if options.field else []:
        if not (results / f"real-{seed}.json").is_file():
            write_json(results / f"real-{seed}.json", real_seed(first, options.field, seed=seed))
    found = {
        kind: [json.loads(path.read_text()) for path in sorted(results.glob(f"{kind}-*.json"))]
        for kind in ("simulated", "real")
    }
    sys.stdout.write(table(found) + "\n")
    if options.figure:
        draw(found, options.figure, aims=(PRECISION, COMPLETENESS))


if __name__ == "__main__":
    main()

"""The intervals of an audit hold the truth as often as they claim, in 1000 simulated audits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest
from scipy.stats import binom

from vo_emline.evaluate.audit import Allocation, allocate, stratify
from vo_emline.evaluate.audit.estimate import Estimates, estimate_many, likelihood_interval

TRIALS = 1000


@dataclass
class Catalogue:
    """What is in each stratum of a catalogue."""

    size: npt.NDArray[np.int64]
    emitters: npt.NDArray[np.int64]
    expected: npt.NDArray[np.float64]
    positive: npt.NDArray[np.bool_]

    def truth(self) -> dict[str, float]:
        right = self.emitters[self.positive].sum()
        return {
            "prevalence": self.emitters.sum() / self.size.sum(),
            "precision": right / self.size[self.positive].sum(),
            "recall": right / self.emitters.sum(),
        }


def catalogue(mean_logit: float, *, seed: int = 1) -> Catalogue:
    """A catalogue of 200 000 spectra, whose scores are right on average and far from perfect."""
    random = np.random.default_rng(seed)
    score = 1.0 / (1.0 + np.exp(-random.normal(mean_logit, 3.5, 200_000)))
    truth = random.uniform(size=score.size) < score
    stratum, _ = stratify(score, score > 0.5)
    size = np.bincount(stratum)
    return Catalogue(
        size=size,
        emitters=np.bincount(stratum, weights=truth).astype(np.int64),
        expected=np.bincount(stratum, weights=score) / size,
        positive=np.bincount(stratum, weights=score > 0.5) > 0,
    )


def audits(known: Catalogue, n: int, allocation: Allocation) -> Estimates:
    drawn = allocate(known.size, known.expected, n, allocation=allocation)
    seen = np.random.default_rng(2).hypergeometric(
        known.emitters, known.size - known.emitters, drawn, size=(TRIALS, len(drawn))
    )
    return estimate_many(seen, labelled=drawn, size=known.size, positive=known.positive)


def coverage(known: Catalogue, found: Estimates) -> dict[str, float]:
    held = {}
    for name, value in known.truth().items():
        low, high = getattr(found, f"{name}_interval").T
        held[name] = float(np.mean((low <= value) & (value <= high)))
    return held


@pytest.mark.parametrize(("mean_logit", "n"), [(-9.0, 1000), (-6.3, 600)], ids=["1 %", "5 %"])
def test_intervals_cover_in_93_to_97_of_100_audits(mean_logit: float, n: int) -> None:
    known = catalogue(mean_logit)
    found = audits(known, n, "optimal")
    for name, value in known.truth().items():
        assert np.mean(getattr(found, name)) == pytest.approx(value, rel=0.06), name
    held = coverage(known, found)
    assert all(0.93 <= share <= 0.97 for share in held.values()), held


def test_equal_allocation_errs_on_the_safe_side() -> None:
    """Few labels in the largest stratum: intervals are wider than they need be, never too narrow."""
    held = coverage(known := catalogue(-6.3), audits(known, 600, "equal"))
    assert all(share >= 0.93 for share in held.values()), held


def exact_coverage(expected: npt.NDArray[np.float64], labelled: int) -> npt.NDArray[np.float64]:
    """How often one stratum's interval holds a share that lets so many errors be expected: no simulation."""
    seen = np.arange(labelled + 1)
    trials = np.full((labelled + 1, 1), float(labelled))
    low, high = likelihood_interval(seen[:, None].astype(float), trials, of=np.array([1.0])).T
    share = (expected / labelled)[:, None]
    return np.asarray((binom.pmf(seen, labelled, share) * ((low <= share) & (share <= high))).sum(axis=1))


def test_rare_errors_cover_too_often_or_too_seldom_and_more_of_them_as_stated() -> None:
    """Counts are whole: what no error must admit, and one that is barely not admitted, cannot give 95 %."""
    rare = exact_coverage(np.linspace(0.05, 1.0, 200), 200)
    few = exact_coverage(np.linspace(1.0, 5.0, 200), 200)
    many = exact_coverage(np.linspace(5.0, 20.0, 200), 200)
    assert rare.mean() > 0.97
    assert few.min() < 0.93 <= few.mean() <= 0.97
    assert 0.93 <= many.mean() <= 0.97
    assert many.min() > 0.92

"""Calibration: whether probabilities mean what they say at a stated prevalence."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from vo_emline.arrays import BoolArray, FloatArray
from vo_emline.labels import LABELS
from vo_emline.training.calibration import correct_prior
from vo_emline.training.metrics import binomial_interval
from vo_emline.training.options import EVEN

BINS: Final = 10
BOOTSTRAPS: Final = 300
"""Resamples of the spectra behind the interval of an ECE."""


def stated_shares(prevalence: float, positive: npt.NDArray[np.int64]) -> tuple[float, float, float]:
    """Give the class shares of a sample whose positives, of these labels, make up `prevalence`."""
    counts = np.bincount(positive, minlength=len(LABELS))[1:] + 0.5
    emission, double = (prevalence * counts / counts.sum()).tolist()
    return 1.0 - prevalence, emission, double


def reliability(
    negatives: FloatArray,
    positives: FloatArray,
    *,
    label: npt.NDArray[np.int64],
    prevalence: float,
    seed: int = 0,
) -> dict[str, Any]:
    """Compare the probability of emission with its frequency, at a stated prevalence.

    The probabilities are corrected to the prevalence (Saerens et al. 2002,
    Neural Computation 14, 21), and the spectra are weighted so that positives
    make it up.

    Parameters
    ----------
    negatives, positives
        Probabilities where the classes are equally frequent, of spectra
        without and with emission, shape (n, 3) and (m, 3).
    label
        True class of the positives, shape (m,).
    prevalence
        Share of spectra with emission, within (0, 1).
    seed
        Of the bootstrap.

    Returns
    -------
    dict
        JSON-ready: ``prevalence``; ``bins``, each with its ends, the mean
        ``predicted`` probability, the ``observed`` frequency with its
        ``interval``, and its ``weight``; ``ece``, the mean distance of the two
        (Guo et al. 2017, equation 3) with the ``interval`` of a bootstrap over
        the spectra (Efron & Tibshirani 1993, chapter 13), which errs upwards as
        the ECE of few spectra does; ``brier``, the mean squared error of the
        probability of emission (Brier 1950: 0 to 1).
    """
    shares = stated_shares(prevalence, label)
    score = _scores(np.concatenate([negatives, positives]), shares)
    truth = np.arange(score.size) >= len(negatives)
    weight = np.where(truth, prevalence / max(len(positives), 1), (1 - prevalence) / max(len(negatives), 1))
    bins = _bins(score, truth, weight)
    return {
        "prevalence": prevalence,
        "shares": list(shares),
        "bins": bins,
        "ece": {
            "value": _ece(score, truth, weight),
            "interval": _ece_interval(score, truth, weight, seed=seed),
        },
        "brier": float(np.average(np.square(score - truth), weights=weight)),
    }


def _scores(balanced: FloatArray, shares: tuple[float, float, float]) -> FloatArray:
    corrected = correct_prior(balanced, trained=EVEN, stated=shares)
    return np.asarray(corrected[:, 1:].sum(axis=1, dtype=np.float64).clip(0.0, 1.0))


def _ece(score: FloatArray, truth: BoolArray, weight: FloatArray) -> float:
    index = np.minimum((score * BINS).astype(int), BINS - 1)
    gap = np.bincount(index, weights=weight * (score - truth), minlength=BINS)
    return float(np.abs(gap).sum() / weight.sum())


def _ece_interval(score: FloatArray, truth: BoolArray, weight: FloatArray, *, seed: int) -> list[float]:
    """Resample negatives and positives, each kind among itself."""
    random = np.random.default_rng([seed, 16])
    kinds = [rows for rows in (np.flatnonzero(truth), np.flatnonzero(~truth)) if rows.size]
    resampled = []
    for _ in range(BOOTSTRAPS):
        rows = np.concatenate([random.choice(kind, kind.size) for kind in kinds])
        resampled.append(_ece(score[rows], truth[rows], weight[rows]))
    found: list[float] = np.quantile(resampled, [0.025, 0.975]).tolist()
    return found


def _bins(score: FloatArray, truth: BoolArray, weight: FloatArray) -> list[dict[str, Any]]:
    index = np.minimum((score * BINS).astype(int), BINS - 1)
    odds = weight[truth][0] / weight[~truth][0] if truth.any() and not truth.all() else 1.0
    found = []
    for number in np.unique(index).tolist():
        inside = index == number
        hits, total = int(truth[inside].sum()), int(inside.sum())
        interval = [_reweighted(end, odds) for end in binomial_interval(hits, total)]
        found.append(
            {
                "low": number / BINS,
                "high": (number + 1) / BINS,
                "predicted": float(np.average(score[inside], weights=weight[inside])),
                "observed": _reweighted(hits / total, odds),
                "interval": interval,
                "weight": float(weight[inside].sum()),
            }
        )
    return found


def _reweighted(share: float, odds: float) -> float:
    """Turn a share among spectra counted alike into one where each positive counts `odds` times."""
    return share * odds / (share * odds + 1.0 - share)

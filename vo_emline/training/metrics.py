"""What probabilities are worth on held-out stars, and the linear classifier that a network has to beat."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy.stats import beta

from vo_emline.arrays import IntArray
from vo_emline.labels import LABELS

BOOTSTRAPS: Final = 1000
"""Resamples of the stars behind each interval of an F1."""


def binomial_interval(successes: int, trials: int, *, level: float = 0.95) -> tuple[float, float]:
    """Give the exact interval of a proportion (Clopper & Pearson 1934, Biometrika 26, 404).

    >>> low, high = binomial_interval(0, 10)
    >>> low, round(high, 4)
    (0.0, 0.3085)
    """
    tail = (1 - level) / 2
    low = float(beta.ppf(tail, successes, trials - successes + 1)) if successes else 0.0
    high = float(beta.ppf(1 - tail, successes + 1, trials - successes)) if successes < trials else 1.0
    return low, high


def confusion_matrix(label: IntArray, predicted: IntArray) -> IntArray:
    """Count true classes (rows) against predicted ones (columns), shape (3, 3)."""
    counts = np.zeros((len(LABELS), len(LABELS)), dtype=np.int64)
    np.add.at(counts, (label, predicted), 1)
    return counts


def f1_scores(confusion: npt.NDArray[np.number[Any]]) -> npt.NDArray[np.float64]:
    """Give the F1 of each class, shape (…, 3, 3) → (…, 3); 0 where a class never occurs."""
    hits = np.diagonal(confusion, axis1=-2, axis2=-1)
    either = confusion.sum(axis=-1) + confusion.sum(axis=-2)
    return np.asarray(2 * hits / np.maximum(either, 1), dtype=np.float64)


def f1_intervals(
    label: IntArray, predicted: IntArray, star: IntArray, *, seed: int = 0, level: float = 0.95
) -> npt.NDArray[np.float64]:
    """Give the interval of each class's F1 by resampling whole stars, shape (3, 2).

    The cluster bootstrap of Davison & Hinkley (1997), *Bootstrap Methods and
    their Application*, section 3.8: spectra of one star stand or fall together.
    """
    row = np.unique(star, return_inverse=True)[1]
    per_star = np.zeros((row.max(initial=-1) + 1, len(LABELS), len(LABELS)), dtype=np.int64)
    np.add.at(per_star, (row, label, predicted), 1)
    n = len(per_star)
    if not n:
        return np.zeros((len(LABELS), 2))
    draws = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / max(n, 1)), size=BOOTSTRAPS)
    scores = f1_scores(np.tensordot(draws, per_star, axes=1))
    tail = (1 - level) / 2
    return np.quantile(scores, [tail, 1 - tail], axis=0).T


def expected_calibration_error(
    label: IntArray, probability: npt.NDArray[np.floating], *, bins: int = 15
) -> float:
    """Give the mean gap of confidence and accuracy over equal bins (Guo et al. 2017, equation 3)."""
    confidence = probability.max(axis=1)
    right = probability.argmax(axis=1) == label
    index = np.minimum((confidence * bins).astype(int), bins - 1)
    gap = np.bincount(index, weights=right - confidence, minlength=bins)
    return float(np.abs(gap).sum() / max(len(label), 1))


def brier_score(label: IntArray, probability: npt.NDArray[np.floating]) -> float:
    """Give the mean squared error of the probabilities, summed over classes (Brier 1950): 0 to 2."""
    truth = np.eye(len(LABELS))[label]
    return float(((probability - truth) ** 2).sum(axis=1).mean()) if len(label) else 0.0


def evaluate(
    label: IntArray, probability: npt.NDArray[np.floating], star: IntArray, *, seed: int = 0
) -> dict[str, Any]:
    """Measure a classifier on held-out stars.

    Parameters
    ----------
    label
        True class index, shape (n,).
    probability
        Class probabilities, shape (n, 3).
    star
        Number of the star of each spectrum, shape (n,).
    seed
        Seed of the bootstrap.

    Returns
    -------
    dict
        JSON-ready: ``n_spectra``, ``n_stars``, ``accuracy`` (with interval), ``confusion``, ``classes`` (per
        class ``precision``, ``recall``, ``f1``, each with a 95 % interval, and ``support``),
        ``false_positive_rate`` of absorption spectra, ``ece`` and ``brier``.
    """
    predicted = probability.argmax(axis=1).astype(np.int64)
    confusion = confusion_matrix(label, predicted)
    negatives = int(confusion[0].sum())
    intervals = f1_intervals(label, predicted, star, seed=seed)
    return {
        "n_spectra": len(label),
        "n_stars": len(np.unique(star)),
        "labels": list(LABELS),
        "accuracy": proportion(int(np.trace(confusion)), len(label)),
        "confusion": confusion.tolist(),
        "classes": {
            name: _class_metrics(confusion, index, intervals[index]) for index, name in enumerate(LABELS)
        },
        "false_positive_rate": proportion(negatives - int(confusion[0, 0]), negatives),
        "ece": expected_calibration_error(label, probability),
        "brier": brier_score(label, probability),
    }


def proportion(successes: int, trials: int) -> dict[str, Any]:
    """Describe a proportion: value (None without trials), exact 95 % interval and the counts."""
    return {
        "value": successes / trials if trials else None,
        "interval": list(binomial_interval(successes, trials)),
        "count": successes,
        "of": trials,
    }


def _class_metrics(confusion: IntArray, index: int, f1_interval: npt.NDArray[np.float64]) -> dict[str, Any]:
    hits = int(confusion[index, index])
    return {
        "precision": proportion(hits, int(confusion[:, index].sum())),
        "recall": proportion(hits, int(confusion[index].sum())),
        "f1": {"value": float(f1_scores(confusion)[index]), "interval": f1_interval.tolist()},
        "support": int(confusion[index].sum()),
    }


MAX_ITERATIONS = 500
REGULARISATION = 0.1
"""Inverse strength of the L2 penalty; 140 correlated pixels want a strong one."""


def logistic_regression(
    flux: npt.NDArray[np.float32], label: npt.NDArray[np.int64], *, predict: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """Train a linear classifier and give its probabilities for other windows.

    Classes are weighted to count alike, as SMOTE does for the network.

    Parameters
    ----------
    flux
        Scaled windows of the training split, shape (n, 140).
    label
        Class index of each, shape (n,).
    predict
        Scaled windows to classify, shape (m, 140).

    Returns
    -------
    numpy.ndarray
        Probabilities, shape (m, 3).
    """
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=REGULARISATION, class_weight="balanced", max_iter=MAX_ITERATIONS, tol=1e-3)
    model.fit(flux, label)
    if not len(predict):
        return np.empty((0, len(model.classes_)), dtype=np.float32)
    return np.asarray(model.predict_proba(predict), dtype=np.float32)

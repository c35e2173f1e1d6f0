"""Probabilities that mean what they say: temperature scaling and correction to a stated prevalence."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.special import log_softmax, softmax

TEMPERATURES = (0.05, 20.0)
"""Bounds within which the temperature is sought."""


def fit_temperature(
    logits: npt.NDArray[np.floating],
    label: npt.NDArray[np.int64],
    *,
    weight: npt.NDArray[np.floating] | None = None,
) -> float:
    """Find the temperature that makes the probabilities of held-out stars most likely.

    One number divides all logits, so the most probable class never changes
    (Guo et al. 2017, ICML, arXiv:1706.04599, section 4.2).

    Parameters
    ----------
    logits
        Output of the network on the validation split, shape (n, classes).
    label
        True class index, shape (n,).
    weight
        Weight of each, shape (n,); None for equal ones. With weights that make the classes count
        alike, the probabilities hold where they are equally frequent, as in balanced training.

    Returns
    -------
    float
        Temperature, 1.0 when there is nothing to fit on.
    """
    if not len(label):
        return 1.0
    exact = np.asarray(logits, dtype=np.float64)
    rows = np.arange(len(label))
    weights = np.ones(len(label)) if weight is None else weight

    from scipy.optimize import minimize_scalar  # slow to import; only those who train need it

    def loss(log_temperature: float) -> float:
        log_p = log_softmax(exact / np.exp(log_temperature), axis=1)[rows, label]
        return -float(np.average(log_p, weights=weights))

    bounds = (math.log(TEMPERATURES[0]), math.log(TEMPERATURES[1]))
    return float(np.exp(minimize_scalar(loss, bounds=bounds, method="bounded").x))


def probabilities(logits: npt.NDArray[np.floating], *, temperature: float = 1.0) -> npt.NDArray[np.float32]:
    """Turn logits, shape (n, classes), into probabilities at `temperature`."""
    return np.asarray(softmax(np.asarray(logits, dtype=np.float64) / temperature, axis=1), dtype=np.float32)


def correct_prior(
    probability: npt.NDArray[np.floating],
    *,
    trained: Sequence[float],
    stated: Sequence[float],
) -> npt.NDArray[np.float32]:
    """Correct probabilities to another prevalence of the classes.

    Bayes' rule with the likelihood unchanged (Saerens et al. 2002, Neural
    Computation 14, 21, equation 2.4).

    Parameters
    ----------
    probability
        Probabilities at the prevalence of the training, shape (n, classes).
    trained, stated
        Share of each class in training, and in the survey as the user states it, shape (classes,).

    Returns
    -------
    numpy.ndarray
        Corrected probabilities, rows sum to 1.
    """
    ratio = np.asarray(stated, dtype=np.float64) / np.asarray(trained, dtype=np.float64)
    weighted = np.asarray(probability, dtype=np.float64) * ratio
    return np.asarray(weighted / weighted.sum(axis=1, keepdims=True), dtype=np.float32)

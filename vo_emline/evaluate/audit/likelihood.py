"""Confidence intervals for shares of a stratified population, by profile likelihood.

Rare positives make normal and bootstrap intervals fail: a large stratum in
which the sample shows none would count as known to hold none. The likelihood
of that stratum knows better. An interval holds the values that the likelihood
ratio test does not reject (Wilks 1938, Ann. Math. Stat. 9, 60; for stratified
surveys Wu & Rao 2006, Can. J. Stat. 34, 359), each stratum being binomial with
as many trials as give its variance without replacement.

Everything works on many samples at once, which is how the coverage is tested.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from scipy.special import xlogy
from scipy.stats import chi2

from vo_emline.arrays import FloatArray

Constraint = Callable[[FloatArray], tuple[FloatArray, FloatArray]]
"""From values of a quantity, shape (k,), to coefficients c, shape (k, strata), and totals t, shape (k,):
the shares p of the strata have that value where c·p = t."""

_CENSUS: Final = 1e9
_ROUNDS: Final = 45


def effective_trials(drawn: FloatArray, size: FloatArray) -> FloatArray:
    """Give the binomial trials whose variance is that of `drawn` out of `size` without replacement."""
    with np.errstate(divide="ignore"):
        return np.minimum(drawn * (size - 1.0) / np.maximum(size - drawn, 0.0), _CENSUS)


def profile_interval(
    hits: FloatArray, trials: FloatArray, *, constraint: Constraint, point: FloatArray, level: float = 0.95
) -> tuple[FloatArray, FloatArray]:
    """Give the interval of a share between 0 and 1.

    Parameters
    ----------
    hits, trials
        Positives and (effective) trials of each stratum, shape (k, strata),
        for each of k samples.
    constraint
        What the shares of the strata are where the quantity has a value.
    point
        The quantity at the most likely shares, shape (k,).
    level
        Confidence.

    Returns
    -------
    tuple
        Lower and upper ends, shape (k,).
    """
    most = _log_likelihood(hits, trials, hits / trials)
    limit = chi2.ppf(level, 1)
    ends = []
    for bound in (0.0, 1.0):
        inside, outside = point.copy(), np.full_like(point, bound)
        for _ in range(_ROUNDS):
            value = (inside + outside) / 2.0
            coefficients, total = constraint(value)
            likely = _log_likelihood(hits, trials, _constrained(hits, trials, coefficients, total))
            accepted = 2.0 * (most - likely) <= limit
            inside, outside = np.where(accepted, value, inside), np.where(accepted, outside, value)
        ends.append((inside + outside) / 2.0)
    return ends[0], ends[1]


def _log_likelihood(hits: FloatArray, trials: FloatArray, share: FloatArray) -> FloatArray:
    return np.asarray((xlogy(hits, share) + xlogy(trials - hits, 1.0 - share)).sum(axis=-1))


def _constrained(
    hits: FloatArray, trials: FloatArray, coefficients: FloatArray, total: FloatArray
) -> FloatArray:
    """Find the most likely shares with c·p = t, by bisection of the Lagrange multiplier."""
    largest = np.abs(coefficients).max(axis=-1)
    scale = np.where(largest > 0, largest, 1.0)
    # the sinh reaches multipliers of all sizes and both signs
    low, high = np.full(total.shape, -40.0), np.full(total.shape, 40.0)
    for _ in range(_ROUNDS + 15):
        middle = (low + high) / 2.0
        share = _tilted(hits, trials, coefficients * (np.sinh(middle) / scale)[:, None])
        above = (coefficients * share).sum(axis=-1) > total
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    return _tilted(hits, trials, coefficients * (np.sinh((low + high) / 2.0) / scale)[:, None])


def _tilted(hits: FloatArray, trials: FloatArray, pull: FloatArray) -> FloatArray:
    """Solve hits/p − (trials − hits)/(1 − p) = pull for the share p of each stratum."""
    b = pull + trials
    root = np.sqrt(np.maximum(b * b - 4.0 * pull * hits, 0.0))
    safe = np.where(pull == 0, 1.0, pull)
    upper = 2.0 * hits / np.where(b > 0, b + root, 1.0)
    return np.clip(np.where(b > 0, upper, (b - root) / (2.0 * safe)), 0.0, 1.0)

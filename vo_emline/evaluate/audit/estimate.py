"""Prevalence, precision and recall of a whole catalogue from a labelled sample of it.

Confidence intervals are those of the profile likelihood. Rare positives make normal and bootstrap
intervals fail: a large stratum in which the sample shows none would count as known to hold none. The
likelihood of that stratum knows better. An interval holds the values that the likelihood ratio test does
not reject (Wilks 1938, Ann. Math. Stat. 9, 60; for stratified surveys Wu & Rao 2006, Can. J. Stat. 34,
359), each stratum being binomial with as many trials as give its variance without replacement. The
likelihood works on many samples at once, which is how the coverage is tested.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy.special import xlogy
from scipy.stats import chi2

from vo_emline.arrays import FloatArray
from vo_emline.errors import UserError


@dataclass(frozen=True, slots=True, kw_only=True)
class Stratum:
    """One stratum of a catalogue and what the labels say of it."""

    name: str
    size: int
    """Spectra of the catalogue in it."""
    positive: bool
    """Whether these were called positive."""
    labelled: int
    """Spectra of it with a label."""
    hits: int
    """How many of them show emission."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimates:
    """Estimates of many samples of one catalogue; every array has shape (k,), intervals (k, 2)."""

    prevalence: FloatArray
    prevalence_interval: FloatArray
    precision: FloatArray
    precision_interval: FloatArray
    recall: FloatArray
    recall_interval: FloatArray

    def to_dict(self, row: int = 0) -> dict[str, Any]:
        """Give one sample's estimates: ``value`` (None where nothing is known) and ``interval`` of each."""
        return {
            name: {
                "value": _number(getattr(self, name)[row]),
                "interval": getattr(self, f"{name}_interval")[row].tolist(),
            }
            for name in ("prevalence", "precision", "recall")
        }


def estimate(strata: Sequence[Stratum], *, level: float = 0.95) -> Estimates:
    """Estimate prevalence, precision and recall from one labelled sample.

    Raises
    ------
    UserError
        A stratum has no label: nothing could be said of the whole.
    """
    empty = [stratum.name for stratum in strata if not stratum.labelled]
    if empty or not strata:
        raise UserError(
            f"no spectrum of the strata {', '.join(empty)} has a label yet; label some of each"
            if strata
            else "the sample is empty"
        )
    return estimate_many(
        np.array([[stratum.hits for stratum in strata]]),
        labelled=np.array([stratum.labelled for stratum in strata]),
        size=np.array([stratum.size for stratum in strata]),
        positive=np.array([stratum.positive for stratum in strata], dtype=bool),
        level=level,
    )


def estimate_many(
    hits: npt.NDArray[np.int64],
    *,
    labelled: npt.NDArray[np.int64],
    size: npt.NDArray[np.int64],
    positive: npt.NDArray[np.bool_],
    level: float = 0.95,
) -> Estimates:
    """Estimate from k samples of one catalogue.

    The stratified Horvitz-Thompson estimator counts each labelled spectrum
    for ``size / labelled`` of the catalogue (Horvitz & Thompson 1952, JASA 47,
    663; Cochran 1977, *Sampling Techniques*, sections 5.3 and 5A.2); precision
    and recall are ratios of such totals (Särndal, Swensson & Wretman 1992,
    *Model Assisted Survey Sampling*, section 5.6). For the intervals see
    :mod:`~vo_emline.evaluate.audit.estimate`.

    Parameters
    ----------
    hits
        Labelled spectra with emission, shape (k, strata).
    labelled, size, positive
        The design: spectra labelled of each stratum, spectra it has in the
        catalogue, and whether these were called positive, shape (strata,);
        the number labelled may differ from sample to sample, shape (k, strata).
    level
        Confidence.
    """
    weight = size / size.sum()
    share = hits / labelled
    among = weight * positive
    prevalence, true_positive = share @ weight, share @ among
    trials = np.broadcast_to(effective_trials(labelled.astype(float), size.astype(float)), share.shape)
    options: dict[str, Any] = {"hits": share * trials, "trials": trials, "level": level}
    called, any_found = max(among.sum(), 1e-300), prevalence > 0
    any_called = np.full(len(share), positive.any())
    recall = true_positive / np.where(any_found, prevalence, 1.0)
    precision = np.where(any_called, true_positive / called, np.nan)
    return Estimates(
        prevalence=prevalence,
        prevalence_interval=likelihood_interval(of=weight, **options),
        precision=precision,
        precision_interval=_known(likelihood_interval(of=among / called, **options), any_called),
        recall=np.where(any_found, recall, np.nan),
        recall_interval=_known(likelihood_interval(of=among, among=weight, **options), any_found),
    )


def _known(interval: FloatArray, known: npt.NDArray[np.bool_]) -> FloatArray:
    """Let the interval be all there is where nothing is known."""
    return np.where(known[:, None], interval, np.array([0.0, 1.0]))


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


_CENSUS: Final = 1e9
_BISECTIONS: Final = 55
_ROUNDS: Final = 8


def effective_trials(drawn: FloatArray, size: FloatArray) -> FloatArray:
    """Give the binomial trials whose variance is that of `drawn` out of `size` without replacement."""
    rest = np.maximum(size - drawn, 0.0)
    # all of it is known where nothing is left; a stratum of one spectrum would otherwise give 0 / 0
    return np.where(
        rest > 0, np.minimum(drawn * (size - 1.0) / np.where(rest > 0, rest, 1.0), _CENSUS), _CENSUS
    )


def likelihood_interval(
    hits: FloatArray,
    trials: FloatArray,
    *,
    of: FloatArray,
    among: FloatArray | None = None,
    level: float = 0.95,
) -> FloatArray:
    """Give the interval of a mean of the strata's shares, or of a ratio of two.

    The profile likelihood accepts the values that the quantity takes where the likelihood is not rejected.
    That region is convex, so the ends are the extremes of the quantity over it; of a ratio they are those of
    differences, a few rounds of them (Dinkelbach 1967, Manag. Sci. 13, 492).

    Parameters
    ----------
    hits, trials
        Positives and (effective) trials of each stratum, shape (k, strata),
        for each of k samples.
    of
        Coefficients of the strata's shares, not negative, shape (strata,).
    among
        Those of the denominator, shape (strata,); None for a mean.
    level
        Confidence.

    Returns
    -------
    numpy.ndarray
        Lower and upper ends, shape (k, 2).
    """
    limit = float(chi2.ppf(level, 1))
    point = hits / trials
    ends = []
    known = point @ of if among is None else _ratio(point @ of, point @ among, np.full(len(hits), 0.5))
    for sign in (-1.0, 1.0):
        end = known
        for _ in range(1 if among is None else _ROUNDS):
            wanted = of if among is None else of - end[:, None] * among
            share = _furthest(hits, trials, np.broadcast_to(sign * wanted, hits.shape), limit)
            end = share @ of if among is None else _ratio(share @ of, share @ among, end)
        # an end at which the most likely value lies is that value, not one that rounding puts inside of it
        ends.append(np.minimum(end, known) if sign < 0 else np.maximum(end, known))
    return np.column_stack(ends)


def _ratio(of: FloatArray, among: FloatArray, otherwise: FloatArray) -> FloatArray:
    return np.where(among > 0, of / np.where(among > 0, among, 1.0), otherwise)


def _furthest(hits: FloatArray, trials: FloatArray, coefficients: FloatArray, limit: float) -> FloatArray:
    """Find the shares with the greatest c·p whose likelihood is accepted, by bisection of the multiplier."""
    largest = np.abs(coefficients).max(axis=-1)
    scale = np.where(largest > 0, largest, 1.0)
    most = _log_likelihood(hits, trials, hits / trials)
    # the sinh reaches multipliers of all sizes
    low, high = np.zeros(len(hits)), np.full(len(hits), 40.0)
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2.0
        share = _tilted(hits, trials, -coefficients * (np.sinh(middle) / scale)[:, None])
        accepted = 2.0 * (most - _log_likelihood(hits, trials, share)) <= limit
        low, high = np.where(accepted, middle, low), np.where(accepted, high, middle)
    return _tilted(hits, trials, -coefficients * (np.sinh(low) / scale)[:, None])


def _log_likelihood(hits: FloatArray, trials: FloatArray, share: FloatArray) -> FloatArray:
    return np.asarray((xlogy(hits, share) + xlogy(trials - hits, 1.0 - share)).sum(axis=-1))


def _tilted(hits: FloatArray, trials: FloatArray, pull: FloatArray) -> FloatArray:
    """Solve hits/p − (trials − hits)/(1 − p) = pull for the share p of each stratum."""
    b = pull + trials
    root = np.sqrt(np.maximum(b * b - 4.0 * pull * hits, 0.0))
    safe = np.where(pull == 0, 1.0, pull)
    upper = 2.0 * hits / np.where(b > 0, b + root, 1.0)
    return np.clip(np.where(b > 0, upper, (b - root) / (2.0 * safe)), 0.0, 1.0)

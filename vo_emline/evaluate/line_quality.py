"""How good measured lines are: bias, scatter, and whether their errors are what they say."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from vo_emline.arrays import FloatArray
from vo_emline.evaluate.line_trial import LineTrial
from vo_emline.measure.quantities import QUANTITIES, Estimates
from vo_emline.measure.scores import crps, probability_integral, standardised, weighted_crps
from vo_emline.training.metrics import proportion

LEVELS: Final = {"68": 1.0, "95": 1.96}
"""Intervals whose coverage is looked at: their half widths in standard deviations of a Gaussian."""

OUTLIER: Final = 5.0
"""Deviations beyond so many of their errors are outliers."""

SNR_EDGES: Final = (0.0, 10.0, 20.0, 40.0, 80.0, np.inf)

PIT_BINS: Final = 20

LEAST: Final = 10
"""Of fewer lines nothing is said."""


def line_quality(trial: LineTrial, measured: Mapping[str, Estimates]) -> dict[str, Any]:
    """Compare measurements with the truth.

    Parameters
    ----------
    trial
        Lines, n of them.
    measured
        By the name of the method, measurements of all of them.

    Returns
    -------
    dict
        JSON-ready: ``lines``, and by quantity ``measurable`` (share of the lines that have it in which it
        was measured), ``methods`` (:func:`describe` by method), ``by_snr`` (the same in bins), and
        ``better``, the method with the smaller CRPS in units of the first one's error. All methods are
        compared on the same lines: those that have the quantity and in which each method measured it.
    """
    return {
        "lines": len(trial),
        "quantities": {
            quantity.name: _of_quantity(trial, measured, column) for column, quantity in enumerate(QUANTITIES)
        },
    }


def _of_quantity(trial: LineTrial, measured: Mapping[str, Estimates], column: int) -> dict[str, Any]:
    truth = trial.truth[:, column]
    exists = np.isfinite(truth)
    both = exists & np.all([np.isfinite(one.value[:, column]) for one in measured.values()], axis=0)

    reference = next(iter(measured.values())).error[both, column]

    def score(name: str) -> float:
        value, error = measured[name].value[both, column], measured[name].error[both, column]
        return weighted_crps(truth[both], value, error, reference=reference)

    def methods(rows: npt.NDArray[np.bool_]) -> dict[str, Any]:
        return {
            name: describe(truth[rows], one.value[rows, column], one.error[rows, column])
            for name, one in measured.items()
        }

    enough = int(both.sum()) >= LEAST
    overall = methods(both) if enough else {}
    return {
        "measurable": proportion(int(both.sum()), int(exists.sum())),
        "methods": overall,
        "better": min(measured, key=score) if enough else None,
        "by_snr": [
            {"low": low, "high": high if np.isfinite(high) else None, "methods": methods(rows)}
            for low, high in pairwise(SNR_EDGES)
            if (rows := both & (trial.snr >= low) & (trial.snr < high)).sum() >= LEAST
        ],
    }


def describe(truth: FloatArray, value: FloatArray, error: FloatArray) -> dict[str, Any]:
    """Describe measurements of known values.

    Returns
    -------
    dict
        ``n``; ``bias`` (median deviation) and ``scatter`` (1.48 times the median absolute deviation from
        it) in the unit of the quantity, as ``error`` (median stated error) and ``crps`` (mean) are;
        ``outliers``, ``coverage`` of the :data:`LEVELS` as proportions with exact intervals; ``pit``,
        counts of the probability integral transform in :data:`PIT_BINS` bins.
    """
    deviation = value - truth
    bias = float(np.median(deviation))
    z = np.abs(standardised(truth, value, error))
    pit, _ = np.histogram(probability_integral(truth, value, error), bins=PIT_BINS, range=(0.0, 1.0))
    return {
        "n": len(truth),
        "bias": bias,
        "scatter": float(1.4826 * np.median(np.abs(deviation - bias))),
        "error": float(np.median(error)),
        "crps": float(crps(truth, value, error).mean()),
        "outliers": proportion(int((z > OUTLIER).sum()), len(z)),
        "coverage": {level: proportion(int((z <= width).sum()), len(z)) for level, width in LEVELS.items()},
        "pit": pit.tolist(),
    }

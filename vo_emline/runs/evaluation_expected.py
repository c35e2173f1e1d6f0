"""What Hα should be against what it is, for the spectra of an evaluation."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from vo_emline.evaluate import Trial
from vo_emline.preprocess import WindowSet
from vo_emline.training import Classifier
from vo_emline.training.expected import HALF_WIDTHS, observe
from vo_emline.training.second_stage import SecondStage

LINE: Final = len(HALF_WIDTHS) - 1
"""Which of the half widths is shown: that of the line."""

CORE_FILLING: Final = (5.0, 20.0)
"""Range of |EW|/σ(EW) of the injections that are shown."""


def compare_expected(classifier: Classifier, trial: Trial) -> dict[str, Any] | None:
    """Compare the equivalent widths that are expected with those that are.

    Returns
    -------
    dict or None
        JSON-ready: ``half_width`` (Å), ``known`` (share of the negatives of which something is
        expected) and by group ``groups``: ``expected`` and ``observed`` (Å), ``excess`` (standard
        deviations). None for a model without expectations.
    """
    second = classifier.second_stage
    if second is None or trial.negatives.indices is None:
        return None
    truth = trial.injections.truth
    significance = np.array(truth["ew_significance"])
    inside = (significance > CORE_FILLING[0]) & (significance < CORE_FILLING[1])
    hidden = np.flatnonzero(inside & ~np.array(truth["sticks_out"]))
    groups = {
        "real negatives": _compare(second, trial.negatives),
        "with emission that only fills the core": _compare(second, trial.injections.windows.take(hidden)),
    }
    known = len(groups["real negatives"]["expected"]) / max(len(trial.negatives), 1)
    return {"half_width": HALF_WIDTHS[LINE], "known": known, "groups": groups}


def _compare(second: SecondStage, windows: WindowSet) -> dict[str, list[float]]:
    excess = second.excess(windows)[:, LINE]
    rows = np.flatnonzero(np.isfinite(excess))
    some = windows.take(rows)
    if some.indices is None or not rows.size:
        return {"expected": [], "observed": [], "excess": []}
    expected, _ = second.expected.predict(some.indices)
    found = {
        "expected": expected[:, LINE],
        "observed": observe(some).ew[:, LINE],
        "excess": excess[rows],
    }
    return {name: np.round(values, 3).tolist() for name, values in found.items()}

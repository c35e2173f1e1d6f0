"""All judges on the same spectra: negatives, degraded negatives and injections."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from vo_emline.evaluate.completeness import completeness
from vo_emline.evaluate.degrade import degrade
from vo_emline.evaluate.false_positives import exceptions, false_positives
from vo_emline.evaluate.injection import Injections, inject
from vo_emline.evaluate.reliability import reliability
from vo_emline.evaluate.verdicts import STRICT, Judge, Verdicts, rules
from vo_emline.labels import LABELS
from vo_emline.preprocess.options import PreprocessOptions
from vo_emline.preprocess.windows import WindowSet
from vo_emline.simulate.truth import VISIBLE

INJECTIONS: Final = 1500
COPIES: Final = 3
"""Degraded copies of each negative."""

MOST_DEGRADED: Final = 30_000
"""Of more negatives than give so many, some are drawn to be degraded."""

PREVALENCES: Final = {"even": 0.5, "survey": 0.01}
"""Prevalences at which calibration is looked at: an even mix, and the upper end of what LAMOST holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """The spectra on which judges are compared."""

    negatives: WindowSet
    """Real spectra without emission."""
    degraded: WindowSet
    """The same with a low S/N."""
    injections: Injections
    """The same with emission."""


def make_trial(
    negatives: WindowSet,
    *,
    seed: int,
    injections: int = INJECTIONS,
    options: PreprocessOptions | None = None,
) -> Trial:
    """Make the spectra of a comparison from real negatives.

    Parameters
    ----------
    negatives
        Windows of real spectra without emission.
    seed
        The same seed gives the same spectra.
    injections
        How many get emission.
    options
        How the windows were prepared; None for the defaults.

    Raises
    ------
    UserError
        No spectrum can be a host.
    """
    some = np.random.default_rng([seed, 17]).permutation(len(negatives))[: MOST_DEGRADED // COPIES]
    return Trial(
        negatives=negatives,
        degraded=degrade(negatives.take(np.sort(some)), seed=seed, copies=COPIES, options=options),
        injections=inject(negatives, injections, seed=seed, options=options),
    )


def judge_all(judges: Mapping[str, Judge], trial: Trial) -> dict[str, dict[str, Any]]:
    """Measure every judge on the same spectra.

    Returns
    -------
    dict
        JSON-ready, by the name of the judge: ``false_positives`` and
        ``degraded`` (:func:`~vo_emline.evaluate.false_positives`),
        ``exceptions``, ``completeness`` at the strict threshold and
        ``completeness_plain`` by the plain label, and ``reliability`` at the
        :data:`PREVALENCES` (None for a judge without probabilities).
    """
    return {name: measure_judge(judge, trial) for name, judge in judges.items()}


def measure_judge(judge: Judge, trial: Trial) -> dict[str, Any]:
    """Measure one judge; see :func:`judge_all`."""
    on_negatives, on_injections = judge(trial.negatives), judge(trial.injections.windows)
    thresholds = rules(on_negatives)
    return {
        "false_positives": false_positives(on_negatives, trial.negatives, thresholds=thresholds),
        "degraded": false_positives(judge(trial.degraded), trial.degraded, thresholds=thresholds),
        "exceptions": exceptions(on_negatives, trial.negatives),
        "completeness": completeness(on_injections, trial.injections, threshold=thresholds[STRICT]),
        "completeness_plain": completeness(on_injections, trial.injections, threshold=None),
        "reliability": _calibration(on_negatives, on_injections, trial.injections),
    }


def _calibration(negatives: Verdicts, found: Verdicts, injections: Injections) -> dict[str, Any] | None:
    """Look at the calibration on the negatives and on the injections that can be seen at all."""
    if negatives.balanced is None or found.balanced is None:
        return None
    visible = np.array(injections.truth["ew_significance"]) > VISIBLE
    label = np.array([LABELS.index(name) for name in injections.truth["label"].to_pylist()])
    return {
        name: reliability(
            negatives.balanced, found.balanced[visible], label=label[visible], prevalence=prevalence
        )
        for name, prevalence in PREVALENCES.items()
    }

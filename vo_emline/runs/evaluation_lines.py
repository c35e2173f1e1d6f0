"""The part of an evaluation that asks how well lines are measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from vo_emline.evaluate.line_quality import line_quality
from vo_emline.evaluate.line_trial import LineTrial, real_lines, simulated_lines
from vo_emline.measure.lines import measure_lines
from vo_emline.measure.quantities import Estimates, measure_emission
from vo_emline.measure.regression import LineRegression
from vo_emline.preprocess import WindowSet
from vo_emline.survey import SurveyOptions
from vo_emline.survey.scores import regression_of
from vo_emline.training import Classifier

REAL: Final = "put into real spectra"
SIMULATED: Final = "simulated"

LEAST_FOUND: Final = 20
"""Of fewer lines nothing is said."""


def evaluate_lines(
    classifier: Classifier, negatives: WindowSet, *, seed: int, lines: int
) -> dict[str, Any] | None:
    """Measure known lines classically and, where the model can, with its network.

    Only lines that the network calls emission are measured, as in a survey.

    Parameters
    ----------
    classifier
        The network.
    negatives
        Real spectra without emission; the better ones are hosts.
    seed
        Decides what is put into them. Simulated spectra are not those that the regression learnt from.
    lines
        How many are put in, and how many stars are simulated.

    Returns
    -------
    dict or None
        JSON-ready: ``methods``, the published method of each quantity, and ``trials``, by kind of the lines
        what :func:`~vo_emline.evaluate.line_quality.line_quality` gives; None where too few lines are found.
    """
    regression = regression_of(classifier)
    preprocess = classifier.description.preprocess
    drawn = {
        REAL: real_lines(negatives, lines, seed=seed, options=preprocess),
        SIMULATED: simulated_lines(lines, seed=seed + 1_000_003, options=preprocess),
    }
    trials: dict[str, Any] = {}
    for name, trial in drawn.items():
        found = None if trial is None else _found(classifier, trial)
        if found is not None and len(found) >= LEAST_FOUND:
            trials[name] = line_quality(found, _measured(found.windows, regression))
    methods = None if regression is None else regression.description.methods
    return {"methods": methods, "trials": trials} if trials else None


def _measured(windows: WindowSet, regression: LineRegression | None) -> Mapping[str, Estimates]:
    if regression is None:
        return {"classical": measure_emission(windows)}
    return {str(method): found for method, found in regression.measure_both(measure_lines(windows)).items()}


def _found(classifier: Classifier, trial: LineTrial) -> LineTrial:
    shares = SurveyOptions().class_shares
    probability = classifier.predict_proba(trial.windows.flux, shares=shares)
    return trial.found_by(np.argmax(probability, axis=1))

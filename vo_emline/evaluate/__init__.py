"""How good a classifier is where it matters: on real spectra of the survey.

A *judge* gives verdicts on windows; all judges see the same *trial*:

* ``data``: the real spectra, told apart by what is known of them.
* ``verdicts``: who judges, what a judge says, when that counts as positive, and when it abstains.
* ``trial``: real spectra with emission or noise put in, and what is measured of each judge on them.
* ``reliability``: whether probabilities mean what they say.
* ``lines``: lines of known width, velocity and peaks, and how well they are measured.
* ``report``: the figures that decide, drawings, a page and a model card.
* ``audit``: the quality of a catalogue without a labelled set, from a sample that people label.

:mod:`vo_emline.runs.evaluation` puts a trained run to the trial.
"""

from vo_emline.evaluate.data import describe
from vo_emline.evaluate.reliability import reliability
from vo_emline.evaluate.report import AIMS, headline
from vo_emline.evaluate.trial import (
    Trial,
    completeness,
    false_positives,
    judge_all,
    make_trial,
    measure_judge,
)
from vo_emline.evaluate.verdicts import (
    Judge,
    Verdicts,
    detector_judge,
    leak,
    linear_judge,
    network_judge,
    strict_threshold,
)

__all__ = [
    "AIMS",
    "Judge",
    "Trial",
    "Verdicts",
    "completeness",
    "describe",
    "detector_judge",
    "false_positives",
    "headline",
    "judge_all",
    "leak",
    "linear_judge",
    "make_trial",
    "measure_judge",
    "network_judge",
    "reliability",
    "strict_threshold",
]

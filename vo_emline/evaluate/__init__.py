"""How good a classifier is where it matters: on real spectra of the survey.

A *judge* gives verdicts on windows; all judges see the same *trial*:

* ``verdicts``: what a judge says, when that counts as positive, and when it abstains.
* ``baselines``: judges that need no network, and the leak of random splits.
* ``injection``, ``degrade``: real spectra, with emission or with noise put in.
* ``false_positives``, ``completeness``, ``reliability``, ``bins``: what is measured, with intervals.
* ``line_trial``, ``line_quality``: lines of known width, velocity and peaks, and how well they are measured.
* ``panel``: all of it for all judges; ``aims``: the figures that decide.
* ``audit``: the quality of a catalogue without a labelled set, from a sample that people label.

Everything here is plain data; :mod:`vo_emline.plots` draws it, and
:mod:`vo_emline.runs.evaluation` makes the report of a run.
"""

from vo_emline.evaluate.aims import AIMS, headline
from vo_emline.evaluate.baselines import detector_judge, leak, linear_judge
from vo_emline.evaluate.completeness import completeness
from vo_emline.evaluate.degrade import degrade
from vo_emline.evaluate.false_positives import describe, false_positives
from vo_emline.evaluate.injection import Injections, inject
from vo_emline.evaluate.panel import Trial, judge_all, make_trial, measure_judge
from vo_emline.evaluate.reliability import reliability
from vo_emline.evaluate.verdicts import Judge, Verdicts, network_judge, strict_threshold

__all__ = [
    "AIMS",
    "Injections",
    "Judge",
    "Trial",
    "Verdicts",
    "completeness",
    "degrade",
    "describe",
    "detector_judge",
    "false_positives",
    "headline",
    "inject",
    "judge_all",
    "leak",
    "linear_judge",
    "make_trial",
    "measure_judge",
    "network_judge",
    "reliability",
    "strict_threshold",
]

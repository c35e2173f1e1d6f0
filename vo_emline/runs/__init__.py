"""One run from labelled spectra to a release, step by step, each step resumable.

``settings``  what a run can be told
``manifest``  ``run.json``: which steps are done, and from what
``unlabelled`` spectra of the survey that take part in training
``examples``  the training set
``steps``     training set, network, survey, release
``pairs``     stars that both instruments saw
``report``    figures and the summary
``train``     training alone
``chain``     all of them in turn
"""

from vo_emline.runs.chain import Inputs, run_chain
from vo_emline.runs.manifest import Manifest
from vo_emline.runs.report import best_candidates, draw_training, metrics_text
from vo_emline.runs.settings import (
    RunSettings,
    SimulationOptions,
    SurveyHostOptions,
    load_settings,
    write_settings,
)
from vo_emline.runs.steps import Run
from vo_emline.runs.train import Lessons, train_run

__all__ = [
    "Inputs",
    "Lessons",
    "Manifest",
    "Run",
    "RunSettings",
    "SimulationOptions",
    "SurveyHostOptions",
    "best_candidates",
    "draw_training",
    "load_settings",
    "metrics_text",
    "run_chain",
    "train_run",
    "write_settings",
]

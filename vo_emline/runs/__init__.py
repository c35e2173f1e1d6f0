"""One run from labelled spectra to a release, step by step, each step resumable.

``settings``  what a run can be told
``manifest``  ``run.json``: which steps are done, and from what
``examples``  the training set
``steps``     training set, network, survey, release
``pairs``     stars that both instruments saw
``report``    figures and the summary
``chain``     all of them in turn
"""

from vo_emline.runs.chain import Inputs, run_chain
from vo_emline.runs.manifest import Manifest
from vo_emline.runs.report import best_candidates
from vo_emline.runs.settings import RunSettings, SimulationOptions, load_settings, write_settings
from vo_emline.runs.steps import Run

__all__ = [
    "Inputs",
    "Manifest",
    "Run",
    "RunSettings",
    "SimulationOptions",
    "best_candidates",
    "load_settings",
    "run_chain",
    "write_settings",
]

"""The step of a run that teaches its network to measure the lines of what it finds."""

from __future__ import annotations

from vo_emline.measure.regression import RegressionOptions, add_regression
from vo_emline.measure.regression.model import PART, LineRegression
from vo_emline.runs.manifest import digest
from vo_emline.runs.steps import Run
from vo_emline.survey.scores import method_text
from vo_emline.training import Classifier
from vo_emline.training.description import ModelDescription

STEP = "line regression"


def regress(run: Run, *, made_from: str) -> tuple[Classifier, str]:
    """Add the regression of lines to the run's model, unless that is done.

    Parameters
    ----------
    run
        The run, its network trained.
    made_from
        Digest of what the network was made from.

    Returns
    -------
    tuple
        The model as it is now, and the digest of what it was made from.
    """
    options: RegressionOptions = run.settings.lines
    inputs = digest(made_from, options.model_dump(mode="json"))
    if not (_is_kept(run) and run.skip(STEP, inputs)):
        run.manifest.begin(STEP, inputs, outputs=[])
        add_regression(run.directory.model, options=options)
        regression = LineRegression.load(run.directory.model)
        run.manifest.finish(STEP, inputs, methods=method_text(regression), learnt=regression is not None)
    run.say(f"  lines of candidates are measured by: {run.manifest.facts(STEP)['methods']}")
    return Classifier.load(run.directory.model), inputs


def _is_kept(run: Run) -> bool:
    """Tell whether the model still has what was learnt: it goes when the network is trained again."""
    learnt = run.manifest.steps.get(STEP, {}).get("learnt", False)
    return not learnt or PART in ModelDescription.read(run.directory.model).parts

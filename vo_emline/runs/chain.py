"""The whole run: labelled spectra and a survey in, a release, figures and a summary out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from vo_emline.runs import steps
from vo_emline.runs.known import require_known
from vo_emline.runs.report import draw, summary_text
from vo_emline.runs.settings import RunSettings
from vo_emline.runs.steps import Run, Say
from vo_emline.runs.train import Lessons, learn, log_to, open_run, spectrum_files, survey_spectra
from vo_emline.survey import WindowStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs(Lessons):
    """What a run is made from."""

    survey: tuple[Path, ...]
    """Files or folders of the survey, or one store of windows."""


def run_chain(inputs: Inputs, output: Path, *, settings: RunSettings, say: Say) -> Run:
    """Do every step that is not done yet.

    Parameters
    ----------
    inputs
        Labelled spectra, their labels, and the survey.
    output
        The run directory. Started again with the same arguments, a run goes
        on where it was interrupted; with others, what depends on them is made anew.
    settings
        Preprocessing, training, simulation.
    say
        Receives what the user should read.

    Raises
    ------
    UserError
        An input is missing or cannot be used, or `output` holds something else.
    """
    import matplotlib as mpl  # noqa: F401  needed at the very end; where it is missing, better said now

    require_known(settings.known)
    survey = survey_spectra(inputs.survey, inputs.labels)
    run = open_run(output, settings=settings, say=say)
    with log_to(run.directory.log):
        classifier, made = learn(run, inputs, survey=survey)
        n_files = survey.inputs if isinstance(survey, WindowStore) else len(survey)
        say(f"Survey: {n_files} files through the network")
        made = steps.survey(run, survey, classifier, made_from=made)
        say("Release: candidates, scores and rejects with the index of spectra")
        steps.release(run, made_from=made, model_version=classifier.version)
        say("Figures")
        for path in draw(run, spectrum_files(inputs.training, inputs.labels)):
            say(f"  {path}")
        say("\n" + summary_text(run))
    return run

"""The whole run: labelled spectra and a survey in, a release, figures and a summary out.

It is ``train``, ``classify-survey`` and ``publish``, by the same functions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vo_emline.errors import EmlineError
from vo_emline.files import files_digest
from vo_emline.rundir import SUMMARY
from vo_emline.runs.known import catalogue_files, require_known
from vo_emline.runs.publish import find_publication, publish
from vo_emline.runs.report import draw, summary_text
from vo_emline.runs.settings import RunSettings
from vo_emline.runs.steps import Run, log_to, open_run
from vo_emline.runs.train import TrainingInputs, learn, spectrum_files, survey_digest, survey_spectra
from vo_emline.survey import Start, SurveySummary, WindowStore, classify_survey
from vo_emline.survey.shards import Say


@dataclass(frozen=True, slots=True, kw_only=True)
class RunInputs(TrainingInputs):
    """What a run is made from."""

    survey: tuple[Path, ...]
    """Files or folders of the survey, or one store of windows."""


def run_all(inputs: RunInputs, output: Path, *, settings: RunSettings, say: Say) -> Run:
    """Do every step that is not done yet.

    Parameters
    ----------
    inputs
        Labelled spectra, their labels, and the survey.
    output
        The run directory. Started again with the same arguments, a run goes
        on where it was interrupted; with others, what depends on them is made anew.
    settings
        Preprocessing, training, simulation, classification, publication.
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
        _, made = learn(run, inputs, survey=survey)
        n_files = survey.inputs if isinstance(survey, WindowStore) else len(survey)
        say(f"Survey: {n_files} files through the network")
        made = _survey(run, inputs, survey, made)
        say("Release: candidates, scores and rejects with the index of spectra")
        _release(run, made)
        say("Figures")
        for path in draw(run, spectrum_files(inputs.training, inputs.labels)):
            say(f"  {path}")
        say("\n" + summary_text(run))
    return run


def _survey(run: Run, inputs: RunInputs, found: Sequence[Path] | WindowStore, made_from: str) -> str:
    """Classify the survey, as ``classify-survey`` does; finished shards of an interrupted run are kept."""
    directory, options = run.directory.survey, run.settings.survey

    def classify() -> dict[str, Any]:
        summary = classify_survey(
            inputs.survey,
            directory,
            model=run.directory.model,
            options=options,
            start=Start(without=(inputs.labels,)),
            say=run.say,
        )
        if not isinstance(summary, SurveySummary):
            raise EmlineError("a whole survey ended as a part of one")
        return {"inputs_total": summary.inputs, "classes": summary.classes, "rejects": summary.rejects}

    done = run.step(
        "survey",
        classify,
        made_from=[made_from, survey_digest(found), options.facts()],
        outputs=[directory / SUMMARY],
        clears=[directory],
    )
    classes = ", ".join(f"{number} {label}" for label, number in done.facts["classes"].items())
    reasons = ", ".join(f"{number} {code}" for code, number in done.facts["rejects"].items())
    run.say(f"  {done.facts['inputs_total']} files: {classes}; rejected: {reasons or 'none'}")
    return done.made_from


def _release(run: Run, made_from: str) -> None:
    """Build the release and write the tables, as ``publish`` does."""
    settings, directory = run.settings, run.directory

    def make() -> dict[str, int]:
        counts = publish(find_publication(directory.root), tables=True)
        return {"candidates": counts.candidates, "others": counts.scores - counts.candidates}

    known = settings.known
    run.step(
        "release",
        make,
        made_from=[made_from, settings.authority, known, files_digest(catalogue_files(known))],
        outputs=[directory.release, directory.tables],
        clears=[directory.tables],
    )

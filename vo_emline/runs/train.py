"""Training alone: the first half of a run, which leaves a model that every other command can use."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from vo_emline.errors import UserError
from vo_emline.rundir import RunDirectory
from vo_emline.runs import steps
from vo_emline.runs.expectation import expect
from vo_emline.runs.line_regression import regress
from vo_emline.runs.manifest import Manifest
from vo_emline.runs.screening import distil_student
from vo_emline.runs.settings import RunSettings, write_settings
from vo_emline.runs.steps import Run, Say
from vo_emline.spectra import find_spectra
from vo_emline.survey import WindowStore, find_store
from vo_emline.training import Classifier


@dataclass(frozen=True, slots=True, kw_only=True)
class Lessons:
    """What a network is trained on."""

    training: tuple[Path, ...]
    """Files or folders of labelled spectra."""
    labels: Path
    """CSV of ``id,label``."""
    unlabelled: tuple[Path, ...] = ()
    """Files or folders of the survey, or one store of windows: negatives, and hosts of emission put in."""


def train_run(lessons: Lessons, output: Path, *, settings: RunSettings, say: Say) -> Run:
    """Gather the training set and train the network, as far as that is not done yet.

    Parameters
    ----------
    lessons
        Labelled spectra, their labels, and unlabelled ones of the survey.
    output
        The run directory. Started again with the same arguments, training goes on from the last finished
        epoch; with others, what depends on them is made anew.
    settings
        Preprocessing, training, simulation.
    say
        Receives what the user should read.

    Raises
    ------
    UserError
        An input is missing or cannot be used, or `output` holds something else.
    """
    run = open_run(output, settings=settings, say=say)
    with log_to(run.directory.log):
        learn(run, lessons)
    return run


def open_run(output: Path, *, settings: RunSettings, say: Say) -> Run:
    """Begin a run in an empty folder, or go on with the one that is there.

    Raises
    ------
    UserError
        `output` holds something that is no run.
    """
    directory = RunDirectory(output)
    if output.exists() and not directory.manifest.is_file() and any(output.iterdir()):
        raise UserError(f"{output} holds something that is no run; give an empty or a new folder")
    manifest = Manifest.open(directory.manifest)
    write_settings(directory.config, settings)
    manifest.save()
    return Run(directory=directory, settings=settings, manifest=manifest, say=say)


def learn(
    run: Run, lessons: Lessons, *, survey: Sequence[Path] | WindowStore | None = None
) -> tuple[Classifier, str]:
    """Do the steps of training; give the network, and the digest of what it was made from.

    How deep Hα should be is learnt from the unlabelled spectra, or from `survey` where there are none.
    """
    labelled = spectrum_files(lessons.training, lessons.labels)
    unlabelled = survey_spectra(lessons.unlabelled, lessons.labels) if lessons.unlabelled else None
    run.say("Training set: labelled spectra, air to vacuum, line spread matched, resampled to 140 pixels")
    examples, made = steps.training_set(run, labelled, lessons.labels, unlabelled)
    balance = BALANCE[run.settings.training.balance]
    run.say(f"Network: split by star, {balance}, trained, calibrated")
    _, made = steps.network(run, examples, made_from=made)
    run.say("Lines: heads that measure simulated emission as the network finds it")
    classifier, made = regress(run, made_from=made)
    source = survey if unlabelled is None else unlabelled
    if source is not None and run.settings.preprocess.indices:
        run.say("Expected absorption: how deep Hα should be, from the rest of the spectrum")
        classifier, made = expect(run, source, examples, made_from=made)
    if run.settings.student.stars:
        run.say("Student: a small network that screens large surveys")
        classifier, made = distil_student(run, examples, made_from=made)
    return classifier, made


BALANCE = {
    "smote": "balanced by SMOTE",
    "weights": "balanced by class weights",
    "none": "classes as frequent as they are",
}
"""How unequal classes are levelled out, in words."""


def survey_spectra(paths: Sequence[Path], labels: Path) -> list[Path] | WindowStore:
    """Find the spectra of a survey: a store of windows, or files."""
    store = find_store(paths)
    return spectrum_files(paths, labels) if store is None else store


def spectrum_files(paths: Sequence[Path], labels: Path) -> list[Path]:
    """Find spectra, but not the table of labels that may lie among them."""
    return [path for path in find_spectra(paths) if path.resolve() != labels.resolve()]


@contextmanager
def log_to(path: Path) -> Iterator[None]:
    """Append the program's log to a file for a while."""
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logger = logging.getLogger("vo_emline")
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
        handler.close()

"""The whole run: labelled spectra and a survey in, a release, figures and a summary out."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from vo_emline.errors import UserError
from vo_emline.rundir import RunDirectory
from vo_emline.runs import steps
from vo_emline.runs.known import require_known
from vo_emline.runs.manifest import Manifest
from vo_emline.runs.report import draw, summary_text
from vo_emline.runs.settings import RunSettings, write_settings
from vo_emline.runs.steps import Run, Say
from vo_emline.spectra import find_spectra
from vo_emline.survey import WindowStore, find_store


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What a run is made from."""

    training: tuple[Path, ...]
    """Files or folders of labelled spectra."""
    labels: Path
    """CSV of ``id,label``."""
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

    directory = RunDirectory(output)
    if output.exists() and not directory.manifest.is_file() and any(output.iterdir()):
        raise UserError(f"{output} holds something that is no run; give an empty or a new folder")
    manifest = Manifest.open(directory.manifest)
    require_known(settings.known)
    training = _files(inputs.training, inputs.labels)
    store = find_store(inputs.survey)
    survey = _files(inputs.survey, inputs.labels) if store is None else store
    write_settings(directory.config, settings)
    manifest.save()
    run = Run(directory=directory, settings=settings, manifest=manifest, say=say)
    with _log_to(directory.log):
        say("Training set: labelled spectra, air to vacuum, line spread matched, resampled to 140 pixels")
        examples, made = steps.training_set(run, training, inputs.labels)
        say("Network: split by star, balanced by SMOTE, trained, calibrated")
        classifier, made = steps.network(run, examples, made_from=made)
        n_files = survey.inputs if isinstance(survey, WindowStore) else len(survey)
        say(f"Survey: {n_files} files through the network")
        made = steps.survey(run, survey, classifier, made_from=made)
        say("Release: candidates, scores and rejects with the index of spectra")
        steps.release(run, made_from=made, model_version=classifier.version)
        say("Figures")
        for path in draw(run, training):
            say(f"  {path}")
        say("\n" + summary_text(run))
    return run


def _files(paths: Sequence[Path], labels: Path) -> list[Path]:
    """Find spectra, but not the table of labels that may lie among them."""
    return [path for path in find_spectra(paths) if path.resolve() != labels.resolve()]


@contextmanager
def _log_to(path: Path) -> Iterator[None]:
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

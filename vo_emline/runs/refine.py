"""Refining a trained model: labelled spectra in, a run with the refined model and its card out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from vo_emline.errors import UserError
from vo_emline.files import files_digest, write_json, write_text
from vo_emline.preprocess import PreprocessOptions, concatenate
from vo_emline.rundir import DEFAULT_MODEL, RunDirectory
from vo_emline.runs.examples import CHUNK, draw_unlabelled
from vo_emline.runs.settings import RunSettings
from vo_emline.runs.steps import Run, log_to, open_run
from vo_emline.runs.train import TrainingInputs, spectrum_files, survey_digest, survey_spectra
from vo_emline.simulate import simulate_windows
from vo_emline.survey import prepare_files
from vo_emline.survey.model import threads_for_same_bits
from vo_emline.survey.shards import Say
from vo_emline.training import Examples, host_examples, match_labels, read_labels, without_known_emitters
from vo_emline.training.description import ModelDescription
from vo_emline.training.last_layer import LABELLED
from vo_emline.training.refined_card import card
from vo_emline.training.refinement import refine
from vo_emline.training.simulated import simulated_examples

DEFAULT: Final = "default"
"""Name of the model that comes with the package."""

CARD: Final = "model-card.md"

SIMULATED: Final = 8000
"""Simulated stars, emitters of any strength around any star among them, that stand for what is known."""

OF_SURVEY: Final = 1500
"""Examples of the survey's own spectra, as they are and with emission put in, where they are given."""


def model_folder(name: str) -> Path:
    """Give the folder of a model: the one that comes with the package, or that of a run.

    Raises
    ------
    UserError
        There is no run of this name.
    """
    if name == DEFAULT:
        return DEFAULT_MODEL
    folder = RunDirectory(Path(name)).model
    if not folder.is_dir():
        raise UserError(
            f"{name} is no trained run; give its directory, or {DEFAULT} for the model that ships"
        )
    return folder


def refine_run(inputs: TrainingInputs, base: str, output: Path, *, settings: RunSettings, say: Say) -> Run:
    """Refine a model with labelled spectra; the result is a run that every command takes by ``--run``.

    Parameters
    ----------
    inputs
        Labelled spectra, their labels, and unlabelled ones of the survey, where there are any.
    base
        Directory of the run whose model is refined, or ``default``.
    output
        The run directory.
    settings
        Seed; windows are prepared as the model wants them, whatever the settings say.
    say
        Receives what the user should read.

    Raises
    ------
    UserError
        An input cannot be used, or the refined model is refused: it would be worse at what was known, or no
        better at what the labels say.
    """
    folder = model_folder(base)
    description = ModelDescription.read(folder)
    run = open_run(
        output, settings=settings.model_copy(update={"preprocess": description.preprocess}), say=say
    )
    with log_to(run.directory.log):
        threads_for_same_bits()
        files = spectrum_files(inputs.training, inputs.labels)
        survey = survey_spectra(inputs.unlabelled, inputs.labels) if inputs.unlabelled else None
        say(f"Refining {description.version}: last layer and calibration, on labelled and known spectra")
        run.step(
            "refinement",
            lambda: _refined(run, folder, files, inputs.labels, survey),
            made_from=[
                description.version,
                files_digest([*files, inputs.labels]),
                "" if survey is None else survey_digest(survey),
                run.settings.training.seed,
            ],
            outputs=[run.directory.model / "model.json", run.directory.model / CARD],
            clears=[run.directory.model],
        )
    say((run.directory.model / CARD).read_text(encoding="utf-8"))
    return run


def _refined(run: Run, folder: Path, files: Sequence[Path], labels: Path, survey: Any) -> dict[str, Any]:
    """Gather the spectra, refine, and write metrics and card."""
    preprocess, seed = run.settings.preprocess, run.settings.training.seed
    labelled = _labelled(files, labels, preprocess)
    counts = np.bincount(labelled.label, minlength=3).tolist()
    run.say(
        f"  {len(labelled)} labelled spectra: {counts[0]} absorption, {counts[1]} emission, "
        f"{counts[2]} double"
    )
    simulated = simulate_windows(SIMULATED, seed=run.settings.simulate.seed + 1, varied=True)
    known = {"simulated": simulated_examples(simulated, options=preprocess)}
    drawn = None
    if survey is not None:
        drawn = draw_unlabelled(survey, run.settings.hosts.spectra, preprocess=preprocess)
        drawn = without_known_emitters(drawn, labelled)
        known["survey"] = host_examples(
            drawn, negatives=OF_SURVEY, injected=OF_SURVEY, seed=seed, options=preprocess
        )
    refined = refine(folder, labelled, known, run.directory.model, survey=drawn, seed=seed)
    write_json(run.directory.metrics, refined.facts)
    version = refined.classifier.version
    write_text(run.directory.model / CARD, card(refined.facts, version=version))
    return {"model_version": version, "refined_from": refined.facts["base"]}


def _labelled(files: Sequence[Path], labels: Path, preprocess: PreprocessOptions) -> Examples:
    """Read labelled spectra, their spectral indices included.

    Raises
    ------
    UserError
        The labels are of none of the spectra.
    """
    words = read_labels(labels)
    names = [str(path) for path in files]
    chunks = [names[first : first + CHUNK] for first in range(0, len(names), CHUNK)]
    windows = concatenate([prepare_files(chunk, preprocess).windows for chunk in chunks])
    examples = Examples.of(windows, match_labels(windows.identity, words).label, origin=LABELLED)
    if not len(examples):
        raise UserError(
            f"nothing to learn from: {len(windows)} of {len(files)} files have a window, and {labels} has a "
            "label for none of them; its column id holds publisher DIDs or file names"
        )
    return examples

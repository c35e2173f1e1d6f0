"""The first half of a run: from labelled spectra to a model that every other command can use."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from vo_emline.files import atomic_path, files_digest, write_json
from vo_emline.preprocess import WindowSet, read_windows, write_windows
from vo_emline.runs.examples import (
    LABELS_FILE,
    TRAINING_FILES,
    class_counts,
    draw_unlabelled,
    gather,
    read_examples,
    write_examples,
)
from vo_emline.runs.settings import RunSettings
from vo_emline.runs.steps import Run, log_to, open_run
from vo_emline.spectra import find_spectra
from vo_emline.survey import WindowStore, find_store
from vo_emline.survey.model import threads_for_same_bits
from vo_emline.survey.scores import method_text
from vo_emline.survey.shards import Say
from vo_emline.training import Classifier, Examples, train, without_known_emitters
from vo_emline.training.classifier import FAMILIARITY, SECOND_STAGE
from vo_emline.training.description import ModelDescription
from vo_emline.training.examples import NAMING
from vo_emline.training.expectation import add_second_stage
from vo_emline.training.familiarity import add_familiarity
from vo_emline.training.regression import RegressionOptions, add_regression
from vo_emline.training.regression.model import PART as REGRESSION
from vo_emline.training.regression.model import LineRegression
from vo_emline.training.student import PART as STUDENT

UNLABELLED_FILE: Final = "unlabelled.arrow"
"""Windows of the unlabelled spectra that take part in training, in the folder of the training set."""

SPECTRA_FILE: Final = "expected.parquet"
"""Who the spectra are that the expected absorption was learnt from, in the folder of the training set."""

BALANCE: Final = {
    "smote": "balanced by SMOTE",
    "weights": "balanced by class weights",
    "none": "classes as frequent as they are",
}
"""How unequal classes are levelled out, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingInputs:
    """What a network is trained on."""

    training: tuple[Path, ...]
    """Files or folders of labelled spectra."""
    labels: Path
    """CSV of ``id,label``."""
    unlabelled: tuple[Path, ...] = ()
    """Files or folders of the survey, or one store of windows: negatives, and hosts of emission put in."""


def train_run(inputs: TrainingInputs, output: Path, *, settings: RunSettings, say: Say) -> Run:
    """Gather the training set and train the network, as far as that is not done yet.

    Parameters
    ----------
    inputs
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
        learn(run, inputs)
    return run


def learn(
    run: Run, inputs: TrainingInputs, *, survey: Sequence[Path] | WindowStore | None = None
) -> tuple[Classifier, str]:
    """Do the steps of training; give the network, and the digest of what it was made from.

    How deep Hα should be is learnt from the unlabelled spectra, or from `survey` where there are none.
    """
    threads_for_same_bits()
    labelled = spectrum_files(inputs.training, inputs.labels)
    unlabelled = survey_spectra(inputs.unlabelled, inputs.labels) if inputs.unlabelled else None
    source = survey if unlabelled is None else unlabelled
    drawn: WindowSet | None = None
    drawn_from = ""
    if source is not None and (unlabelled is not None or run.settings.preprocess.indices):
        drawn, drawn_from = _unlabelled_spectra(run, source)
    run.say("Training set: labelled spectra, air to vacuum, line spread matched, resampled to 140 pixels")
    hosts, hosts_from = (None, "") if unlabelled is None else (drawn, drawn_from)
    examples, made = _training_set(run, labelled, inputs.labels, hosts, hosts_from)
    run.say(f"Network: split by star, {BALANCE[run.settings.training.balance]}, trained, calibrated")
    made = _network(run, examples, made)
    run.say("Lines: heads that measure simulated emission as the network finds it")
    made = regress(run, made)
    if drawn is not None and run.settings.preprocess.indices:
        run.say("Expected absorption: how deep Hα should be, from the rest of the spectrum")
        made = _expectation(run, drawn, examples, [made, drawn_from])
        made = _familiarity(run, drawn, examples, made)
    if run.settings.student.stars:
        run.say("Student: a small network that screens large surveys")
        made = _student(run, examples, made)
    return Classifier.load(run.directory.model), made


def survey_spectra(paths: Sequence[Path], labels: Path) -> list[Path] | WindowStore:
    """Find the spectra of a survey: a store of windows, or files."""
    store = find_store(paths)
    return spectrum_files(paths, labels) if store is None else store


def spectrum_files(paths: Sequence[Path], labels: Path) -> list[Path]:
    """Find spectra, but not the table of labels that may lie among them."""
    return [path for path in find_spectra(paths) if path.resolve() != labels.resolve()]


def survey_digest(source: Sequence[Path] | WindowStore) -> str:
    """Give a digest of a survey: files, or a store of windows."""
    return files_digest(source.files() if isinstance(source, WindowStore) else source)


def _unlabelled_spectra(run: Run, source: Sequence[Path] | WindowStore) -> tuple[WindowSet, str]:
    """Draw and prepare some spectra of the survey, once for all that is learnt from them."""
    options, preprocess = run.settings.hosts, run.settings.preprocess
    path = run.directory.training / UNLABELLED_FILE

    def draw() -> dict[str, int]:
        windows = draw_unlabelled(source, options.spectra, preprocess=preprocess)
        write_windows(path, windows, options=preprocess)
        return {"spectra": len(windows)}

    run.say("Unlabelled spectra of the survey: drawn by their names, prepared like the others")
    made_from = [survey_digest(source), options.spectra, preprocess.model_dump(mode="json")]
    done = run.step("unlabelled spectra", draw, made_from=made_from, outputs=[path], clears=[path])
    return read_windows(path), done.made_from


def _training_set(
    run: Run, paths: Sequence[Path], labels: Path, unlabelled: WindowSet | None, unlabelled_from: str
) -> tuple[Examples, str]:
    """Gather labelled, simulated and survey windows; give them with the digest of what they come from."""
    settings, directory = run.settings, run.directory.training

    def make() -> dict[str, Any]:
        examples, rejects, counts = gather(paths, labels, settings=settings, unlabelled=unlabelled)
        write_examples(directory, examples, rejects=rejects, options=settings.preprocess)
        return {"counts": asdict(counts), "classes": class_counts(examples)}

    hosts = () if unlabelled is None else (unlabelled_from, settings.hosts.model_dump(mode="json"))
    done = run.step(
        "training set",
        make,
        made_from=[
            files_digest([*paths, labels]),
            settings.preprocess.model_dump(mode="json"),
            settings.simulate.model_dump(mode="json"),
            *hosts,
        ],
        outputs=[directory / LABELS_FILE],
        clears=[directory / name for name in TRAINING_FILES],
    )
    run.say(_training_text(done.facts["counts"], done.facts["classes"]))
    return read_examples(directory), done.made_from


def _training_text(counts: dict[str, int], classes: dict[str, int]) -> str:
    survey = (
        f"{counts['survey']} unlabelled spectra of the survey as negatives and hosts, "
        f"{counts['injected']} times with emission put in\n  "
    )
    return (
        f"  {counts['labelled']} labelled spectra of {counts['files']} files "
        f"({counts['unknown']} unknown, {counts['unlabelled']} unlabelled, {counts['rejected']} rejected), "
        f"{counts['simulated']} simulated ones join\n  "
        + (survey if counts["survey"] else "")
        + ", ".join(f"{number} {label}" for label, number in classes.items())
    )


def _network(run: Run, examples: Examples, made_from: str) -> str:
    """Train the network; metrics are on disk then."""
    directory, settings = run.directory, run.settings

    def make() -> dict[str, Any]:
        trained = train(examples, directory.model, options=settings.training, preprocess=settings.preprocess)
        write_json(directory.metrics, trained.metrics)
        return {"model_version": trained.classifier.version}

    done = run.step(
        "network",
        make,
        made_from=[made_from, settings.training.model_dump(mode="json")],
        outputs=[directory.model / "model.json", directory.metrics],
        clears=[directory.model],
    )
    facts = json.loads(directory.metrics.read_text(encoding="utf-8"))["training"]
    device = facts["device"]
    kind = device["kind"] or f"{device['cores']} cores"
    run.say(
        f"  {facts['epochs']} epochs in {facts['seconds']:.0f} s on {device['platform']} ({kind}); "
        f"kept epoch {facts['best_epoch'] + 1} (validation loss {facts['validation_loss']:.4f})"
    )
    return done.made_from


def regress(run: Run, made_from: str) -> str:
    """Add the regression of lines to the run's model; give the digest of what it was made from."""
    options: RegressionOptions = run.settings.lines

    def make() -> dict[str, Any]:
        add_regression(run.directory.model, options=options)
        regression = LineRegression.load(run.directory.model)
        return {"methods": method_text(regression), "learnt": regression is not None}

    made = [made_from, options.model_dump(mode="json")]
    done = run.step("line regression", make, made_from=made, kept=_part_is_kept(run, REGRESSION))
    run.say(f"  lines of candidates are measured by: {done.facts['methods']}")
    return done.made_from


def _expectation(run: Run, drawn: WindowSet, examples: Examples, made_from: Sequence[str]) -> str:
    """Add the second stage: how deep Hα is without emission. Known emitters teach nothing here."""
    seed, path = run.settings.hosts.seed, run.directory.training / SPECTRA_FILE

    def make() -> dict[str, int]:
        sample = _unknown_stars(drawn, examples)
        with atomic_path(path) as temporary:
            parquet.write_table(sample.identity.select(list(NAMING)), temporary)
        second = add_second_stage(run.directory.model, sample, seed=seed).second_stage
        return {"spectra": len(sample), "learnt": 0 if second is None else len(second.expected.points)}

    done = run.step(
        "expected absorption",
        make,
        made_from=[*made_from, seed],
        outputs=[path],
        kept=_part_is_kept(run, SECOND_STAGE),
    )
    learnt, spectra = done.facts["learnt"], done.facts["spectra"]
    run.say(
        f"  learnt from {learnt} of {spectra} spectra of the survey"
        if learnt
        else f"  {spectra} spectra of the survey are too few, or do not show the blue: done without"
    )
    return done.made_from


def _unknown_stars(drawn: WindowSet, examples: Examples) -> WindowSet:
    """Leave out of the survey's spectra those of stars that people have labelled emitters."""
    by_people = np.flatnonzero(np.array(examples.origin) == "labelled")
    return without_known_emitters(drawn, examples.take(by_people))


def _familiarity(run: Run, drawn: WindowSet, examples: Examples, made_from: str) -> str:
    """Add what the network knows of emission, so that what is like nothing it was shown can be told."""
    seed = run.settings.hosts.seed

    def make() -> dict[str, bool]:
        found = add_familiarity(run.directory.model, _unknown_stars(drawn, examples), seed=seed)
        return {"learnt": found is not None}

    done = run.step("familiarity", make, made_from=[made_from, seed], kept=_part_is_kept(run, FAMILIARITY))
    if not done.facts["learnt"]:
        run.say("  too few spectra, or lines found in them, to tell what is unlike known emission")
    return done.made_from


def learnt_from(training: Path) -> pa.Table | None:
    """Give who the spectra are that a run's expectation was learnt from; None where there is none."""
    path = training / SPECTRA_FILE
    return parquet.read_table(path) if path.is_file() else None


def _student(run: Run, examples: Examples, made_from: str) -> str:
    """Distil the student, which screens spectra for the network in large surveys."""
    from vo_emline.training.distillation import add_student

    options = run.settings.student

    def make() -> dict[str, Any]:
        student = add_student(run.directory.model, examples.windows.flux, options=options)
        learnt = None if student is None else {"threshold": student.threshold, **student.held_out._asdict()}
        return {"learnt": learnt}

    made = [made_from, options.model_dump(mode="json")]
    done = run.step("student", make, made_from=made, kept=_part_is_kept(run, STUDENT))
    learnt = done.facts["learnt"]
    run.say(
        f"  settles {learnt['lost']} of {learnt['positives']} simulated spectra in which the network "
        "finds emission"
        if learnt
        else "  none: the network sees every spectrum"
    )
    return done.made_from


def _part_is_kept(run: Run, part: str) -> Any:
    """Tell, of a step that added a part to the model, whether it is there: it goes with a new network."""
    return lambda facts: not facts["learnt"] or part in ModelDescription.read(run.directory.model).parts

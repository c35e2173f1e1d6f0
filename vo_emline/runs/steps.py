"""The steps of a run: each is skipped where it was finished from the same inputs, or resumed."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vo_emline.candidates import Provenance, release_survey, write_tables
from vo_emline.files import write_json
from vo_emline.rundir import SUMMARY, RunDirectory
from vo_emline.runs.examples import LABELS_FILE, class_counts, gather, read_examples, summary, write_examples
from vo_emline.runs.known import KnownNames, catalogue_files
from vo_emline.runs.manifest import Manifest, digest, files_digest
from vo_emline.runs.settings import RunSettings
from vo_emline.survey import (
    SurveyOptions,
    SurveySummary,
    WindowStore,
    classify_store,
    classify_survey,
)
from vo_emline.training import Classifier, Examples, train

logger = logging.getLogger(__name__)

Say = Callable[[str], None]
"""Receives what the run tells its user, a line or a few at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What every step works with."""

    directory: RunDirectory
    settings: RunSettings
    manifest: Manifest
    say: Say

    def skip(self, step: str, inputs: str, *outputs: Path) -> bool:
        """Tell whether `step` is done already and its `outputs` are there, and say so."""
        done = self.manifest.done(step, inputs, outputs=outputs)
        if done:
            self.say(f"  already done: {step}")
        return done


def training_set(
    run: Run, paths: Sequence[Path], labels: Path, unlabelled: Sequence[Path] | WindowStore | None = None
) -> tuple[Examples, str]:
    """Gather labelled, simulated and survey windows; give them with the digest of what they come from."""
    settings = run.settings
    hosts = () if unlabelled is None else (survey_digest(unlabelled), settings.hosts.model_dump(mode="json"))
    inputs = digest(
        files_digest([*paths, labels]),
        settings.preprocess.model_dump(mode="json"),
        settings.simulate.model_dump(mode="json"),
        *hosts,
    )
    if not run.skip("training set", inputs, run.directory.training / LABELS_FILE):
        run.manifest.begin("training set", inputs, outputs=[run.directory.training])
        examples, rejects, counts = gather(paths, labels, settings=settings, unlabelled=unlabelled)
        write_examples(run.directory.training, examples, rejects=rejects, options=settings.preprocess)
        facts = {"counts": summary(counts), "classes": class_counts(examples)}
        run.manifest.finish("training set", inputs, **facts)
    facts = run.manifest.facts("training set")
    run.say(_training_text(facts["counts"], facts["classes"]))
    return read_examples(run.directory.training), inputs


def _training_text(counts: dict[str, int], classes: dict[str, int]) -> str:
    return (
        f"  {counts['labelled']} labelled spectra of {counts['files']} files "
        f"({counts['unknown']} unknown, {counts['unlabelled']} unlabelled, {counts['rejected']} rejected), "
        f"{counts['simulated']} simulated ones join\n  "
        + _survey_share(counts)
        + ", ".join(f"{number} {label}" for label, number in classes.items())
    )


def _survey_share(counts: dict[str, int]) -> str:
    if not counts["survey"]:
        return ""
    return (
        f"{counts['survey']} unlabelled spectra of the survey as negatives and hosts, "
        f"{counts['injected']} times with emission put in\n  "
    )


def survey_digest(source: Sequence[Path] | WindowStore) -> str:
    """Give a digest of a survey: files, or a store of windows."""
    return files_digest(source.files() if isinstance(source, WindowStore) else source)


def network(run: Run, examples: Examples, *, made_from: str) -> tuple[Classifier, str]:
    """Train the network, or load the one trained from the same examples; metrics are on disk then."""
    inputs = digest(made_from, run.settings.training.model_dump(mode="json"))
    if not run.skip("network", inputs, run.directory.model / "model.json", run.directory.metrics):
        run.manifest.begin("network", inputs, outputs=[run.directory.model])
        trained = train(
            examples,
            run.directory.model,
            options=run.settings.training,
            preprocess=run.settings.preprocess,
        )
        write_json(run.directory.metrics, trained.metrics)
        run.manifest.finish("network", inputs, model_version=trained.classifier.version)
    facts = json.loads(run.directory.metrics.read_text(encoding="utf-8"))["training"]
    run.say(
        f"  {facts['epochs']} epochs in {facts['seconds']:.0f} s on {_device_text(facts['device'])}; "
        f"kept epoch {facts['best_epoch'] + 1} (validation loss {facts['validation_loss']:.4f})"
    )
    return Classifier.load(run.directory.model), inputs


def _device_text(device: dict[str, Any]) -> str:
    kind = device["kind"] or f"{device['cores']} cores"
    return f"{device['platform']} ({kind})"


def survey(run: Run, source: Sequence[Path] | WindowStore, classifier: Classifier, *, made_from: str) -> str:
    """Classify the survey, files or a store of windows; finished shards of an interrupted run are kept."""
    inputs = digest(made_from, survey_digest(source))
    if not run.skip("survey", inputs, run.directory.survey / SUMMARY):
        run.manifest.begin("survey", inputs, outputs=[run.directory.survey])
        result = _classified(run, source, classifier)
        run.manifest.finish(
            "survey", inputs, inputs_total=result.inputs, classes=result.classes, rejects=result.rejects
        )
    facts = run.manifest.facts("survey")
    run.say(_survey_text(facts))
    return inputs


def _classified(run: Run, source: Sequence[Path] | WindowStore, classifier: Classifier) -> SurveySummary:
    preprocess = classifier.description.preprocess
    options = SurveyOptions(workers=run.settings.workers, cascade=False)
    directory = run.directory.survey
    if isinstance(source, WindowStore):
        return classify_store(source, classifier, directory, preprocess=preprocess, options=options)
    return classify_survey(source, classifier, directory, preprocess=preprocess, options=options)


def _survey_text(facts: dict[str, Any]) -> str:
    classes = ", ".join(f"{number} {label}" for label, number in facts["classes"].items())
    reasons = ", ".join(f"{number} {code}" for code, number in facts["rejects"].items())
    return f"  {facts['inputs_total']} files: {classes}; rejected: {reasons or 'none'}"


def release(run: Run, *, made_from: str, model_version: str) -> None:
    """Build the release and write the tables; rows in = candidates + others + rejects."""
    known = run.settings.known
    inputs = digest(made_from, run.settings.authority, known, files_digest(catalogue_files(known)))
    if run.skip("release", inputs, run.directory.release, run.directory.tables):
        return
    run.manifest.begin("release", inputs, outputs=[run.directory.tables])
    counts = release_survey(
        run.directory.release,
        run.directory.survey,
        provenance=Provenance(
            authority=run.settings.authority, run_id=run.manifest.run_id, model_version=model_version
        ),
        metadata={"created": run.manifest.created},
        name_known=KnownNames(known) if known else None,
    )
    write_tables(run.directory.release, run.directory.tables)
    others = counts.scores - counts.candidates
    run.manifest.finish("release", inputs, candidates=counts.candidates, others=others)

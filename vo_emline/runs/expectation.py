"""The step of a run that learns, from the survey itself, how deep Hα is without emission."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from vo_emline.files import atomic_path
from vo_emline.runs.manifest import digest
from vo_emline.runs.second_stage import add_second_stage
from vo_emline.runs.steps import Run, survey_digest
from vo_emline.runs.unlabelled import draw_unlabelled
from vo_emline.survey import WindowStore
from vo_emline.training import Classifier, Examples, without_known_emitters
from vo_emline.training.classifier import SECOND_STAGE
from vo_emline.training.description import ModelDescription
from vo_emline.training.examples import NAMING

STEP: Final = "expected absorption"

SPECTRA_FILE: Final = "expected.parquet"
"""Who the spectra are that were learnt from, in the folder of the training set."""


def expect(
    run: Run, survey: Sequence[Path] | WindowStore, examples: Examples, *, made_from: str
) -> tuple[Classifier, str]:
    """Add the second stage to the run's model, unless that is done.

    Parameters
    ----------
    run
        The run, its network trained.
    survey
        Files of the survey, or a store of windows: a sample is drawn of them.
    examples
        The training set: stars that it calls emitters teach nothing here.
    made_from
        Digest of what the network was made from.

    Returns
    -------
    tuple
        The model as it is now, and the digest of what it was made from.
    """
    options = run.settings.hosts
    inputs = digest(made_from, survey_digest(survey), options.spectra, options.seed)
    spectra = run.directory.training / SPECTRA_FILE
    if not (_is_kept(run) and run.skip(STEP, inputs, spectra)):
        run.manifest.begin(STEP, inputs, outputs=[])
        sample = draw_unlabelled(survey, options.spectra, preprocess=run.settings.preprocess)
        by_people = np.flatnonzero(np.array(examples.origin) == "labelled")
        sample = without_known_emitters(sample, examples.take(by_people))
        with atomic_path(spectra) as temporary:
            parquet.write_table(sample.identity.select(list(NAMING)), temporary)
        classifier = add_second_stage(run.directory.model, sample, seed=options.seed)
        second = classifier.second_stage
        learnt = 0 if second is None else len(second.expected.points)
        run.manifest.finish(STEP, inputs, spectra=len(sample), learnt=learnt)
    facts = run.manifest.facts(STEP)
    run.say(
        f"  learnt from {facts['learnt']} of {facts['spectra']} spectra of the survey"
        if facts["learnt"]
        else f"  {facts['spectra']} spectra of the survey are too few, or do not show the blue: done without"
    )
    return Classifier.load(run.directory.model), inputs


def _is_kept(run: Run) -> bool:
    """Tell whether the model still has what was learnt: it goes when the network is trained again."""
    learnt = run.manifest.steps.get(STEP, {}).get("learnt", 0)
    return not learnt or SECOND_STAGE in ModelDescription.read(run.directory.model).parts


def learnt_from(training: Path) -> pa.Table | None:
    """Give who the spectra are that a run's expectation was learnt from; None where there is none."""
    path = training / SPECTRA_FILE
    return parquet.read_table(path) if path.is_file() else None

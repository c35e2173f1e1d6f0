"""The step of a run that distils the student, which screens spectra for its network in large surveys."""

from __future__ import annotations

from typing import Any

from vo_emline.runs.manifest import digest
from vo_emline.runs.steps import Run
from vo_emline.training import Classifier, Examples
from vo_emline.training.description import ModelDescription
from vo_emline.training.student import PART

STEP = "student"


def distil_student(run: Run, examples: Examples, *, made_from: str) -> tuple[Classifier, str]:
    """Add a student to the run's model, unless that is done or none is wanted.

    Parameters
    ----------
    run
        The run, its network and second stage learnt.
    examples
        What the network was trained on.
    made_from
        Digest of what they were made from.

    Returns
    -------
    tuple
        The model as it is now, and the digest of what it was made from.
    """
    from vo_emline.training.distillation import add_student

    options = run.settings.student
    inputs = digest(made_from, options.model_dump(mode="json"))
    if not (_is_kept(run) and run.skip(STEP, inputs)):
        run.manifest.begin(STEP, inputs, outputs=[])
        student = add_student(run.directory.model, examples.windows.flux, options=options)
        facts = None if student is None else {"threshold": student.threshold, **student.held_out._asdict()}
        run.manifest.finish(STEP, inputs, learnt=facts)
    run.say(f"  {_text(run.manifest.facts(STEP)['learnt'])}")
    return Classifier.load(run.directory.model), inputs


def _text(learnt: dict[str, Any] | None) -> str:
    if learnt is None:
        return "none: the network sees every spectrum"
    return (
        f"settles {learnt['lost']} of {learnt['positives']} simulated spectra in which the network "
        "finds emission"
    )


def _is_kept(run: Run) -> bool:
    """Tell whether the model still has its student: it goes when the network is trained again."""
    learnt = run.manifest.steps.get(STEP, {}).get("learnt")
    return learnt is None or PART in ModelDescription.read(run.directory.model).parts

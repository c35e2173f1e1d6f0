"""Refining a trained model with labels of people, so that what it knew it still knows.

The convolutions stay, and the last layer is fitted anew (:mod:`~vo_emline.training.last_layer`).
Where the survey's own spectra are given, what Hα should be is learnt of them again. Then both models are
asked of spectra that neither fit has seen: a refined model that is worse at what was known, or no better at
what the labels say, is refused.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np

from vo_emline.arrays import FloatArray, Probabilities
from vo_emline.errors import UserError
from vo_emline.labels import ABSORPTION
from vo_emline.measure.matched import insist
from vo_emline.preprocess.windows import WindowSet
from vo_emline.training.classifier import Classifier, write_weights
from vo_emline.training.description import REFINED_FROM, REFINED_PARTS, add_part, read_arrays
from vo_emline.training.examples import Examples
from vo_emline.training.expectation import add_second_stage
from vo_emline.training.familiarity import last_layer_input
from vo_emline.training.last_layer import LABELLED, Chosen, Seen, choose_layer, figures, require_no_harm
from vo_emline.training.options import CLASS_SHARES, EVEN
from vo_emline.training.prediction import Predictor
from vo_emline.training.second_stage import SecondStage
from vo_emline.training.stars import Split, split_by_star
from vo_emline.training.student import PART as STUDENT
from vo_emline.training.student import Student

HELD_OUT: Final = 0.25
"""Share of the stars that choose the pull, and of those that judge at the end."""

LEAST_LABELLED: Final = 20
"""Of fewer labelled spectra nothing can be held out."""

INJECTIONS: Final = 2000
"""Emission lines put into the survey's spectra for the second stage: a third of those of a training."""

STUDENT_MAY_LOSE: Final = 0.001
"""Share of the emission found that the student may settle; it is left out of a refined model otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refinement:
    """A refined model, and what changed."""

    classifier: Classifier
    facts: dict[str, Any]
    """JSON-ready: ``base`` (its version), ``pull``, ``temperature``, ``parts`` taken over, ``second_stage``
    (whether it was learnt anew), and ``before`` and ``after``: by kind of held-out spectra what :func:`ask`
    gives."""


def refine(
    base: Path,
    labelled: Examples,
    known: Mapping[str, Examples],
    target: Path,
    *,
    survey: WindowSet | None = None,
    seed: int = 0,
) -> Refinement:
    """Refine the model in `base` and write the result to `target`.

    Parameters
    ----------
    base
        Folder of a trained model; it is not changed.
    labelled
        Spectra with labels of people, their windows prepared as the model wants them.
    known
        By name, spectra of known truth that the model must not get worse at.
    target
        Folder of the refined model; nothing is left there where it is refused.
    survey
        Windows of the survey's own spectra, with their indices; None to keep the second stage.
    seed
        Of the split by star; the same arguments give the same model.

    Raises
    ------
    UserError
        There are too few labelled spectra, or the refined model is refused.
    """
    if len(labelled) < LEAST_LABELLED:
        raise UserError(
            f"{len(labelled)} labelled spectra are too few to hold any out; label {LEAST_LABELLED}"
        )
    model = Classifier.load(base)
    groups = {LABELLED: labelled, **known}
    splits = {name: _split(group, seed=seed) for name, group in groups.items()}
    fitting, choosing, judging = (
        {name: group.take(getattr(splits[name], side)) for name, group in groups.items()}
        for side in ("train", "validation", "test")
    )
    before = {name: ask(model, group) for name, group in judging.items()}
    (kernel, bias), pull, temperature = _last_layer(model, fitting, choosing)
    parts = {name: part.sha256 for name, part in model.description.parts.items()}
    origin = {REFINED_FROM: model.version, REFINED_PARTS: parts, "pull": pull}
    training = {**model.description.training, **origin}
    try:
        _write(target, model, kernel, bias, temperature=temperature, training=training)
        kept = _copy_parts(base, target, model, judging)
        if survey is not None:
            add_second_stage(target, survey, seed=seed, injections=INJECTIONS)
        refined = Classifier.load(target)
        after = {name: ask(refined, group) for name, group in judging.items()}
        require_no_harm(before, after)
    except BaseException:
        shutil.rmtree(target, ignore_errors=True)
        raise
    facts = {
        "base": model.version,
        "pull": pull,
        "temperature": temperature,
        "parts": kept,
        "second_stage": survey is not None and refined.second_stage is not None,
    }
    return Refinement(classifier=refined, facts={**facts, "before": before, "after": after})


def ask(classifier: Classifier, examples: Examples) -> dict[str, Any]:
    """Measure a model on spectra of known class; gives :func:`~vo_emline.training.last_layer.figures`."""
    return figures(classifier.predict_windows(examples.windows, shares=EVEN), examples.label)


def _split(examples: Examples, *, seed: int) -> Split:
    return split_by_star(examples.strata(), examples.stars(), validation=HELD_OUT, test=HELD_OUT, seed=seed)


def _last_layer(
    model: Classifier, fitting: Mapping[str, Examples], choosing: Mapping[str, Examples]
) -> Chosen:
    """Choose a last layer for a model."""
    scale = model.description.temperature
    kernel, bias = (np.asarray(model.parameters[f"output.{name}"], np.float64) for name in ("kernel", "bias"))
    sees = last_layer_input(model)

    def seen(groups: Mapping[str, Examples]) -> dict[str, Seen]:
        return {name: _seen(group, sees, model.second_stage) for name, group in groups.items()}

    return choose_layer((kernel / scale, bias / scale), seen(fitting), seen(choosing))


def _seen(examples: Examples, sees: Predictor, second: SecondStage | None) -> Seen:
    """See spectra as the convolutions of a model do, and let its second stage and the check come after."""
    windows = examples.windows
    excess = cache(lambda: None if second is None else second.excess(windows))  # not where nobody asks

    def refine(balanced: Probabilities) -> Probabilities:
        known = excess()
        return insist(
            balanced if second is None or known is None else second.refine(balanced, known), windows
        )

    return Seen(sees(windows.flux).astype(np.float64), examples.label, refine)


def _write(
    target: Path,
    model: Classifier,
    kernel: FloatArray,
    bias: FloatArray,
    *,
    temperature: float,
    training: dict[str, Any],
) -> None:
    parameters = {name: np.asarray(value) for name, value in model.parameters.items()}
    parameters |= {"output.kernel": kernel, "output.bias": bias}
    halves = {name: np.asarray(value, dtype=np.float16) for name, value in parameters.items()}
    update = {"temperature": temperature, "prior": EVEN, "training": training}
    write_weights(target, halves, model.description.model_copy(update=update))


def _copy_parts(base: Path, target: Path, model: Classifier, judging: Mapping[str, Examples]) -> list[str]:
    """Take over the parts of the model, but for a student that would lose what is found now."""
    refined = Classifier.load(target)
    kept = []
    for name, part in sorted(model.description.parts.items()):
        if name == STUDENT and _student_loses(base, refined, judging):
            continue
        add_part(target, name, read_arrays(base, part))
        kept.append(name)
    return kept


def _student_loses(base: Path, refined: Classifier, judging: Mapping[str, Examples]) -> bool:
    """Tell whether the student settles emission that the refined network finds."""
    student = Student.load(base)
    if student is None:
        return False
    flux = np.concatenate([group.windows.flux for group in judging.values()])
    stated = refined.predict_proba(flux, shares=CLASS_SHARES)
    found = stated.argmax(axis=1) != ABSORPTION
    passed = student.passes(student.predict_proba(flux, shares=CLASS_SHARES))
    return bool((found & ~passed).sum() > STUDENT_MAY_LOSE * found.sum())

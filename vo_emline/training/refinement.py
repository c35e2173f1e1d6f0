"""Refining a trained model with labels of people, so that what it knew it still knows.

The convolutions stay. The last layer is fitted anew on the labelled spectra together with spectra of known
truth. Of these it learns little of the truth and mostly what the model said before (Li & Hoiem 2017, TPAMI
40, 2935): by the truth alone it would unlearn on a few thousand spectra where the model, taught by many more,
had put the limit between weak emission and none. It is drawn towards the weights it had, too; how strongly is
chosen on held-out stars, by the figures that judge in the end, as is the temperature.
Where the survey's own spectra are given, what Hα should be is learnt of them again. Then both models are
asked of spectra that neither fit has seen: a refined model that is worse at what was known, or no better at
what the labels say, is refused.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import log_softmax

from vo_emline.arrays import ClassIndices, Column, FloatArray, Probabilities
from vo_emline.errors import UserError
from vo_emline.labels import ABSORPTION, LABELS
from vo_emline.measure.matched import insist
from vo_emline.preprocess.windows import WindowSet
from vo_emline.training.balance import class_weights
from vo_emline.training.calibration import correct_prior, fit_temperature
from vo_emline.training.classifier import Classifier, write_weights
from vo_emline.training.description import REFINED_FROM, REFINED_PARTS, add_part, read_arrays
from vo_emline.training.examples import Examples
from vo_emline.training.expectation import add_second_stage
from vo_emline.training.familiarity import last_layer_input
from vo_emline.training.metrics import proportion
from vo_emline.training.options import CLASS_SHARES, EVEN
from vo_emline.training.prediction import Predictor
from vo_emline.training.second_stage import SecondStage
from vo_emline.training.stars import Split, split_by_star
from vo_emline.training.student import PART as STUDENT
from vo_emline.training.student import Student

LABELLED: Final = "labelled"
"""Name of the people's spectra among those that are asked about."""

PULLS: Final = (1e-2, 3e-2, 1e-1, 1.0, 10.0)
"""How strongly the last layer is drawn to the weights it had: penalty on the squared change of weights, in
nats, for features of unit size."""

KEPT: Final = 0.9
"""Weight of what the model said of the known, where the truth has the rest. Measured on real spectra, split
by plate: with the truth alone no pull kept the emission found among 2 852 known lines (2 345 before, 2 318 to
2 336 after, at pulls of 0.1 to 10) and two splits of three were refused; all three are accepted with it."""

HELD_OUT: Final = 0.25
"""Share of the stars that choose the pull, and of those that judge at the end."""

WORSE: Final = {"cross_entropy": 0.01, "found": 0.005, "false_positives": 0.002}
"""What the known may lose: nats per spectrum, shares of emission found and of absorption called positive."""

PEOPLES_SHARE: Final = 0.3
"""Weight of the people's spectra among those that the last layer is fitted on; the known has the rest."""

CAREFUL: Final = 0.8
"""Share of :data:`WORSE` that the known may lose on the stars that choose the pull: other stars judge."""

LEAST_LABELLED: Final = 20
"""Of fewer labelled spectra nothing can be held out."""

INJECTIONS: Final = 2000
"""Emission lines put into the survey's spectra for the second stage: a third of those of a training."""

STUDENT_MAY_LOSE: Final = 0.001
"""Share of the emission found that the student may settle; it is left out of a refined model otherwise."""


Layer = tuple[FloatArray, FloatArray]
"""Weights and biases of a last layer, shape (features, 3) and (3,)."""


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
    kernel, bias, pull, temperature = _last_layer(model, fitting, choosing)
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
        _require_no_harm(before, after)
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
    """Measure a model on spectra of known class.

    Returns
    -------
    dict
        ``spectra``; ``cross_entropy``, nats per spectrum, where the classes count alike; ``found``, emission
        called positive by the plain label, and ``false_positives``, absorption called so, at the class shares
        of a survey, each with its exact interval.
    """
    return _figures(classifier.predict_windows(examples.windows, shares=EVEN), examples.label)


def _figures(balanced: Probabilities, label: ClassIndices) -> dict[str, Any]:
    positive = correct_prior(balanced, trained=EVEN, stated=CLASS_SHARES).argmax(axis=1) != ABSORPTION
    emission = label != ABSORPTION
    return {
        "spectra": len(label),
        "cross_entropy": cross_entropy(balanced, label),
        "found": proportion(int((positive & emission).sum()), int(emission.sum())),
        "false_positives": proportion(int((positive & ~emission).sum()), int((~emission).sum())),
    }


def cross_entropy(probability: Probabilities, label: ClassIndices) -> float:
    """Give the mean cross-entropy, nats, where the classes at hand count alike; 0 without spectra."""
    if not len(label):
        return 0.0
    chosen = np.asarray(probability, dtype=np.float64)[np.arange(len(label)), label]
    return float(-np.average(np.log(np.maximum(chosen, 1e-6)), weights=class_weights(label)))


def _split(examples: Examples, *, seed: int) -> Split:
    return split_by_star(examples.strata(), examples.stars(), validation=HELD_OUT, test=HELD_OUT, seed=seed)


class _Held(NamedTuple):
    """Held-out spectra, and all that does not depend on the last layer."""

    examples: Examples
    features: FloatArray
    excess: FloatArray

    @classmethod
    def of(cls, examples: Examples, *, seen: Predictor, second: SecondStage | None) -> _Held:
        """See them as the convolutions and the second stage of a model do."""
        nothing = np.full((len(examples), 2), np.nan)
        return cls(
            examples,
            seen(examples.windows.flux).astype(np.float64),
            nothing if second is None else second.excess(examples.windows),
        )

    def figures(self, layer: Layer, second: SecondStage | None) -> dict[str, Any]:
        """Measure a last layer as :func:`ask` measures a model."""
        balanced = np.exp(log_softmax(self.features @ layer[0] + layer[1], axis=1)).astype(np.float32)
        balanced = balanced if second is None else second.refine(balanced, self.excess)
        return _figures(insist(balanced, self.examples.windows), self.examples.label)


def _last_layer(
    model: Classifier, fitting: Mapping[str, Examples], choosing: Mapping[str, Examples]
) -> tuple[FloatArray, FloatArray, float, float]:
    """Fit the last layer with several pulls; give the best with its pull and temperature."""
    scale = model.description.temperature
    start: Layer = (
        np.asarray(model.parameters["output.kernel"], np.float64) / scale,
        np.asarray(model.parameters["output.bias"], np.float64) / scale,
    )
    seen, second = last_layer_input(model), model.second_stage
    features = np.concatenate([seen(group.windows.flux) for group in fitting.values()]).astype(np.float64)
    target = _targets(fitting, np.exp(log_softmax(features @ start[0] + start[1], axis=1)))
    weight = _weights(fitting)
    held = {name: _Held.of(group, seen=seen, second=second) for name, group in choosing.items()}
    before = {name: one.figures(start, second) for name, one in held.items()}

    def harmless(layer: Layer) -> dict[str, Any] | None:
        after = {name: one.figures(layer, second) for name, one in held.items()}
        return None if harm(before, after, share=CAREFUL) else after

    least, best = before[LABELLED]["cross_entropy"], 0.0
    layer = start
    for pull in PULLS:
        tried = fit_output(features, target, weight, kernel=start[0], bias=start[1], pull=pull)
        after = harmless(tried)
        if after is not None and after[LABELLED]["cross_entropy"] < least:
            least, best, layer = after[LABELLED]["cross_entropy"], pull, tried
    if not best:
        raise UserError(
            "refused: no change of the last layer is better on your held-out spectra without losing what the "
            "model knows; label more spectra, above all of kinds that it gets wrong"
        )
    logits = np.concatenate([one.features @ layer[0] + layer[1] for one in held.values()])
    labels = np.concatenate([one.examples.label for one in held.values()])
    temperature = fit_temperature(logits, labels, weight=_weights(choosing))
    cooler = harmless((layer[0] / temperature, layer[1] / temperature))
    helps = cooler is not None and cooler[LABELLED]["cross_entropy"] <= least
    return *layer, best, temperature if helps else 1.0


def _targets(groups: Mapping[str, Examples], said: FloatArray) -> FloatArray:
    """Give what the last layer is to say: labels of people, and of the known the truth and what was said."""
    truth = np.eye(len(LABELS))[np.concatenate([group.label for group in groups.values()])]
    kept = np.concatenate([np.full(len(group), KEPT * (name != LABELLED)) for name, group in groups.items()])
    return np.asarray((1.0 - kept[:, None]) * truth + kept[:, None] * said)


def _weights(groups: Mapping[str, Examples]) -> Column:
    """Give people's spectra their share of the weight, and let classes count alike; the sum is 1."""
    others = max(len(groups) - 1, 1)
    parts = []
    for name, group in groups.items():
        share = PEOPLES_SHARE if name == LABELLED else (1.0 - PEOPLES_SHARE) / others
        parts.append(share * class_weights(group.label).astype(np.float64) / max(len(group), 1))
    return np.concatenate(parts)


def fit_output(
    features: FloatArray,
    target: FloatArray,
    weight: Column,
    *,
    kernel: FloatArray,
    bias: FloatArray,
    pull: float,
) -> tuple[FloatArray, FloatArray]:
    """Fit the last layer, drawn to the weights it had; a convex problem.

    Parameters
    ----------
    features
        What the layer sees, shape (n, features).
    target
        Probabilities that the layer is to give, shape (n, 3); one of them is 1 where the class is known.
    weight
        Weight of each window, shape (n,); the sum is 1.
    kernel, bias
        The weights it had, shape (features, 3) and (3,).
    pull
        Penalty on the squared change, nats, for features of unit size.

    Returns
    -------
    kernel, bias
        The weights that fit.
    """
    size = np.maximum(np.sqrt(np.mean(np.square(features), axis=0)), 1e-9)
    design = np.column_stack([features / size, np.ones(len(features))])
    start = np.vstack([kernel * size[:, None], bias])

    def loss(change: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        moved = change.reshape(start.shape)
        log_p = log_softmax(design @ (start + moved), axis=1)
        gradient = design.T @ (weight[:, None] * (np.exp(log_p) - target)) + 2.0 * pull * moved
        return float(pull * np.sum(moved**2) - weight @ (target * log_p).sum(axis=1)), gradient.ravel()

    found = minimize(loss, np.zeros(start.size), jac=True, method="L-BFGS-B", options={"maxiter": 200})
    fitted = start + found.x.reshape(start.shape)
    return fitted[:-1] / size[:, None], fitted[-1]


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


def _require_no_harm(before: Mapping[str, dict[str, Any]], after: Mapping[str, dict[str, Any]]) -> None:
    """Refuse a model that is worse at the known, or no better at what the labels say.

    Raises
    ------
    UserError
        It is; the message has the figures.
    """
    lost = harm(before, after)
    if lost:
        raise UserError("refused: the refined model is worse at what was known: " + "; ".join(lost))
    was, now = before[LABELLED]["cross_entropy"], after[LABELLED]["cross_entropy"]
    if now >= was:
        raise UserError(
            f"refused: on your held-out spectra the refined model is no better (cross-entropy {was:.4f} → "
            f"{now:.4f} nats); label more spectra, above all of kinds that the model gets wrong"
        )


def harm(
    before: Mapping[str, dict[str, Any]], after: Mapping[str, dict[str, Any]], *, share: float = 1.0
) -> list[str]:
    """Say where a model is worse at the known than it may be.

    Parameters
    ----------
    before, after
        What :func:`ask` gave for each kind of spectra.
    share
        Part of :data:`WORSE` that may be lost.
    """
    return [
        f"{name}: {figure.replace('_', ' ')} {_value(was[figure]):.4f} → {_value(after[name][figure]):.4f}"
        for name, was in before.items()
        if name != LABELLED
        for figure, allowed in WORSE.items()
        if _loss_of(figure, was[figure], after[name][figure]) > share * allowed
    ]


def _loss_of(figure: str, was: Any, now: Any) -> float:
    change = _value(now) - _value(was)
    return -change if figure == "found" else change


def _value(figure: Any) -> float:
    """Give a number, or that of a share; 0 where there is nothing to count."""
    value = figure["value"] if isinstance(figure, Mapping) else figure
    return 0.0 if value is None else float(value)

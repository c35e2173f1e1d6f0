"""The last layer of a network, fitted anew on labels of people so that what it knew it still knows.

It is fitted on the labelled spectra together with spectra of known truth. Of these it learns little of the
truth and mostly what the model said before (Li & Hoiem 2017, TPAMI 40, 2935): by the truth alone it would
unlearn on a few thousand spectra where the model, taught by many more, had put the limit between weak
emission and none. It is drawn towards the weights it had, too; how strongly is chosen on other stars, by the
figures that judge in the end, as is the temperature.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import log_softmax

from vo_emline.arrays import ClassIndices, Column, FloatArray, Probabilities
from vo_emline.errors import UserError
from vo_emline.labels import ABSORPTION, LABELS
from vo_emline.training.balance import class_weights
from vo_emline.training.calibration import correct_prior, fit_temperature
from vo_emline.training.metrics import proportion
from vo_emline.training.options import CLASS_SHARES, EVEN

LABELLED: Final = "labelled"
"""Name of the people's spectra among those that are asked about."""

PULLS: Final = (1e-2, 3e-2, 1e-1, 1.0, 10.0)
"""How strongly the last layer is drawn to the weights it had: penalty on the squared change of weights, in
nats, for features of unit size."""

KEPT: Final = 0.9
"""Weight of what the model said of the known, where the truth has the rest. Measured on real spectra, split
by plate: with the truth alone no pull kept the emission found among 2 852 known lines (2 345 before, 2 318 to
2 336 after, at pulls of 0.1 to 10) and two splits of three were refused; all three are accepted with it."""

WORSE: Final = {"cross_entropy": 0.01, "found": 0.005, "false_positives": 0.002}
"""What the known may lose: nats per spectrum, shares of emission found and of absorption called positive."""

CAREFUL: Final = 0.8
"""Share of :data:`WORSE` that the known may lose on the stars that choose the pull: other stars judge."""

PEOPLES_SHARE: Final = 0.3
"""Weight of the people's spectra among those that the last layer is fitted on; the known has the rest."""

Layer = tuple[FloatArray, FloatArray]
"""Weights and biases of a last layer, shape (features, 3) and (3,)."""


def _as_it_is(balanced: Probabilities) -> Probabilities:
    return balanced


class Seen(NamedTuple):
    """Spectra of known class as the last layer sees them, n of them."""

    features: FloatArray
    """What the layer sees, shape (n, features)."""
    label: ClassIndices
    """Their classes, shape (n,)."""
    refine: Callable[[Probabilities], Probabilities] = _as_it_is
    """What becomes of the probabilities of the layer at even shares: the second stage, and checks."""

    def figures(self, layer: Layer) -> dict[str, Any]:
        """Measure a last layer, as :func:`figures` does a model."""
        balanced = np.exp(log_softmax(self.features @ layer[0] + layer[1], axis=1)).astype(np.float32)
        return figures(self.refine(balanced), self.label)


class Chosen(NamedTuple):
    """A last layer that is better at what the labels say, and no worse at what was known."""

    layer: Layer
    pull: float
    """How strongly it was drawn to the weights it had."""
    temperature: float
    """By which its logits are divided."""


def choose_layer(start: Layer, fitting: Mapping[str, Seen], choosing: Mapping[str, Seen]) -> Chosen:
    """Fit the last layer with several pulls and choose among those that do no harm.

    Parameters
    ----------
    start
        The layer as it is.
    fitting, choosing
        By name, spectra to fit it on and those of other stars to choose by; the labels of people have the
        name :data:`LABELLED`, and all others are known.

    Raises
    ------
    UserError
        None is better on the labelled spectra without losing what is known.
    """
    features = np.concatenate([group.features for group in fitting.values()])
    target = _targets(fitting, np.exp(log_softmax(features @ start[0] + start[1], axis=1)))
    weight = _weights(fitting)
    before = {name: one.figures(start) for name, one in choosing.items()}

    def harmless(layer: Layer) -> dict[str, Any] | None:
        after = {name: one.figures(layer) for name, one in choosing.items()}
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
    logits = np.concatenate([one.features @ layer[0] + layer[1] for one in choosing.values()])
    labels = np.concatenate([one.label for one in choosing.values()])
    temperature = fit_temperature(logits, labels, weight=_weights(choosing))
    cooler = harmless((layer[0] / temperature, layer[1] / temperature))
    helps = cooler is not None and cooler[LABELLED]["cross_entropy"] <= least
    return Chosen(layer, best, temperature if helps else 1.0)


def _targets(groups: Mapping[str, Seen], said: FloatArray) -> FloatArray:
    """Give what the last layer is to say: labels of people, and of the known the truth and what was said."""
    truth = np.eye(len(LABELS))[np.concatenate([group.label for group in groups.values()])]
    kept = np.concatenate(
        [np.full(len(group.label), KEPT * (name != LABELLED)) for name, group in groups.items()]
    )
    return np.asarray((1.0 - kept[:, None]) * truth + kept[:, None] * said)


def _weights(groups: Mapping[str, Seen]) -> Column:
    """Give people's spectra their share of the weight, and let classes count alike; the sum is 1."""
    others = max(len(groups) - 1, 1)
    parts = []
    for name, group in groups.items():
        share = PEOPLES_SHARE if name == LABELLED else (1.0 - PEOPLES_SHARE) / others
        parts.append(share * class_weights(group.label).astype(np.float64) / max(len(group.label), 1))
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


def figures(balanced: Probabilities, label: ClassIndices) -> dict[str, Any]:
    """Measure probabilities at even shares against known classes.

    Returns
    -------
    dict
        ``spectra``; ``cross_entropy``, nats per spectrum, where the classes count alike; ``found``, emission
        called positive by the plain label, and ``false_positives``, absorption called so, at the class shares
        of a survey, each with its exact interval.
    """
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


def require_no_harm(before: Mapping[str, dict[str, Any]], after: Mapping[str, dict[str, Any]]) -> None:
    """Refuse a model that is worse at the known, or no better at what the labels say.

    Parameters
    ----------
    before, after
        What :func:`figures` gives for each kind of held-out spectra.

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
        What :func:`figures` gives for each kind of spectra.
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

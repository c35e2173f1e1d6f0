"""Training the regression: simulated lines that the classifier finds, heads, correction, choice of method."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from vo_emline.labels import ABSORPTION
from vo_emline.measure.lines import measure_lines
from vo_emline.measure.quantities import QUANTITIES, Estimates, true_values
from vo_emline.measure.scores import error_factor, weighted_crps
from vo_emline.preprocess.options import PreprocessOptions
from vo_emline.preprocess.windows import WindowSet, concatenate
from vo_emline.simulate import simulate_windows
from vo_emline.training.classifier import Classifier
from vo_emline.training.description import add_part
from vo_emline.training.regression.description import (
    METHODS,
    Method,
    RegressionDescription,
    RegressionOptions,
)
from vo_emline.training.regression.heads import FARTHEST, Sample, describe_lines, fit_head
from vo_emline.training.regression.model import PART, LineRegression, corrected

logger = logging.getLogger(__name__)

POPULATION: Final = {
    "single": 0.20, "disk": 0.34, "shell": 0.08, "p-cygni": 0.06, "filled-core": 0.08,
    "nebular": 0.08, "chromospheric": 0.08, "normal": 0.08,
}  # fmt: skip
"""Families of simulated stars to learn from; the normal ones teach what a false candidate looks like."""

HELD_OUT: Final = 0.2
"""Stars that correct the errors, and again so many that choose the methods, over those to learn from."""

LEAST_LINES: Final = 30
"""With fewer lines of known width, or of known V/R, there is nothing to learn from."""


@runtime_checkable
class Finder(Protocol):
    """What is needed of a classifier: which windows it calls emission."""

    def predict_proba(self, flux: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Give probabilities of the classes, shape (n, 140) → (n, 3)."""
        ...


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """Windows of lines with what is true of them."""

    windows: WindowSet
    truth: npt.NDArray[np.float64]
    """Values of the quantities, shape (n, 5); NaN where a line has none."""


def add_regression(directory: Path, *, options: RegressionOptions | None = None) -> Classifier:
    """Train the regression of the model in `directory` and add it to that; give the model as it is now.

    Parameters
    ----------
    directory
        Folder of a trained model; it stays as it is where the options ask for no stars, or where the model
        calls next to nothing emission.
    options
        Settings.

    Raises
    ------
    UserError
        `directory` holds no model.
    """
    classifier = Classifier.load(directory, batch=1024)
    regression = fit_regression(classifier, preprocess=classifier.description.preprocess, options=options)
    if regression is not None:
        add_part(directory, PART, regression.arrays())
    return Classifier.load(directory)


def fit_regression(
    classifier: Finder,
    *,
    preprocess: PreprocessOptions | None = None,
    options: RegressionOptions | None = None,
) -> LineRegression | None:
    """Train the heads that measure the candidates of a classifier.

    They learn from simulated LAMOST spectra that the classifier calls
    emission, as it will call those of the survey. The errors of either method
    are then corrected on other stars, and on still others the method with the
    smaller CRPS is found for each quantity. The same arguments give the same
    weights, bit for bit on one machine.

    Parameters
    ----------
    classifier
        The trained network.
    preprocess
        Settings of its windows; None for the defaults.
    options
        Settings.

    Returns
    -------
    LineRegression or None
        None where there is nothing to learn from.
    """
    options, preprocess = options or RegressionOptions(), preprocess or PreprocessOptions()
    if not options.stars:
        return None
    held_out = max(int(HELD_OUT * options.stars), 1)
    parts = [
        draw_lines(classifier, number, seed=options.seed + 10 * part, preprocess=preprocess)
        for part, number in enumerate((options.stars, held_out, held_out))
    ]
    if min(np.isfinite(part.truth).sum(axis=0).min() for part in parts) < LEAST_LINES:
        logger.info("lines are measured classically only: too few simulated lines were found to learn from")
        return None
    training, correction, choice = parts
    raw = _trained(training, options)
    regression = raw.described(_judged(raw, correction, choice))
    logger.info("methods by which lines are measured: %s", regression.description.methods)
    return regression


def draw_lines(classifier: Finder, stars: int, *, seed: int, preprocess: PreprocessOptions) -> Lines:
    """Simulate spectra and keep those that the classifier calls emission, right or wrong.

    Half of the stars are as nature has them, the other half of any temperature, with lines of any
    strength that can be seen in their noise: the strongest lines in the faintest stars, too.
    """
    halves = []
    for varied, number in ((False, stars - stars // 2), (True, stars // 2)):
        simulated = simulate_windows(number, seed=2 * seed + varied, fractions=POPULATION, varied=varied)
        windows = simulated.prepare(preprocess)
        found = np.flatnonzero(classifier.predict_proba(windows.flux).argmax(axis=1) != ABSORPTION)
        halves.append((windows.take(found), true_values(simulated.clean[found].astype(np.float64))))
    return Lines(
        windows=concatenate([windows for windows, _ in halves]),
        truth=np.concatenate([truth for _, truth in halves]),
    )


def _trained(training: Lines, options: RegressionOptions) -> LineRegression:
    """Train the heads; nothing is known of their quality yet."""
    features, anchor, _ = describe_lines(measure_lines(training.windows))
    scaling = np.stack([features.mean(axis=0), np.maximum(features.std(axis=0), 1e-3)]).astype(np.float32)
    target = anchor.encode(training.truth)
    known = np.isfinite(target)
    sample = Sample(
        (features - scaling[0]) / scaling[1],
        np.clip(np.where(known, target, 0.0), -FARTHEST, FARTHEST),
        known,
    )
    seeds = range(options.seed, options.seed + options.members)
    heads = [fit_head(sample, seed=seed, epochs=options.epochs) for seed in seeds]
    names = [quantity.name for quantity in QUANTITIES]
    description = RegressionDescription(
        methods=dict.fromkeys(names, "network"),
        factors={method: dict.fromkeys(names, 1.0) for method in METHODS},
        scores={},
        members=options.members,
        training={"options": options.model_dump(mode="json"), "lines": len(training.truth)},
    )
    return LineRegression(description, heads, scaling)


def _judged(raw: LineRegression, correction: Lines, choice: Lines) -> RegressionDescription:
    """Find the factors on the errors by some lines and the better methods by others."""
    factors = _factors(raw.measure_both(measure_lines(correction.windows)), correction.truth)
    measured = raw.measure_both(measure_lines(choice.windows))
    reference = measured["classical"].error
    scores = {
        method: _scores(corrected(measured[method], factors[method]), choice.truth, reference=reference)
        for method in METHODS
    }
    better: dict[str, Method] = {
        name: "network" if score <= scores["classical"][name] else "classical"
        for name, score in scores["network"].items()
    }
    update = {"factors": factors, "scores": scores, "methods": better}
    return raw.description.model_copy(update=update)


def _factors(
    measured: Mapping[Method, Estimates], truth: npt.NDArray[np.float64]
) -> dict[Method, dict[str, float]]:
    return {
        method: {
            quantity.name: error_factor(truth[:, column], one.value[:, column], one.error[:, column])
            for column, quantity in enumerate(QUANTITIES)
        }
        for method, one in measured.items()
    }


def _scores(
    measured: Estimates, truth: npt.NDArray[np.float64], *, reference: npt.NDArray[np.float64]
) -> dict[str, float]:
    """Give the weighted CRPS of each quantity over the lines that have it and in which it was measured."""
    return {
        quantity.name: weighted_crps(
            truth[:, j], measured.value[:, j], measured.error[:, j], reference=reference[:, j]
        )
        for j, quantity in enumerate(QUANTITIES)
    }

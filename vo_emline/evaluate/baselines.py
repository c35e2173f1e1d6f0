"""What a network has to beat on the same data, and what a random split hides."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from vo_emline.arrays import IntArray
from vo_emline.evaluate.verdicts import Judge, Verdicts, from_probabilities
from vo_emline.labels import DOUBLE_PEAK
from vo_emline.measure import Thresholds, detect, measure_windows, strength
from vo_emline.preprocess.windows import WindowSet
from vo_emline.survey.flags import signal_to_noise
from vo_emline.survey.options import SurveyOptions
from vo_emline.training.baseline import logistic_regression
from vo_emline.training.calibration import correct_prior
from vo_emline.training.examples import Examples
from vo_emline.training.metrics import evaluate
from vo_emline.training.options import EVEN
from vo_emline.training.split import Split, split_by_star

FloatArray32 = npt.NDArray[np.float32]

MOST_EXAMPLES: Final = 6000
"""A linear classifier of 140 pixels learns no more from more examples than this."""


def detector_judge(options: SurveyOptions | None = None, *, thresholds: Thresholds | None = None) -> Judge:
    """Let the classical measurement judge: line strength over its error, and a significant dip.

    It abstains at low S/N alone.
    """
    settings, limits = options or SurveyOptions(), thresholds or Thresholds()

    def judge(windows: WindowSet) -> Verdicts:
        lines = measure_windows(windows)
        double = (lines.dip >= limits.dip) & (lines.dip_significance >= limits.dip_significance)
        return Verdicts(
            label=detect(lines, limits),
            score=strength(lines),
            double=double,
            uncertain=signal_to_noise(windows) < settings.low_snr,
        )

    return judge


def linear_judge(examples: Examples, *, seed: int, options: SurveyOptions | None = None) -> Judge:
    """Let a logistic regression judge, trained on what the network was trained on.

    Parameters
    ----------
    examples
        The training set; of a large one :data:`MOST_EXAMPLES` are drawn.
    seed
        Decides which.
    options
        Class shares, and limits of abstention.
    """
    settings = options or SurveyOptions()
    rows = np.random.default_rng([seed, 13]).permutation(len(examples))[:MOST_EXAMPLES]
    flux, label = examples.windows.flux[rows], examples.label[rows]

    def judge(windows: WindowSet) -> Verdicts:
        balanced = logistic_regression(flux, label, predict=windows.flux)
        stated = correct_prior(balanced, trained=EVEN, stated=settings.class_shares)
        return from_probabilities(windows, stated, balanced, options=settings)

    return judge


def leak(examples: Examples, *, seed: int, test: float = 0.25) -> dict[str, Any]:
    """Show what a random split over spectra hides: the same classifiers under both splits.

    A linear classifier cannot learn a star by heart; the nearest neighbour
    does little else, and shows how much of a test set can be recognised.

    Parameters
    ----------
    examples
        Labelled spectra.
    seed
        Of the splits.
    test
        Share of the spectra to test on.

    Returns
    -------
    dict
        JSON-ready: ``spectra``, ``stars``; by classifier (``linear``,
        ``nearest neighbour``) and split (``by star``, ``random``) what
        :func:`~vo_emline.training.metrics.evaluate` gives.
    """
    star = examples.stars()
    splits = {
        "by star": split_by_star(examples.label, star, validation=0.0, test=test, seed=seed),
        "random": _random_split(len(examples), test=test, seed=seed),
    }
    classifiers = {"linear": logistic_regression, "nearest neighbour": nearest_neighbour}
    found: dict[str, Any] = {"spectra": len(examples), "stars": len(np.unique(star))}
    for name, classify in classifiers.items():
        found[name] = {}
        for kind, split in splits.items():
            flux, label = examples.windows.flux, examples.label
            probability = classify(flux[split.train], label[split.train], predict=flux[split.test])
            found[name][kind] = evaluate(label[split.test], probability, star[split.test], seed=seed)
    return found


def nearest_neighbour(flux: FloatArray32, label: IntArray, *, predict: FloatArray32) -> FloatArray32:
    """Give each window the class of the most similar one of training, as probabilities of 0 and 1."""
    nearest = [_nearest(flux, piece) for piece in np.array_split(predict, max(1, len(predict) // 500))]
    found = label[np.concatenate(nearest)]
    return np.eye(DOUBLE_PEAK + 1, dtype=np.float32)[found]


def _nearest(flux: FloatArray32, wanted: FloatArray32) -> IntArray:
    # |a - b|² without |b|², which is the same for all candidates of one window
    distance = np.square(flux).sum(axis=1)[None, :] - 2.0 * wanted @ flux.T
    return np.asarray(distance.argmin(axis=1), dtype=np.int64)


def _random_split(n: int, *, test: float, seed: int) -> Split:
    order = np.random.default_rng([seed, 14]).permutation(n)
    held = round(test * n)
    return Split(
        train=np.sort(order[held:]), validation=np.empty(0, dtype=np.int64), test=np.sort(order[:held])
    )

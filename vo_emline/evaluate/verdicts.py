"""Who judges spectra, what a judge says, and when that counts as positive."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from vo_emline.arrays import BoolArray, FloatArray, IntArray
from vo_emline.labels import ABSORPTION, DOUBLE_PEAK, EMISSION
from vo_emline.measure import Thresholds, detect, measure_windows, strength
from vo_emline.preprocess.windows import WindowSet
from vo_emline.survey.flags import signal_to_noise
from vo_emline.survey.model import Scorer
from vo_emline.survey.options import SurveyOptions
from vo_emline.training.calibration import correct_prior
from vo_emline.training.examples import Examples
from vo_emline.training.metrics import evaluate, logistic_regression, proportion
from vo_emline.training.options import EVEN
from vo_emline.training.stars import Split, split_by_star

PROBABILITY_RULES: Final = {"score above 0.5": 0.5, "score above 0.9": 0.9}
"""Thresholds that mean something where the score is a probability."""

ALLOWED: Final = 0.005
"""Share of real negatives that may be called positive at the strict threshold."""

STRICT: Final = "at most 0.5 % of negatives"
PLAIN: Final = "plain label"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdicts:
    """What a classifier says of n spectra; arrays of shape (n,) unless they say otherwise."""

    label: IntArray
    """Plain label, index into :data:`~vo_emline.labels.LABELS`."""
    score: FloatArray
    """Larger for surer emission: a probability, or the strength of the line."""
    double: BoolArray
    """Whether it would be a double peak rather than a single one, were it emission."""
    uncertain: BoolArray
    """Whether the classifier abstains."""
    balanced: FloatArray | None = None
    """Probabilities where the classes are equally frequent, shape (n, 3); None where there are none."""

    def __len__(self) -> int:
        """Count the spectra."""
        return len(self.label)

    def take(self, rows: npt.NDArray[Any]) -> Verdicts:
        """Pick verdicts by index or mask."""
        return Verdicts(
            label=self.label[rows],
            score=self.score[rows],
            double=self.double[rows],
            uncertain=self.uncertain[rows],
            balanced=None if self.balanced is None else self.balanced[rows],
        )

    def positive(self, threshold: float | None = None) -> BoolArray:
        """Tell which are called positive: by a score above `threshold`, or by the plain label."""
        return self.label != ABSORPTION if threshold is None else self.score > threshold


@runtime_checkable
class Judge(Protocol):
    """Something that gives verdicts on windows."""

    def __call__(self, windows: WindowSet) -> Verdicts:
        """Give the verdicts, one for each window."""
        ...


def from_probabilities(
    windows: WindowSet,
    stated: npt.NDArray[np.floating],
    balanced: npt.NDArray[np.floating],
    *,
    options: SurveyOptions,
) -> Verdicts:
    """Make verdicts of probabilities, abstaining as the survey's flag ``uncertain`` does.

    Parameters
    ----------
    windows
        The windows.
    stated, balanced
        Probabilities at the class shares of `options`, and where classes are
        equally frequent, shape (n, 3).
    options
        Limits of abstention.
    """
    probability = np.asarray(stated, dtype=np.float64)
    low = signal_to_noise(windows) < options.low_snr
    return Verdicts(
        label=probability.argmax(axis=1).astype(np.int64),
        score=probability[:, 1:].sum(axis=1),
        double=probability[:, DOUBLE_PEAK] > probability[:, EMISSION],
        uncertain=(probability.max(axis=1) < options.uncertain_below) | low,
        balanced=np.asarray(balanced, dtype=np.float64),
    )


def network_judge(classifier: Scorer, options: SurveyOptions | None = None) -> Judge:
    """Let a trained network judge as it would in a survey with these settings."""
    settings = options or SurveyOptions()

    def judge(windows: WindowSet) -> Verdicts:
        stated = classifier.predict_windows(windows, shares=settings.class_shares)
        balanced = classifier.predict_windows(windows, shares=EVEN)
        return from_probabilities(windows, stated, balanced, options=settings)

    return judge


def strict_threshold(negatives: Verdicts, *, allowed: float = ALLOWED) -> float:
    """Give the lowest threshold that at most `allowed` of these negatives score above.

    Abstentions count as the score they have, so that the threshold does not
    depend on them. It is that of these spectra: of few, a lucky or an unlucky one.
    """
    if not len(negatives):
        return np.inf
    highest = np.sort(negatives.score)[::-1]
    return float(highest[min(int(allowed * len(highest)), len(highest) - 1)])


def rules(negatives: Verdicts) -> dict[str, float | None]:
    """Name the rules by which a judge's verdicts are read: threshold of each, None for the plain label."""
    probable = PROBABILITY_RULES if negatives.balanced is not None else {}
    return {PLAIN: None, **probable, STRICT: strict_threshold(negatives)}


def outcome(verdicts: Verdicts, threshold: float | None) -> dict[str, Any]:
    """Count how spectra are called under a rule, each share with its exact 95 % interval.

    Returns
    -------
    dict
        ``positive``: called positive without abstention; ``uncertain``:
        abstentions; ``forced_positive``: called positive were it not allowed to
        abstain.
    """
    positive = verdicts.positive(threshold)
    n = len(verdicts)
    return {
        "positive": proportion(int((positive & ~verdicts.uncertain).sum()), n),
        "uncertain": proportion(int(verdicts.uncertain.sum()), n),
        "forced_positive": proportion(int(positive.sum()), n),
    }


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

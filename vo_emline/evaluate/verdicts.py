"""What a classifier says of spectra, and when that counts as positive."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from vo_emline.arrays import BoolArray, FloatArray, IntArray
from vo_emline.labels import ABSORPTION, DOUBLE_PEAK, EMISSION
from vo_emline.preprocess.windows import WindowSet
from vo_emline.survey.flags import signal_to_noise
from vo_emline.survey.model import Scorer
from vo_emline.survey.options import SurveyOptions
from vo_emline.training.metrics import proportion
from vo_emline.training.options import EVEN

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

"""The last layer of a network, fitted to the known and to labels; bolder than ``vo-emline train --from``.

The loss is the same. The pull is fixed, a tenth of the least that a refinement tries; the weight of labels
grows with their number, where a refinement gives them 0.3; and nothing is held out, so nothing is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import active_data as data
import numpy as np
import numpy.typing as npt
from scipy.special import softmax

from vo_emline.training.balance import class_weights
from vo_emline.training.calibration import correct_prior
from vo_emline.training.options import EVEN
from vo_emline.training.refinement import KEPT, Layer, fit_output

Single = npt.NDArray[np.float32]

PULL: Final = 1e-3

PRIOR_LABELS: Final = 200
"""The known counts as so many labels."""


@dataclass
class Learner:
    """What learns; the same for every strategy."""

    start: Layer
    known: data.Pool
    shares: tuple[float, float, float]
    """Of the classes in the survey."""

    @classmethod
    def of(cls, first: data.First, known: data.Pool, shares: tuple[float, float, float]) -> Learner:
        """Begin with the first model."""
        parameters, scale = first.classifier.parameters, first.classifier.description.temperature
        kernel, bias = (np.asarray(parameters[f"output.{name}"], np.float64) for name in ("kernel", "bias"))
        return cls((kernel / scale, bias / scale), known, shares)

    def fit(self, features: Single, said: npt.NDArray[np.int64]) -> Layer:
        """Fit the layer to labels."""
        if not len(said):
            return self.start
        kernel, bias = self.start
        truth = np.eye(3)
        before = softmax(self.known.features @ kernel + bias, axis=1)
        target = np.concatenate([truth[said], (1.0 - KEPT) * truth[self.known.label] + KEPT * before])
        share = len(said) / (len(said) + PRIOR_LABELS)
        weight = np.concatenate(
            [
                share * class_weights(said).astype(np.float64) / len(said),
                (1.0 - share) * class_weights(self.known.label).astype(np.float64) / len(self.known),
            ]
        )
        seen = np.concatenate([features, self.known.features]).astype(np.float64)
        return fit_output(seen, target, weight, kernel=kernel, bias=bias, pull=PULL)

    def stated(self, features: Single, layer: Layer) -> tuple[Single, Single]:
        """Give probabilities at even shares and at those of the survey, shape (n, 3) each."""
        logits = features @ layer[0].astype(np.float32) + layer[1].astype(np.float32)
        balanced = np.asarray(softmax(logits, axis=1), dtype=np.float32)
        return balanced, correct_prior(balanced, trained=EVEN, stated=self.shares)

"""What learns from labels: the last layer, as ``vo-emline train --from`` chooses it, refusals included.

The fit, the pulls that are tried, what the known may lose and the held-out quarters are those of
:mod:`vo_emline.training.last_layer`; the features that it sees are computed once.
"""

from __future__ import annotations

from dataclasses import dataclass

import active_data as data
import numpy as np
import numpy.typing as npt
from scipy.special import softmax

from vo_emline.errors import UserError
from vo_emline.training.calibration import correct_prior
from vo_emline.training.last_layer import LABELLED, Layer, Seen, choose_layer, require_no_harm
from vo_emline.training.options import EVEN
from vo_emline.training.refinement import HELD_OUT, LEAST_LABELLED
from vo_emline.training.stars import split_by_star

Single = npt.NDArray[np.float32]

SIDES = ("train", "validation", "test")


@dataclass(frozen=True)
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

    def fit(self, features: Single, said: npt.NDArray[np.int64]) -> Layer | None:
        """Refine the first model by labels; None where that is refused."""
        if len(said) < LEAST_LABELLED:
            return None
        labelled = _sides(features, said)
        known = _sides(self.known.features, self.known.label)
        fitting, choosing, judging = (
            {LABELLED: ours, "known": theirs} for ours, theirs in zip(labelled, known, strict=True)
        )
        try:
            chosen = choose_layer(self.start, fitting, choosing)
            layer = (chosen.layer[0] / chosen.temperature, chosen.layer[1] / chosen.temperature)
            before, after = (
                {name: group.figures(one) for name, group in judging.items()} for one in (self.start, layer)
            )
            require_no_harm(before, after)
        except UserError:
            return None
        return layer

    def stated(self, features: Single, layer: Layer) -> tuple[Single, Single]:
        """Give probabilities at even shares and at those of the survey, shape (n, 3) each."""
        logits = features @ layer[0].astype(np.float32) + layer[1].astype(np.float32)
        balanced = np.asarray(softmax(logits, axis=1), dtype=np.float32)
        return balanced, correct_prior(balanced, trained=EVEN, stated=self.shares)


def _sides(features: Single, label: npt.NDArray[np.int64]) -> list[Seen]:
    """Divide spectra into those to fit on, to choose by and to judge by; each is taken for a star."""
    split = split_by_star(label, np.arange(len(label)), validation=HELD_OUT, test=HELD_OUT)
    rows = [getattr(split, side) for side in SIDES]
    return [Seen(features[one].astype(np.float64), label[one]) for one in rows]

"""The cascade: a student screens every spectrum, and the full network sees all but those it settles.

What the student settles is labelled absorption, keeps the student's
probabilities and is flagged ``screened``; everything else is what the full
network says, to the last bit. The student's threshold is such that of what
the full network would find at most one in a thousand is lost
(:mod:`vo_emline.training.distillation`).

Nothing here imports JAX: the trained networks are handed in.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from vo_emline.arrays import BoolArray, FloatArray
from vo_emline.preprocess.windows import WindowSet
from vo_emline.training.calibration import correct_prior
from vo_emline.training.options import EVEN

if TYPE_CHECKING:
    from vo_emline.training.classifier import Classifier
    from vo_emline.training.student import Student


FORCING_EXCESS: Final = 3.0
"""Spectra whose line exceeds the absorption expected by so many standard deviations are always passed on."""


class Predicted(NamedTuple):
    """Class probabilities of windows, and which of them the full network has not seen."""

    probability: npt.NDArray[np.float32]
    """Shape (n, 3)."""
    screened: BoolArray | None = None
    """Shape (n,); None where there was no cascade."""


class Cascade:
    """A classifier behind its student.

    Parameters
    ----------
    classifier
        The full network.
    student
        What screens for it.
    """

    def __init__(self, classifier: Classifier, student: Student) -> None:
        self.classifier = classifier
        self.student = student

    @property
    def version(self) -> str:
        """Version of the model, of which the student is a part, and that it was used as a cascade."""
        return f"{self.classifier.version}+cascade"

    @property
    def directory(self) -> Path | None:
        """Folder of the model."""
        return self.classifier.directory

    def predict_windows(
        self, windows: WindowSet, *, shares: Sequence[float] | None = None, force: BoolArray | None = None
    ) -> npt.NDArray[np.float32]:
        """Give the probabilities of n windows, shape (n, 3); arguments as of :meth:`screen`."""
        return self.screen(windows, shares=shares, force=force).probability

    def screen(
        self, windows: WindowSet, *, shares: Sequence[float] | None = None, force: BoolArray | None = None
    ) -> Predicted:
        """Classify windows.

        Parameters
        ----------
        windows
            Windows prepared as the model wants them, n of them.
        shares
            Share of each class among the spectra; by default equal ones, at which nearly all is passed on.
        force
            Spectra that the full network has to see whatever the student says, shape (n,); None for none.
            Those with a line in excess of the absorption expected (:data:`FORCING_EXCESS`) always are.
        """
        stated = EVEN if shares is None else shares
        balanced = self.student.predict_proba(windows.flux, shares=EVEN)
        passed = self.student.passes(correct_prior(balanced, trained=EVEN, stated=stated))
        passed |= False if force is None else force
        second = self.classifier.second_stage
        excess = None if second is None else second.excess(windows)
        probability, needed = self._with_expectation(balanced, excess, stated)
        passed |= needed
        rows = np.flatnonzero(passed)
        probability[rows] = self.classifier.predict_windows(
            windows.take(rows), shares=shares, excess=None if excess is None else excess[rows]
        )
        return Predicted(probability, ~passed)

    def _with_expectation(
        self, balanced: npt.NDArray[np.float32], excess: FloatArray | None, shares: Sequence[float]
    ) -> tuple[npt.NDArray[np.float32], BoolArray]:
        """Join the student's word and the rest of the spectra; tell who needs a closer look."""
        second = self.classifier.second_stage
        if second is None or excess is None:
            found = correct_prior(balanced, trained=EVEN, stated=shares)
            return found, np.zeros(len(balanced), dtype=bool)
        found = correct_prior(second.refine(balanced, excess), trained=EVEN, stated=shares)
        in_excess = np.nan_to_num(excess, nan=-np.inf).max(axis=1, initial=-np.inf) >= FORCING_EXCESS
        return found, in_excess | self.student.passes(found)

"""What classifies windows: the trained network, loaded once per process, and the cascade that screens for it.

In the cascade a student screens every spectrum, and the full network sees all but those it settles. What the
student settles is labelled absorption, keeps the student's probabilities and is flagged ``screened``;
everything else is what the full network says, to the last bit. The student's threshold is such that of what
the full network would find at most one in a thousand is lost (:mod:`vo_emline.training.distillation`).

Nothing here imports JAX before a network is loaded.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol, cast, runtime_checkable

import numpy as np
import numpy.typing as npt

from vo_emline.arrays import BoolArray, FloatArray
from vo_emline.errors import UserError
from vo_emline.labels import ABSORPTION
from vo_emline.measure.matched import stands_out
from vo_emline.preprocess.windows import WindowSet
from vo_emline.survey.options import SurveyOptions
from vo_emline.training.calibration import correct_prior
from vo_emline.training.description import ModelDescription, Part, read_arrays
from vo_emline.training.options import EVEN

if TYPE_CHECKING:
    from vo_emline.training.classifier import Classifier
    from vo_emline.training.familiarity import Stranger
    from vo_emline.training.student import Student


@runtime_checkable
class Scorer(Protocol):
    """What the engine needs of a classifier."""

    @property
    def version(self) -> str:
        """Version of the model."""
        ...

    def predict_windows(
        self, windows: WindowSet, *, shares: Sequence[float] | None = None
    ) -> npt.NDArray[np.float32]:
        """Give the probabilities of n windows, shape (n, 3), where classes have these shares."""
        ...


FORCING_EXCESS: Final = 3.0
"""Spectra whose line exceeds the absorption expected by so many standard deviations are always passed on."""


class Predicted(NamedTuple):
    """Class probabilities of windows, and which of them the full network has not seen."""

    probability: npt.NDArray[np.float32]
    """Shape (n, 3)."""
    screened: BoolArray | None = None
    """Shape (n,); None where there was no cascade."""
    unlike: BoolArray | None = None
    """Spectra with emission like none that the network was shown, shape (n,); None where the model does not
    tell."""


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
            Those with a line in excess of the absorption expected (:data:`FORCING_EXCESS`), or that stands
            out of the continuum (:func:`~vo_emline.measure.matched.stands_out`), always are.
        """
        stated = EVEN if shares is None else shares
        balanced = self.student.predict_proba(windows.flux, shares=EVEN)
        passed = self.student.passes(correct_prior(balanced, trained=EVEN, stated=stated))
        passed |= stands_out(windows)
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


def with_strangers(predicted: Predicted, windows: WindowSet, scorer: Scorer) -> Predicted:
    """Tell, of spectra that are labelled positive, those that are like none that the network was shown."""
    classifier = scorer.classifier if isinstance(scorer, Cascade) else scorer
    directory = getattr(classifier, "directory", None)
    stranger = None if directory is None else _stranger(cast("Classifier", classifier), directory)
    if stranger is None:
        return predicted
    rows = np.flatnonzero(predicted.probability.argmax(axis=1) != ABSORPTION)
    unlike = np.zeros(len(windows), dtype=bool)
    unlike[rows] = stranger(windows.take(rows))
    return predicted._replace(unlike=unlike)


@lru_cache(maxsize=2)
def _stranger(classifier: Classifier, directory: Path) -> Stranger | None:
    """Load once for a network what it knows of emission, from the folder of its model."""
    from vo_emline.training.classifier import FAMILIARITY
    from vo_emline.training.familiarity import Familiarity, Stranger

    part = ModelDescription.read(directory).parts.get(FAMILIARITY)
    if part is None:
        return None
    return Stranger(classifier, Familiarity.from_arrays(read_arrays(directory, part)))


THREADS: Final = "NPROC"
"""Environment variable from which XLA takes the size of its thread pool."""


def check_model(model: Path) -> ModelDescription:
    """See, before long work and without loading JAX, that a model is whole.

    Parameters
    ----------
    model
        Folder of the model.

    Raises
    ------
    UserError
        There is no model this version can use, or a weight is not a number.
    DataError
        The weights are missing or damaged.
    """
    description = ModelDescription.read(model)
    weights = Part(file=description.weights, sha256=description.sha256)
    for name, part in {"network": weights, **description.parts}.items():
        for array in read_arrays(model, part).values():
            if np.issubdtype(array.dtype, np.floating) and not np.isfinite(array).all():
                raise UserError(
                    f"model {description.version} in {model} has weights that are not numbers ({name}); "
                    "train it again, or give another with --run"
                )
    return description


def threads_for_same_bits() -> None:
    """Have XLA work with two threads at least, before it is used for the first time.

    It sums in another order where its thread pool has one thread (measured:
    the same bits with 2 to 16 threads, others with 1); so a process that has
    one core to itself gives the results of any other.
    """
    os.environ.setdefault(THREADS, str(max(2, len(os.sched_getaffinity(0)))))


@lru_cache(maxsize=1)
def load_scorer(model: Path, options: SurveyOptions, version: str = "") -> Scorer:
    """Load a trained network; the one loaded last is kept for the next shard.

    Parameters
    ----------
    model
        Folder of the model.
    options
        Settings of the survey; what they ask for is loaded.
    version
        Version that the model has to have, so that a process that has lived
        long never works with a former one; empty for any.

    Raises
    ------
    UserError
        There is no model this version can use, a weight is not a number, or
        it is another model by now.
    DataError
        The weights are missing or damaged.
    """
    threads_for_same_bits()
    from vo_emline.training.classifier import Classifier
    from vo_emline.training.student import Student

    classifier = Classifier.load(model)
    if version not in ("", classifier.version):
        raise UserError(f"{model} holds model {classifier.version}, and the survey was begun with {version}")
    student = Student.load(model) if options.cascade else None
    return classifier if student is None else Cascade(classifier, student)

"""Loading the trained network, once per process."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np

from vo_emline.errors import UserError
from vo_emline.survey.cascade import Cascade
from vo_emline.survey.classify import Scorer
from vo_emline.survey.options import SurveyOptions
from vo_emline.training.description import ModelDescription, Part
from vo_emline.training.parts import read_arrays

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

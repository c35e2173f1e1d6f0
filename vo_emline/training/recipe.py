"""Training from labelled windows to a calibrated model with its metrics."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from vo_emline.files import write_json
from vo_emline.labels import LABELS
from vo_emline.preprocess.options import PreprocessOptions
from vo_emline.training.architecture import Architecture
from vo_emline.training.balance import class_shares, class_weights, require_classes, smote
from vo_emline.training.calibration import correct_prior, fit_temperature
from vo_emline.training.checkpoints import Checkpoints
from vo_emline.training.classifier import Classifier, save_model
from vo_emline.training.examples import Examples
from vo_emline.training.metrics import evaluate, logistic_regression
from vo_emline.training.options import EVEN, TrainingOptions
from vo_emline.training.stars import Split, split_by_star
from vo_emline.training.steps import Samples
from vo_emline.training.trainer import Fitted, fit

logger = logging.getLogger(__name__)

HISTORY = "history.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """A trained model, how it came about and how good it is."""

    classifier: Classifier
    directory: Path
    """Folder of the model."""
    split: Split
    """Rows of the examples on each side."""
    star: npt.NDArray[np.int64]
    """Number of the star of each example."""
    test_probability: npt.NDArray[np.float32]
    """Probabilities of the test rows at the class shares of the examples, shape (len(split.test), 3)."""
    metrics: dict[str, Any]
    """JSON-ready: ``network``, ``by_origin``, ``linear_baseline`` and rivals, each as
    :func:`~vo_emline.training.metrics.evaluate` gives them, ``temperature`` and ``training``."""
    history: dict[str, Any]
    """Losses per epoch and the epoch kept (:class:`~vo_emline.training.checkpoints.Progress`)."""


def train(
    examples: Examples,
    directory: Path,
    *,
    options: TrainingOptions | None = None,
    preprocess: PreprocessOptions | None = None,
    architecture: Architecture | None = None,
    rivals: Mapping[str, npt.NDArray[np.floating]] | None = None,
) -> Trained:
    """Split by star, balance, train, calibrate, measure, and write the model to `directory`.

    Killed at any moment, a second call with the same arguments goes on from
    the last finished epoch and gives the same model.

    Parameters
    ----------
    examples
        Labelled windows.
    directory
        Folder of the model: checkpoints, weights, ``model.json``, ``history.json``.
    options
        Settings of training.
    preprocess
        Settings under which the windows were prepared, kept in ``model.json``.
    architecture
        The network, that of the thesis by default.
    rivals
        Probabilities that other classifiers give the same examples, by name, shape (n, 3) each; they
        are measured on the same test stars.

    Raises
    ------
    UserError
        A class is missing or too small in the training split, a side of the
        split is empty, or training diverged.
    """
    options = options or TrainingOptions()
    preprocess = preprocess or PreprocessOptions()
    architecture = architecture or Architecture()
    star = examples.stars()
    split = _split(examples, star, options)
    checkpoints = directory / "checkpoints"
    fitted = fit(
        *_samples(examples, split, options),
        options=options,
        checkpoints=checkpoints,
        architecture=architecture,
        minmax=preprocess.scaling == "minmax",
    )
    summary = _summary(examples, split, star, fitted=fitted, options=options)
    prior, temperature = _calibrate(fitted, examples, split, options)
    history = asdict(fitted.progress)
    write_json(directory / HISTORY, history)
    save_model(
        directory,
        fitted.parameters,
        architecture=architecture,
        preprocess=preprocess,
        temperature=temperature,
        prior=prior,
        training=summary,
    )
    classifier = Classifier.load(directory)
    found = _test_probabilities(classifier, examples, split)
    others = {name: rival[split.test] for name, rival in (rivals or {}).items()}
    metrics = measure(examples, split, star, found=found | others, seed=options.seed)
    if not options.keep_checkpoints:
        Checkpoints.remove(checkpoints)
    return Trained(
        classifier=classifier,
        directory=directory,
        split=split,
        star=star,
        test_probability=found["network"],
        metrics={**metrics, "temperature": temperature, "training": summary},
        history=history,
    )


def _split(examples: Examples, star: npt.NDArray[np.int64], options: TrainingOptions) -> Split:
    """Split by star, each window once on the sides that measure."""
    split = split_by_star(
        examples.strata(), star, validation=options.validation, test=options.test, seed=options.seed
    )
    return _drop_copies(examples, split)


def _samples(examples: Examples, split: Split, options: TrainingOptions) -> tuple[Samples, Samples]:
    """Give the balanced training split and the validation split as it is."""
    flux, label = examples.windows.flux[split.train], examples.label[split.train]
    require_classes(label)
    weight = np.ones(label.size, dtype=np.float32)
    if options.balance == "smote":
        flux, label = smote(flux, label, seed=options.seed)
        weight = np.ones(label.size, dtype=np.float32)
    elif options.balance == "weights":
        weight = class_weights(label)
    held = examples.label[split.validation]
    return (
        Samples(flux, label.astype(np.int32), weight),
        Samples(
            examples.windows.flux[split.validation],
            held.astype(np.int32),
            np.ones(held.size, dtype=np.float32),
        ),
    )


def _calibrate(
    fitted: Fitted, examples: Examples, split: Split, options: TrainingOptions
) -> tuple[tuple[float, float, float], float]:
    """Give the class shares of training and the temperature that fits the validation stars."""
    label = examples.label[split.validation]
    if options.balance == "none":
        return class_shares(examples.label[split.train]), fit_temperature(fitted.validation_logits, label)
    even = 1 / len(LABELS)
    return (even, even, even), fit_temperature(fitted.validation_logits, label, weight=class_weights(label))


def _drop_copies(examples: Examples, split: Split) -> Split:
    """Leave each window once on the sides that measure; on the training side copies are weights."""

    def once(rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        first = np.unique(examples.windows.flux[rows], axis=0, return_index=True)[1]
        return np.sort(rows[first])

    return Split(train=split.train, validation=once(split.validation), test=once(split.test))


def _test_probabilities(
    classifier: Classifier, examples: Examples, split: Split
) -> dict[str, npt.NDArray[np.float32]]:
    """Classify the test rows by the network and by a linear baseline, at the class shares of the examples."""
    flux, label = examples.windows.flux, examples.label[split.train]
    shares = class_shares(label)
    linear = logistic_regression(flux[split.train], label, predict=flux[split.test])
    return {
        "network": classifier.predict_proba(flux[split.test], shares=shares),
        "linear_baseline": correct_prior(linear, trained=EVEN, stated=shares),
    }


def measure(
    examples: Examples,
    split: Split,
    star: npt.NDArray[np.int64],
    *,
    found: Mapping[str, npt.NDArray[np.floating]],
    seed: int,
) -> dict[str, Any]:
    """Measure classifiers on the stars of the test side, and the network per origin too.

    Parameters
    ----------
    examples, split, star
        What was trained on, and how it was split.
    found
        Probabilities of the test rows by the name of the classifier, the one called ``network`` among them.
    seed
        Seed of the bootstrap.
    """
    label, test_star = examples.label[split.test], star[split.test]
    origin = np.array([examples.origin[row] for row in split.test], dtype=object)
    network = found["network"]
    by_origin = {
        name: evaluate(label[rows], network[rows], test_star[rows], seed=seed)
        for name in sorted(set(examples.origin))
        if (rows := np.flatnonzero(origin == name)).size
    }
    overall = {
        name: evaluate(label, probability, test_star, seed=seed) for name, probability in found.items()
    }
    return {**overall, "by_origin": by_origin}


def _summary(
    examples: Examples,
    split: Split,
    star: npt.NDArray[np.int64],
    *,
    fitted: Fitted,
    options: TrainingOptions,
) -> dict[str, Any]:
    sides = {"train": split.train, "validation": split.validation, "test": split.test}
    return {
        "options": options.model_dump(mode="json"),
        "origins": dict(Counter(examples.origin)),
        "classes": {
            side: dict(zip(LABELS, np.bincount(examples.label[rows], minlength=3).tolist(), strict=True))
            for side, rows in sides.items()
        },
        "stars": {side: len(np.unique(star[rows])) for side, rows in sides.items()},
        "epochs": fitted.progress.epoch,
        "best_epoch": fitted.progress.best_epoch,
        "validation_loss": fitted.progress.best_loss,
        "device": fitted.device,
        "seconds": round(fitted.seconds, 2),
        "resumed_after": fitted.resumed_after,
    }

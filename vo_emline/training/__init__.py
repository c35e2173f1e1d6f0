"""Training: labelled sets, splits by star, balancing, the network, calibration, metrics, checkpoints.

* ``labelled``, ``stars``, ``examples``: labels of spectra, which spectra are of one star, splits by it.
* ``simulated``, ``hosts``: simulated windows, and survey spectra as negatives and hosts of emission.
* ``options``, ``description``: settings, ``model.json`` and the parts beside it; both load without JAX.
* ``balance``, ``network``, ``steps``, ``trainer``, ``checkpoints``, ``device``: training itself.
* ``calibration``, ``metrics``: what the probabilities are worth.
* ``expected``, ``second_stage``, ``expectation``: what Hα should be, and how that is learnt of a survey.
* ``regression``: lines measured by a network.
* ``prediction``, ``winograd``: the network computed fast; ``student``, ``distillation``: what screens for it.
* ``recipe`` puts these together; ``classifier`` is what it leaves behind.

Names are imported when they are first used, so that settings can be read without loading JAX.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vo_emline.training.classifier import Classifier
    from vo_emline.training.description import ModelDescription
    from vo_emline.training.examples import Examples, join
    from vo_emline.training.hosts import host_examples, without_known_emitters
    from vo_emline.training.labelled import LabelMatch, match_labels, read_labels
    from vo_emline.training.metrics import evaluate
    from vo_emline.training.options import AugmentOptions, TrainingOptions
    from vo_emline.training.recipe import Trained, train
    from vo_emline.training.simulated import simulated_examples
    from vo_emline.training.stars import Split, group_by_star, split_by_star

_HOME = {
    "AugmentOptions": "options",
    "Classifier": "classifier",
    "Examples": "examples",
    "LabelMatch": "labelled",
    "ModelDescription": "description",
    "Split": "stars",
    "Trained": "recipe",
    "TrainingOptions": "options",
    "evaluate": "metrics",
    "host_examples": "hosts",
    "simulated_examples": "simulated",
    "without_known_emitters": "hosts",
    "group_by_star": "stars",
    "join": "examples",
    "match_labels": "labelled",
    "read_labels": "labelled",
    "split_by_star": "stars",
    "train": "recipe",
}

__all__ = [
    "AugmentOptions",
    "Classifier",
    "Examples",
    "LabelMatch",
    "ModelDescription",
    "Split",
    "Trained",
    "TrainingOptions",
    "evaluate",
    "group_by_star",
    "host_examples",
    "join",
    "match_labels",
    "read_labels",
    "simulated_examples",
    "split_by_star",
    "train",
    "without_known_emitters",
]


def __getattr__(name: str) -> Any:
    """Import a public name on first use."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    """List the public names."""
    return sorted(__all__)

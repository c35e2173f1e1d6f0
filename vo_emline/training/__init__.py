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

from typing import TYPE_CHECKING

from vo_emline.lazy import lazily

if TYPE_CHECKING:
    from vo_emline.training.classifier import Classifier as Classifier
    from vo_emline.training.description import ModelDescription as ModelDescription
    from vo_emline.training.examples import Examples as Examples
    from vo_emline.training.examples import join as join
    from vo_emline.training.hosts import host_examples as host_examples
    from vo_emline.training.hosts import without_known_emitters as without_known_emitters
    from vo_emline.training.labelled import LabelMatch as LabelMatch
    from vo_emline.training.labelled import match_labels as match_labels
    from vo_emline.training.labelled import read_labels as read_labels
    from vo_emline.training.metrics import evaluate as evaluate
    from vo_emline.training.options import AugmentOptions as AugmentOptions
    from vo_emline.training.options import TrainingOptions as TrainingOptions
    from vo_emline.training.recipe import Trained as Trained
    from vo_emline.training.recipe import train as train
    from vo_emline.training.simulated import simulated_examples as simulated_examples
    from vo_emline.training.stars import Split as Split
    from vo_emline.training.stars import group_by_star as group_by_star
    from vo_emline.training.stars import split_by_star as split_by_star

__getattr__, __dir__ = lazily(
    __name__,
    {
        "classifier": "Classifier",
        "description": "ModelDescription",
        "examples": "Examples join",
        "hosts": "host_examples without_known_emitters",
        "labelled": "LabelMatch match_labels read_labels",
        "metrics": "evaluate",
        "options": "AugmentOptions TrainingOptions",
        "recipe": "Trained train",
        "simulated": "simulated_examples",
        "stars": "Split group_by_star split_by_star",
    },
)

"""What a network sees of spectra, so that a batch to be labelled is of unlike ones."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa

from vo_emline.arrays import FloatArray
from vo_emline.labelling.making import Features

logger = logging.getLogger(__name__)

ENOUGH: Final = 0.5
"""Share of the spectra of which the file must be there; what cannot be read counts as usual."""


def features_of_files(model: Path) -> Features:
    """Give what reads spectra and looks at them with a network.

    Parameters
    ----------
    model
        Folder of the model.

    Returns
    -------
    Features
        From rows with ``file`` to what the last layer sees, shape (n, k); None where too few can be read.
    """

    def features(some: pa.Table) -> FloatArray | None:
        from vo_emline.survey import prepare_files
        from vo_emline.training.classifier import Classifier
        from vo_emline.training.familiarity import last_features

        files = [file or "" for file in some["file"].to_pylist()]
        classifier = Classifier.load(model)
        windows = prepare_files(files, classifier.description.preprocess).windows
        place = {source: row for row, source in enumerate(windows.identity["source"].to_pylist())}
        rows = np.array([place.get(file, -1) for file in files])
        if len(windows) < ENOUGH * len(files):
            logger.warning(
                "%d of %d files can be read: spectra are chosen one by one", len(windows), len(files)
            )
            return None
        seen = last_features(classifier, windows)
        return np.asarray(np.where((rows < 0)[:, None], seen.mean(axis=0), seen[rows]))

    return features

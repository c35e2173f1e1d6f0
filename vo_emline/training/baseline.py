"""Baselines: what a network has to beat on the same windows."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

MAX_ITERATIONS = 500
REGULARISATION = 0.1
"""Inverse strength of the L2 penalty; 140 correlated pixels want a strong one."""


def logistic_regression(
    flux: npt.NDArray[np.float32], label: npt.NDArray[np.int64], *, predict: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """Train a linear classifier and give its probabilities for other windows.

    Classes are weighted to count alike, as SMOTE does for the network.

    Parameters
    ----------
    flux
        Scaled windows of the training split, shape (n, 140).
    label
        Class index of each, shape (n,).
    predict
        Scaled windows to classify, shape (m, 140).

    Returns
    -------
    numpy.ndarray
        Probabilities, shape (m, 3).
    """
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=REGULARISATION, class_weight="balanced", max_iter=MAX_ITERATIONS, tol=1e-3)
    model.fit(flux, label)
    if not len(predict):
        return np.empty((0, len(model.classes_)), dtype=np.float32)
    return np.asarray(model.predict_proba(predict), dtype=np.float32)

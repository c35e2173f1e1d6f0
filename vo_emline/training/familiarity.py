"""Familiarity: whether a line is like any that the network was shown.

A network gives a probability for anything. What its last layer sees of a
spectrum, 512 numbers, lies elsewhere for what is like nothing it has learnt
from: hot pixels, cosmic rays, pieces of dead spectra. The distance of these
numbers from those of known emission, in units of how they vary (Mahalanobis,
along their main axes; Lee et al. 2018, arXiv:1807.03888), with what lies beyond
these axes, tells how strange a spectrum is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import jax
import numpy as np
import numpy.typing as npt

from vo_emline.arrays import BoolArray, FloatArray
from vo_emline.labels import ABSORPTION
from vo_emline.preprocess.windows import WindowSet
from vo_emline.simulate import simulate_windows
from vo_emline.simulate.hosts import can_host
from vo_emline.simulate.injection import inject
from vo_emline.simulate.training_population import FRACTIONS, NO_EMISSION
from vo_emline.training import winograd
from vo_emline.training.classifier import FAMILIARITY, Classifier
from vo_emline.training.description import add_part
from vo_emline.training.options import CLASS_SHARES
from vo_emline.training.prediction import Predictor

AXES: Final = 48
"""Main axes along which known emission varies, that are looked at."""

SHRINKAGE: Final = 0.05
"""Share of a sphere in the covariance: axes of little variation are known from few examples."""

STRANGE: Final = 0.01
"""Share of known emission in real spectra that took no part in it which counts as strange."""

INJECTIONS: Final = 4000
"""Lines put into the survey's spectra; as many simulated ones are known, too."""

LEAST_HOSTS: Final = 100
"""Fewer spectra of the survey do not show what is usual in it."""

LEAST_KNOWN: Final = 300
"""Of fewer lines that the network finds nothing can be said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Familiarity:
    """What the last layer sees of known emission."""

    mean: FloatArray
    """Mean of the logarithms, shape (features,)."""
    axes: FloatArray
    """Main axes, shape (:data:`AXES`, features)."""
    whitening: FloatArray
    """What makes the variation along them one in every direction, shape (:data:`AXES`, :data:`AXES`)."""
    beyond: float
    """Median square of what lies beyond the axes."""
    limit: float
    """Strangeness from which on a spectrum is like none that was shown."""

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> Self:
        """Make it of what :meth:`arrays` gave."""
        kept = {name: np.asarray(arrays[name], dtype=np.float64) for name in ("mean", "axes", "whitening")}
        beyond, limit = (float(arrays[name][()]) for name in ("beyond", "limit"))
        return cls(**kept, beyond=beyond, limit=limit)

    def arrays(self) -> dict[str, npt.NDArray[np.float32]]:
        """Give all there is to keep, single precision."""
        names = ("mean", "axes", "whitening", "beyond", "limit")
        return {name: np.asarray(getattr(self, name), dtype=np.float32) for name in names}

    def strangeness(self, features: FloatArray) -> FloatArray:
        """Tell how far features lie from those of known emission, shape (n, features) → (n,)."""
        apart = np.log1p(np.maximum(features, 0.0)) - self.mean
        along = apart @ self.axes.T
        rest = np.square(apart - along @ self.axes).sum(axis=1)
        return np.asarray(np.square(along @ self.whitening).mean(axis=1) + rest / self.beyond)


def fit_familiarity(known: FloatArray, held_out: FloatArray) -> Familiarity:
    """Learn what known emission looks like to the last layer.

    Parameters
    ----------
    known
        Features of known emission, shape (n, features).
    held_out
        Features of other known emission in real spectra, which sets the limit, shape (m, features).
    """
    logarithm = np.log1p(np.maximum(known, 0.0))
    mean = logarithm.mean(axis=0)
    axes = np.linalg.svd(logarithm - mean, full_matrices=False)[2][:AXES]
    along = (logarithm - mean) @ axes.T
    covariance = np.cov(along.T)
    size = len(covariance)
    shrunk = (1.0 - SHRINKAGE) * covariance + SHRINKAGE * np.trace(covariance) / size * np.eye(size)
    rest = np.square(logarithm - mean - along @ axes).sum(axis=1)
    found = Familiarity(
        mean=mean,
        axes=axes,
        whitening=np.linalg.cholesky(np.linalg.inv(shrunk)),
        beyond=max(float(np.median(rest)), 1e-12),
        limit=np.inf,
    )
    limit = float(np.quantile(found.strangeness(held_out), 1.0 - STRANGE))
    return Familiarity(
        mean=found.mean, axes=axes, whitening=found.whitening, beyond=found.beyond, limit=limit
    )


def last_layer_input(classifier: Classifier) -> Predictor:
    """Give what computes that which the last layer of a network sees: flux (n, 140) → (n, features)."""
    weights = winograd.transform_weights(classifier.parameters)
    size = weights["output.kernel"].shape[0]
    passed = {
        "output.kernel": jax.device_put(np.eye(size, dtype=np.float32)),
        "output.bias": jax.device_put(np.zeros(size, np.float32)),
    }
    return Predictor(winograd.logits, weights | passed)


def last_features(classifier: Classifier, windows: WindowSet) -> FloatArray:
    """Give what the last layer of a network sees of windows, shape (n, features)."""
    return last_layer_input(classifier)(windows.flux).astype(np.float64)


class Stranger:
    """Tells what a trained network does not know.

    Parameters
    ----------
    classifier
        The network.
    familiarity
        What its last layer sees of known emission.
    """

    def __init__(self, classifier: Classifier, familiarity: Familiarity) -> None:
        self._features = last_layer_input(classifier)
        self._familiarity = familiarity

    def __call__(self, windows: WindowSet) -> BoolArray:
        """Tell the windows that are like no emission that the network was shown, shape (n,)."""
        if not len(windows):
            return np.zeros(0, dtype=bool)
        features = self._features(windows.flux).astype(np.float64)
        return np.asarray(self._familiarity.strangeness(features) > self._familiarity.limit)


def learn_familiarity(classifier: Classifier, survey: WindowSet, *, seed: int) -> Familiarity | None:
    """Learn what known emission looks like: simulated, and put into half of the survey's spectra.

    The other half sets the limit, by the same lines in spectra that took no part.

    Parameters
    ----------
    classifier
        The trained network.
    survey
        Windows of survey spectra without those of known emitters.
    seed
        The same seed gives the same.

    Returns
    -------
    Familiarity or None
        None where the survey has too few spectra, or the network finds too few lines.
    """
    hosts = np.flatnonzero(can_host(survey))
    if hosts.size < LEAST_HOSTS:
        return None
    emitters = [name for name in FRACTIONS if name not in NO_EMISSION]
    drawn = np.random.default_rng([seed, 41]).permutation(hosts)
    halves = ((survey.take(drawn[::2]), INJECTIONS), (survey.take(drawn[1::2]), INJECTIONS // 2))
    lit = [
        inject(half, number, seed=seed + which, kinds=emitters).windows
        for which, (half, number) in enumerate(halves)
    ]
    population = {name: FRACTIONS[name] for name in emitters}
    simulated = simulate_windows(INJECTIONS, seed=seed + 2, varied=True, fractions=population)
    own, held_out, alone = (
        _found(classifier, one) for one in (*lit, simulated.prepare(classifier.description.preprocess))
    )
    known = np.concatenate([own, alone])
    return None if min(len(known), len(held_out)) < LEAST_KNOWN else fit_familiarity(known, held_out)


def _found(classifier: Classifier, windows: WindowSet) -> FloatArray:
    """Give the features of those windows in which the network finds emission."""
    label = classifier.predict_windows(windows, shares=CLASS_SHARES).argmax(axis=1)
    return last_features(classifier, windows.take(np.flatnonzero(label != ABSORPTION)))


def add_familiarity(directory: Path, survey: WindowSet, *, seed: int) -> Familiarity | None:
    """Learn what the model in `directory` knows of emission and add it; see :func:`learn_familiarity`."""
    found = learn_familiarity(Classifier.load(directory), survey, seed=seed)
    if found is not None:
        add_part(directory, FAMILIARITY, found.arrays())
    return found

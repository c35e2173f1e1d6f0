"""The second stage: what the network sees in the window, and what the rest of the spectrum expects there.

Where a whole spectrum is at hand, the odds that the network gives and the
excess over the expected absorption (:mod:`vo_emline.training.expected`) are
put together by logistic regression. Where nothing can be expected, the odds
of the network alone are recalibrated. Both are learnt from real survey
spectra and from emission put into them, so the probabilities hold there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt
from scipy.special import expit, log_expit, logit

from vo_emline.arrays import FloatArray
from vo_emline.labels import DOUBLE_PEAK, EMISSION
from vo_emline.preprocess.windows import WindowSet
from vo_emline.training.expected import ExpectedAbsorption, excess, observe, stellar

SUREST: Final = 12.0
"""Log odds of the network count no further than this."""

LARGEST_EXCESS: Final = (-5.0, 15.0)
"""An excess counts no further than this, standard deviations."""

LARGEST_LIFT: Final = 5.0
"""The rest of a spectrum raises the log odds of its window by no more than this: one odd star among those
learnt from, or a peculiar one, is not enough where the window shows nothing."""

RIDGE: Final = 1e-4
"""Penalty on the squared weights: keeps them finite where the classes do not overlap."""

_EXPECTED: Final = "expected."


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondStage:
    """What is expected of stars, and how it joins the network's odds."""

    expected: ExpectedAbsorption
    joint: FloatArray
    """Constant and weights of the network's log odds and of the excess in core and line, shape (4,)."""
    alone: FloatArray
    """Constant and weight of the network's log odds where nothing is expected, shape (2,)."""
    double: float = 0.0
    """What is added to the network's log odds of double over single: a network that has seen either as often
    calls fewer lines double in real spectra than are."""

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.ArrayLike]) -> Self:
        """Make it of what :meth:`arrays` gave."""
        inner = {name.removeprefix(_EXPECTED): arrays[name] for name in arrays if name.startswith(_EXPECTED)}
        joint, alone = (np.asarray(arrays[name], dtype=np.float64) for name in ("joint", "alone"))
        double = float(np.asarray(arrays["double"]).ravel()[0]) if "double" in arrays else 0.0
        return cls(expected=ExpectedAbsorption.from_arrays(inner), joint=joint, alone=alone, double=double)

    def arrays(self) -> dict[str, npt.NDArray[np.float32]]:
        """Give all there is to keep, single precision."""
        inner = {f"{_EXPECTED}{name}": array for name, array in self.expected.arrays().items()}
        own = {"joint": self.joint.astype(np.float32), "alone": self.alone.astype(np.float32)}
        own["double"] = np.array([self.double], dtype=np.float32)
        return inner | own

    def excess(self, windows: WindowSet) -> FloatArray:
        """Tell how far each line exceeds the absorption that its star should have.

        Parameters
        ----------
        windows
            Windows, n of them.

        Returns
        -------
        numpy.ndarray
            Standard deviations, in the core and in the line
            (:data:`~vo_emline.training.expected.HALF_WIDTHS`), positive for emission, shape (n, 2); NaN
            where the rest of the spectrum is not at hand, is like none that was learnt from, or is
            that of a galaxy or quasar.
        """
        if windows.indices is None or not len(windows):
            return np.full((len(windows), 2), np.nan)
        found = excess(self.expected.predict(windows.indices), observe(windows))
        return np.where(stellar(windows)[:, None], found, np.nan)

    def refine(self, balanced: npt.NDArray[np.floating], excess: FloatArray) -> npt.NDArray[np.float32]:
        """Put the network's probabilities and the excess together.

        Parameters
        ----------
        balanced
            Probabilities by the network where classes are equally frequent, shape (n, 3).
        excess
            What :meth:`excess` gave, shape (n, 2).

        Returns
        -------
        numpy.ndarray
            Probabilities where a third of the spectra have absorption, shape (n, 3), float32. Single and
            double share the probability of emission as the network has it.
        """
        features = joint_features(balanced, excess)
        known = np.isfinite(features).all(axis=1)
        alone = self.alone[0] + self.alone[1] * features[:, 0]
        joint = self.joint[0] + features @ self.joint[1:]
        odds = np.where(known, np.minimum(joint, alone + LARGEST_LIFT), alone)
        # the odds were learnt at even ones; of three equal classes two are emission
        emission = expit(odds + logit(2 / 3))
        kinds = np.maximum(np.asarray(balanced, dtype=np.float64)[:, 1:], 1e-12)
        kinds = kinds * np.exp([0.0, self.double])
        shared = kinds / kinds.sum(axis=1, keepdims=True) * emission[:, None]
        return np.column_stack([1.0 - emission, shared]).astype(np.float32)


def joint_features(balanced: npt.NDArray[np.floating], excess: FloatArray) -> FloatArray:
    """Give the log odds of emission by the network, and the excess, within their limits, shape (n, 3)."""
    probability = np.asarray(balanced, dtype=np.float64)
    odds = np.log(probability[:, 1:].sum(axis=1) + 1e-12) - np.log(probability[:, 0] + 1e-12)
    odds = np.clip(odds - logit(2 / 3), -SUREST, SUREST)
    return np.column_stack([odds, np.clip(excess, *LARGEST_EXCESS)])


def fit_second_stage(
    expected: ExpectedAbsorption,
    balanced: npt.NDArray[np.floating],
    excess: FloatArray,
    emission: npt.NDArray[np.bool_],
    shape: npt.NDArray[np.integer[Any]] | None = None,
) -> SecondStage:
    """Fit the second stage.

    Parameters
    ----------
    expected
        What is expected of stars.
    balanced
        Probabilities by the network of real survey spectra and of the same with emission put in, where
        classes are equally frequent, shape (n, 3).
    excess
        Their excess by expectations that did not know them, shape (n, 2).
    emission
        Which of them have emission, shape (n,).
    shape
        Class of those with emission whose shape is beyond doubt, index into
        :data:`~vo_emline.labels.LABELS`, shape (n,); anything else for the others. None for none known.
    """
    features = joint_features(balanced, excess)
    known = np.isfinite(features).all(axis=1)
    return SecondStage(
        double=_double_odds(balanced, shape),
        expected=expected,
        joint=_logistic(features[known], emission[known]),
        alone=_logistic(features[:, :1], emission),
    )


def _double_odds(balanced: npt.NDArray[np.floating], shape: npt.NDArray[np.integer[Any]] | None) -> float:
    """Fit what is added to the log odds of double over single, both counting alike; 0 where unknown."""
    if shape is None:
        return 0.0
    kinds = np.maximum(np.asarray(balanced, dtype=np.float64)[:, 1:], 1e-12)
    odds = np.log(kinds[:, 1] / kinds[:, 0])
    single, double = odds[shape == EMISSION], odds[shape == DOUBLE_PEAK]
    if not (single.size and double.size):
        return 0.0

    from scipy.optimize import minimize_scalar  # slow to import; only those who train need it

    def loss(added: float) -> float:
        return -float(log_expit(double + added).mean() + log_expit(-single - added).mean())

    return float(minimize_scalar(loss, bounds=(-3.0, 3.0), method="bounded").x)


def _logistic(features: FloatArray, emission: npt.NDArray[np.bool_]) -> FloatArray:
    """Fit log odds that are linear in the features and never fall with one of them; constant first.

    Both classes count alike, whatever their numbers.
    """
    design = np.column_stack([np.ones(len(features)), features])
    sign = np.where(emission, 1.0, -1.0)
    weight = np.where(emission, 0.5 / max(emission.sum(), 1), 0.5 / max((~emission).sum(), 1))

    from scipy.optimize import minimize  # slow to import; only those who train need it

    def loss(coefficients: FloatArray) -> tuple[float, FloatArray]:
        margin = sign * (design @ coefficients)
        value = -float(weight @ log_expit(margin)) + RIDGE * float(coefficients[1:] @ coefficients[1:])
        gradient = -(weight * sign * expit(-margin)) @ design
        gradient[1:] += 2.0 * RIDGE * coefficients[1:]
        return value, gradient

    bounds = [(None, None), *[(0.0, None)] * features.shape[1]]
    found = minimize(loss, np.zeros(design.shape[1]), jac=True, bounds=bounds, method="L-BFGS-B")
    return np.asarray(found.x)

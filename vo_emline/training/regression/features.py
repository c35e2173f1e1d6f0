"""What the heads see of a line, and the classical measurement that they improve upon."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from vo_emline.arrays import FloatArray
from vo_emline.measure.baseline import Baseline
from vo_emline.measure.lines import EmissionLines
from vo_emline.measure.quantities import QUANTITIES, Estimates, estimates
from vo_emline.measure.width import within

REACH: Final = 62.0
"""The heads see the flux within this distance of Hα, Å: the line, both side bands, and [N II]."""

USUAL: Final = np.array([0.0, np.log(400.0), 0.0, np.log(350.0), 0.0])
"""What the heads are shown of a quantity that could not be measured, in the units of :class:`Anchor`."""

FINEST: Final = np.array([0.01, 0.01, 1.0, 0.01, 0.02])
COARSEST: Final = np.array([np.inf, 0.3, 60.0, 0.3, 0.5])
"""Limits of the classical errors as units of the heads' answers, in the units of :class:`Anchor`."""

_POSITIVE: Final = np.array([quantity.positive for quantity in QUANTITIES])


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """Classical measurements as origin and unit of the heads' answers, shape (n, 5) each.

    Those of positive quantities are natural logarithms; NaN where there is no measurement.
    """

    origin: FloatArray
    unit: FloatArray

    def encode(self, value: FloatArray) -> FloatArray:
        """Express values of the quantities in these units, shape (n, 5); NaN stays NaN."""
        return (_logarithm(value) - self.origin) / self.unit

    def decode(self, mean: FloatArray, deviation: FloatArray) -> Estimates:
        """Turn means and standard deviations in these units into values with symmetric errors."""
        level, spread = self.origin + mean * self.unit, deviation * self.unit
        value = np.where(_POSITIVE, np.exp(np.where(_POSITIVE, level, 0.0)), level)
        return Estimates(value=value, error=np.where(_POSITIVE, value, 1.0) * spread)


def describe_lines(emission: EmissionLines) -> tuple[np.ndarray, Anchor, Estimates]:
    """Give the features of lines, where their classical measurements put the origin, and these.

    The features are the flux over the pseudo-continuum, in units of the line's
    height and shape (n, pixels), then what that took out: height, noise, their
    ratio, and the classical measurements.

    Returns
    -------
    tuple
        Features, float32, shape (n, f); anchor; classical measurements.
    """
    baseline, lines = emission.baseline, emission.measured
    classical = estimates(lines)
    anchor = _anchor(classical)
    near = within(baseline, REACH)
    excess = np.nan_to_num(baseline.ratio[:, near] - 1.0)
    noise = np.nan_to_num(1.0 / lines.snr, nan=1.0)[:, None]
    height = np.maximum(np.abs(excess[:, _middle(baseline)[near]]).max(axis=1, keepdims=True), 3.0 * noise)
    known = np.isfinite(classical.value).astype(float)
    scalars = [np.log(height), np.log(noise), np.log(height / noise), lines.dip[:, None], known]
    seen = np.where(np.isfinite(classical.value), anchor.origin, USUAL)
    positions = [np.arcsinh(seen[:, :1]), seen[:, 1:], np.log(np.where(known > 0, anchor.unit, 1.0))]
    features = np.concatenate([np.clip(excess / height, -3.0, 3.0), *scalars, *positions], axis=1)
    return np.nan_to_num(features).astype(np.float32), anchor, classical


def _anchor(classical: Estimates) -> Anchor:
    divisor = np.where(_POSITIVE, classical.value, 1.0)
    return Anchor(
        origin=_logarithm(classical.value), unit=np.clip(classical.error / divisor, FINEST, COARSEST)
    )


def _middle(baseline: Baseline) -> np.ndarray:
    return within(baseline, 12.0)


def _logarithm(value: FloatArray) -> FloatArray:
    """Take the logarithm of positive quantities."""
    return np.where(_POSITIVE, np.log(np.where(_POSITIVE, value, 1.0)), value)

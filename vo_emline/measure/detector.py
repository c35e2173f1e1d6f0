"""A detector without any training: the baseline that a network has to beat."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vo_emline.arrays import FloatArray
from vo_emline.labels import ABSORPTION, DOUBLE_PEAK, EMISSION
from vo_emline.measure.lines import LineMeasurements
from vo_emline.measure.shape import DIP


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """When a line counts."""

    strength: float = 5.0
    """Emission from this :func:`strength` on."""
    dip: float = DIP
    """A double peak from this relative dip on …"""
    dip_significance: float = 3.0
    """… if it is this many times its error."""


def strength(lines: LineMeasurements) -> FloatArray:
    """Give the strength of emission over its error, shape (n,): a score, larger for surer emission.

    It is the greater of the emission above the continuum and of what sticks
    out of the line's surroundings, each over its error. The second finds
    emission in the core of a photospheric line; neither finds emission that
    merely makes a core shallower. Spectra without a positive continuum get 0.
    """
    above = -lines.ew / lines.ew_error
    local = lines.excess / lines.excess_error
    return np.nan_to_num(np.maximum(above, local), nan=0.0)


def detect(lines: LineMeasurements, thresholds: Thresholds | None = None) -> npt.NDArray[np.int64]:
    """Classify lines as indices into :data:`vo_emline.labels.LABELS`, shape (n,)."""
    limits = thresholds or Thresholds()
    emission = strength(lines) >= limits.strength
    double = (lines.dip >= limits.dip) & (lines.dip_significance >= limits.dip_significance)
    return np.where(emission, np.where(double, DOUBLE_PEAK, EMISSION), ABSORPTION)

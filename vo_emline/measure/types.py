"""The type of an emission profile, beside the three classes, with its probability.

What tells the types apart is what lies beside the highest point of the line, at
the resolution of the survey: a trough below the continuum on both sides
(emission within absorption), on the violet side alone or much deeper there (P
Cygni), on the red side alone (inverse P Cygni), or on neither (single, double,
broad). Whether there are two peaks the classifier says. Each trough is
measured with its error, and the probability of a type is its share of what the
errors allow.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from vo_emline.arrays import BoolArray, Column, FloatArray
from vo_emline.measure.baseline import Baseline
from vo_emline.measure.shape import PEAKS_HALF_WIDTH, within
from vo_emline.spectra.medium import HALPHA_VAC

FILLED: Final = "filled"
"""The type of a line without a peak of its own: emission is only what lacks of the absorption expected."""

TYPES: Final = (
    "single",
    "double",
    "single-in-absorption",
    "double-in-absorption",
    "p-cygni",
    "inverse-p-cygni",
    "broad",
    FILLED,
)
"""Names of the types, in the order of the columns of probabilities here."""

IN_ABSORPTION: Final = ("single-in-absorption", "double-in-absorption")
"""Those that lie within an absorption."""

BROAD_KMS: Final = 1000.0
"""Single lines without absorption are broad from this full width at half maximum on."""

TROUGH: Final = 0.05
"""A trough lies so much below the continuum …"""

TROUGH_OF_HEIGHT: Final = 0.02
"""… and below it by this share of the height of the line …"""

TROUGH_SIGMA: Final = 5.0
"""… and by so many standard deviations: the lowest of many noisy places is low."""

LOPSIDED: Final = 3.0
"""Absorption is on one side where the trough there is so many times as deep as on the other."""

REACH: Final = 16.0
"""Troughs are looked for within this distance of the highest point, Å, stretched as the line is."""

RISE: Final = 0.03
"""A line that rises from its troughs by less, and not above the continuum, has no peak: it only fills."""

WIDER: Final = 1.7
"""Errors of troughs are so many times those of the noise alone: then 57, 76, 90 and 92 % of the types are
right that have a probability of 0.5–0.7, 0.7–0.9, 0.9–0.99 and more, of simulated lines over 10 sigma."""

_DRAWS: Final = 64
"""Troughs within their errors, by which probabilities are found."""

# points that cover a plane of Gaussian errors evenly: a Kronecker sequence
_GOLDEN: Final = np.array([0.7548776662466927, 0.5698402909980532])


class ProfileTypes(NamedTuple):
    """Types of n profiles."""

    kind: npt.NDArray[np.int64]
    """Index into :data:`TYPES`, shape (n,)."""
    probability: FloatArray
    """Probability of each type, shape (n, 8); rows sum to 1."""


class _Sides(NamedTuple):
    """What lies beside the highest point of n lines, shape (n,) each, in units of the continuum."""

    height: FloatArray
    """Highest point above the continuum."""
    violet: FloatArray
    """Depth of the trough below the continuum on the violet side."""
    red: FloatArray
    sigma: FloatArray
    """Standard deviation of either trough."""


def profile_types(baseline: Baseline, fwhm_kms: Column, double: Column) -> ProfileTypes:
    """Name the types of profiles.

    Parameters
    ----------
    baseline
        Lines over their continua, n of them; those of wide ones in stretched wavelengths.
    fwhm_kms
        Full width at half maximum as it is in the spectrum, km/s, shape (n,); NaN where unknown.
    double
        Probability that the line has two peaks, given that it is emission, shape (n,).
    """
    sides = _sides(baseline)
    least = np.maximum(TROUGH, np.maximum(TROUGH_OF_HEIGHT * sides.height, TROUGH_SIGMA * sides.sigma))
    violet, red = _troughs(sides)
    deep = np.maximum(violet, red) > least[:, None]
    lopsided = np.maximum(violet, red) > LOPSIDED * np.maximum(np.minimum(violet, red), 0.0)
    p_cygni = (deep & lopsided & (violet > red)).mean(axis=1)
    inverse = (deep & lopsided & (red > violet)).mean(axis=1)
    within_absorption = (deep & ~lopsided).mean(axis=1)
    alone = 1.0 - p_cygni - inverse - within_absorption
    rises = _rises(sides, np.minimum(violet, red).mean(axis=1))
    is_broad = np.nan_to_num(fwhm_kms) > BROAD_KMS
    share = np.where(rises, 1.0, 0.0)
    parts = [
        alone * (1.0 - double) * ~is_broad,
        alone * double,
        within_absorption * (1.0 - double),
        within_absorption * double,
        p_cygni,
        inverse,
        alone * (1.0 - double) * is_broad,
    ]
    probability = np.column_stack([*(share * part for part in parts), 1.0 - share])
    return ProfileTypes(probability.argmax(axis=1), probability)


def only_fills(baseline: Baseline) -> BoolArray:
    """Tell the lines that have no peak of their own, the type :data:`FILLED`, shape (n,)."""
    sides = _sides(baseline)
    return ~_rises(sides, np.minimum(*_troughs(sides)).mean(axis=1))


def _troughs(sides: _Sides) -> tuple[FloatArray, FloatArray]:
    """Draw the troughs on the violet and the red side within their errors, shape (n, draws) each."""
    drawn = WIDER * _gaussian_points() * sides.sigma[:, None, None]
    return sides.violet[:, None] + drawn[..., 0], sides.red[:, None] + drawn[..., 1]


def _rises(sides: _Sides, trough: FloatArray) -> BoolArray:
    """Tell the lines that rise from the shallower of their troughs, or above the continuum, shape (n,)."""
    height = np.maximum(sides.height, sides.height + trough)
    return np.asarray(height > np.maximum(RISE, TROUGH_SIGMA * sides.sigma))


def _sides(baseline: Baseline) -> _Sides:
    """Measure the highest point of each line, and the lowest places beside it: means of three pixels."""
    line = np.nan_to_num(baseline.ratio - 1.0)
    mean = line.copy()
    mean[:, 1:-1] = (line[:, :-2] + line[:, 1:-1] + line[:, 2:]) / 3.0
    peak = np.argmax(np.where(within(baseline, PEAKS_HALF_WIDTH), mean, -np.inf), axis=1)
    rows = np.arange(len(line))
    place = baseline.wavelength_vac - HALPHA_VAC
    from_peak = place - place[peak][:, None]
    reach = np.abs(place) <= PEAKS_HALF_WIDTH + 0.5 * REACH
    sides = [
        np.where(reach & (sign * from_peak > 0) & (np.abs(from_peak) <= REACH), mean, np.inf).min(axis=1)
        for sign in (-1.0, 1.0)
    ]
    near = np.median(baseline.sigma, axis=1)
    sigma = np.hypot(near / np.sqrt(3.0), baseline.continuum_sigma)
    return _Sides(height=mean[rows, peak], violet=-sides[0], red=-sides[1], sigma=sigma)


def _gaussian_points() -> FloatArray:
    """Give points that are spread as two independent Gaussian errors are, shape (1, draws, 2)."""
    from scipy.special import ndtri

    even = np.mod(0.5 + _GOLDEN * np.arange(1, _DRAWS + 1)[:, None], 1.0)
    return np.asarray(ndtri(even))[None]

"""What anyone can see: lines that rise above the continuum beyond any doubt, whatever their shape.

A network knows the shapes that it was shown. This check knows none: a set of
profiles from 150 to 4000 km/s, with one peak and with two, is compared with
what rises above the continuum around Hα, and the scatter beside it. Narrow
ones are also compared with what is left without the troughs beside them: the
winds of supergiants absorb as much as they emit. It is a product of matrices,
exact and fast; no spectrum in which it finds a line is ever called absorption.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from vo_emline.arrays import BoolArray
from vo_emline.preprocess.windows import GRID, WindowSet
from vo_emline.spectra.medium import HALPHA_VAC, SPEED_OF_LIGHT_KMS

Float32 = npt.NDArray[np.float32]

WIDTHS_KMS: Final = np.geomspace(150.0, 4000.0, 9)
"""Full widths of the profiles at half their height, km/s."""

SHIFT_KMS: Final = 300.0
"""Profiles are moved by up to this velocity either way."""

SIGNIFICANCE: Final = 10.0
"""A line is there where the best profile exceeds the scatter so many times over all its pixels …"""

HEIGHT: Final = 4.0
"""… and at its highest pixel."""

TROUGH: Final = 3.0
"""Pixels so many times the scatter below the continuum are a trough."""

NARROW_KMS: Final = 400.0
"""Up to this width of a profile troughs do not count against it; wider ones would take the wings of broad
absorption, between which its core is left out, for emission."""

MOST_ABSORPTION: Final = 0.45
"""Greatest probability of absorption where a line stands out: neither sure nor absorption."""

LESS_LIKELY: Final = 0.05
"""Probability of the less probable of single and double there."""

LSF_KMS: Final = 165.0
"""Full width of LAMOST's line spread: no line is narrower, km/s."""

_BESIDE: Final[BoolArray] = np.asarray((GRID > HALPHA_VAC + 40.0) & (np.abs(GRID - 6680.0) > 12.0))
"""Red of Hα and clear of He I 6678: the widest lines reach over the blue end of the window."""


def _profiles(widths_kms: npt.NDArray[np.floating]) -> tuple[Float32, Float32]:
    """Give the profiles of unit norm, shape (140, k), and their highest pixels, shape (k,)."""
    velocity = (GRID / HALPHA_VAC - 1.0) * SPEED_OF_LIGHT_KMS
    shapes = []
    for width in widths_kms:
        steps = max(3, int(2 * SHIFT_KMS / max(width / 3.0, 60.0)) | 1)
        one, half = np.hypot(width, LSF_KMS), np.hypot(0.45 * width, LSF_KMS)
        for shift in np.linspace(-SHIFT_KMS, SHIFT_KMS, steps):
            from_line = velocity - shift
            shapes.append(_gaussian(from_line, one))
            shapes.append(_gaussian(from_line + 0.4 * width, half) + _gaussian(from_line - 0.4 * width, half))
    unit = np.stack([shape / np.linalg.norm(shape) for shape in shapes], axis=1)
    return unit.astype(np.float32), unit.max(axis=0).astype(np.float32)


def _gaussian(velocity: npt.NDArray[Any], fwhm: float) -> npt.NDArray[Any]:
    return np.asarray(np.exp(-4.0 * np.log(2.0) * np.square(velocity / fwhm)))


_ANY: Final = _profiles(WIDTHS_KMS)
_NARROW: Final = _profiles(WIDTHS_KMS[WIDTHS_KMS < NARROW_KMS])

_BLOCK: Final = 512
"""Windows looked at at a time."""


def line_strength(windows: WindowSet) -> Float32:
    """Tell how plainly a line rises above the continuum, in units of what is beyond doubt, shape (n,).

    At 1 the best profile has just :data:`SIGNIFICANCE` over all its pixels and
    :data:`HEIGHT` at its top. The scatter is the greater of that about the
    continuum and that between neighbours, both redward of Hα, so that it
    counts bands of molecules as well as noise.

    Parameters
    ----------
    windows
        Windows whose continuum has been divided out, n of them; 0 for those that have none to speak of.
    """
    found = np.zeros(len(windows), dtype=np.float32)
    for first in range(0, len(found), _BLOCK):
        rows = slice(first, first + _BLOCK)
        found[rows] = _strength(windows.flux[rows], windows.continuum[rows])
    return found


def _strength(scaled: Float32, continuum: Float32) -> Float32:
    """Do :func:`line_strength` for a few windows, which stay in the cache of the processor."""
    flux = scaled * continuum[:, 1:] + continuum[:, :1]
    beside = flux[:, _BESIDE]
    level = beside.mean(axis=1, keepdims=True)
    usable = level > 0
    above = np.where(usable, flux / np.where(usable, level, 1.0) - 1.0, 0.0).astype(np.float32)
    side = above[:, _BESIDE]
    about = np.abs(side).mean(axis=1) * np.float32(np.sqrt(np.pi / 2.0))
    between = np.abs(np.diff(side, axis=1)).mean(axis=1) * np.float32(np.sqrt(np.pi) / 2.0)
    scatter = np.maximum(np.maximum(about, between), np.float32(1e-4))
    standing = np.where(above < -np.float32(TROUGH) * scatter[:, None], np.float32(0.0), above)
    return np.maximum(_best(above, scatter, *_ANY), _best(standing, scatter, *_NARROW))


def _best(above: Float32, scatter: Float32, unit: Float32, top: Float32) -> Float32:
    """Tell how plain the plainest of some profiles is, shape (n,); see :func:`line_strength`."""
    found = (above @ unit) / scatter[:, None]
    plain = np.minimum(found / SIGNIFICANCE, found * top / HEIGHT)
    return np.asarray(plain.max(axis=1), dtype=np.float32)


def stands_out(windows: WindowSet) -> BoolArray:
    """Tell the windows with a line beyond doubt (:func:`line_strength`), shape (n,)."""
    return np.asarray(line_strength(windows) > 1.0)


def insist(probability: Float32, windows: WindowSet) -> Float32:
    """Take back the word *absorption* where a line stands out: it gets no more than :data:`MOST_ABSORPTION`.

    What is taken from it goes to single or double, whichever was the more probable.

    Parameters
    ----------
    probability
        Class probabilities, shape (n, 3), absorption first.
    windows
        The windows they are of.
    """
    denied = np.flatnonzero((probability.argmax(axis=1) == 0) & stands_out(windows))
    if not denied.size:
        return probability
    corrected = probability.copy()
    double = probability[denied, 2] > probability[denied, 1]
    corrected[denied, 0] = MOST_ABSORPTION
    corrected[denied, 1] = np.where(double, LESS_LIKELY, 1.0 - MOST_ABSORPTION - LESS_LIKELY)
    corrected[denied, 2] = np.where(double, 1.0 - MOST_ABSORPTION - LESS_LIKELY, LESS_LIKELY)
    return corrected

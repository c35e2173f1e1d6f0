"""Where and when LAMOST looks, and how much light it gets."""

from __future__ import annotations

from typing import Final

import numpy as np

from vo_emline.arrays import FloatArray

LAMOST_EPOCHS: Final = (55_850.0, 59_000.0)
"""Epochs between which LAMOST spectra are taken, MJD."""

FAINT_SHARE: Final = 0.12
"""Share of LAMOST spectra that are little but noise (S/N from 0.7 to 15)."""


def draw_positions(n: int, random: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """Draw right ascensions and declinations (ICRS, deg), evenly over LAMOST's sky (−10° to +60°)."""
    return random.uniform(0.0, 360.0, n), np.degrees(np.arcsin(random.uniform(-0.17, 0.87, n)))


def draw_snr(n: int, random: np.random.Generator) -> FloatArray:
    """Draw S/N per pixel of LAMOST spectra: 3 to 300, and for :data:`FAINT_SHARE` down to 0.7."""
    snr = np.exp(random.normal(np.log(58.0), 0.85, n)).clip(3.0, 300.0)
    faint = random.uniform(size=n) < FAINT_SHARE
    snr[faint] = np.exp(random.uniform(np.log(0.7), np.log(15.0), faint.sum()))
    return snr

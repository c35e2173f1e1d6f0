"""Resampling by linear interpolation, as the thesis does it, for many spectra on one grid at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from vo_emline.arrays import BoolArray, FloatArray, Pixels, Spectra

Floats = npt.NDArray[np.floating[Any]]
"""Single or double precision."""


def resample(
    flux: Floats, ivar: Floats, *, wavelength_vac: FloatArray, grid: Pixels
) -> tuple[FloatArray, FloatArray]:
    """Interpolate spectra linearly onto `grid`; beyond their ends the edge value is repeated.

    Parameters
    ----------
    flux, ivar
        Shape (n, m); the inverse variance is 0 where unknown.
    wavelength_vac
        Ascending wavelengths of the m pixels.
    grid
        Ascending wavelengths wanted, shape (k,).

    Returns
    -------
    tuple
        Flux and inverse variance, shape (n, k). The variance is
        (1 − t)² v₀ + t² v₁ of the two neighbours; it is unknown (0) where
        that of a neighbour with weight is, and beyond the ends.
    """
    left = np.clip(np.searchsorted(wavelength_vac, grid, side="right") - 1, 0, wavelength_vac.size - 2)
    start, end = wavelength_vac[left], wavelength_vac[left + 1]
    weight = np.clip((grid - start) / (end - start), 0.0, 1.0)
    resampled = flux[:, left] * (1.0 - weight) + flux[:, left + 1] * weight
    if not ivar.any():
        return resampled, np.zeros_like(resampled)
    unknown = ivar <= 0
    variance = np.where(unknown, 0.0, 1.0 / np.where(unknown, 1.0, ivar))
    variance = variance[:, left] * (1.0 - weight) ** 2 + variance[:, left + 1] * weight**2
    lost = (unknown[:, left] & (weight < 1)) | (unknown[:, left + 1] & (weight > 0))
    lost |= (grid < wavelength_vac[0]) | (grid > wavelength_vac[-1])
    return resampled, np.where(lost, 0.0, 1.0 / np.where(lost, 1.0, variance))


def fill_bad(flux: Spectra, bad: BoolArray, *, wavelength_vac: FloatArray) -> FloatArray:
    """Interpolate linearly over bad pixels; at the ends the nearest good value is repeated.

    Parameters
    ----------
    flux, bad
        Shape (n, m); every row needs one good pixel.
    wavelength_vac
        Ascending wavelengths of the m pixels.
    """
    filled = flux.copy()
    for row in np.flatnonzero(bad.any(axis=1)):
        good = ~bad[row]
        filled[row, bad[row]] = np.interp(wavelength_vac[bad[row]], wavelength_vac[good], flux[row, good])
    return filled

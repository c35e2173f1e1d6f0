"""A pseudo-continuum by medians, for spectra whose pipeline gives none."""

from __future__ import annotations

from typing import Final

import numpy as np
from scipy.interpolate import PchipInterpolator

from vo_emline.arrays import BoolArray, FloatArray

BIN_WIDTHS: Final = (30.0, 100.0)
"""Least and greatest width of the bins whose medians carry the continuum, Å."""

_BINS = 15

BALMER_VAC: Final = (3971.19, 4102.89, 4341.68, 4862.68, 6564.61)
"""Balmer lines Hε to Hα, vacuum Å (NIST ASD wavelengths in air, converted)."""

BALMER_HALF_WIDTH: Final = 60.0
"""Half width left out around each Balmer line, Å: the wings of an A star reach that far."""

_MIN_PIXELS = 10


def pseudo_continuum(wavelength_vac: FloatArray, flux: FloatArray, *, good: BoolArray) -> FloatArray:
    """Estimate the continuum of a spectrum.

    Medians of bins, 15 over the spectrum but 30 to 100 Å wide, with ±60 Å around
    the Balmer lines left out, joined by a monotone cubic (PCHIP), constant
    beyond the middles of the outermost bins. Medians withstand cosmics and
    lines that fill less than half a bin; molecular bands of cool stars are
    divided out in part, which is why it is called *pseudo*.

    Parameters
    ----------
    wavelength_vac
        Vacuum wavelengths, Å, ascending, shape (n,).
    flux
        Flux in any unit, shape (n,).
    good
        True where a pixel may be used, shape (n,).

    Returns
    -------
    ndarray
        The continuum in the unit of `flux`, shape (n,); NaN everywhere where no
        bin holds ten usable pixels or no bin has positive flux.
    """
    usable = good & np.isfinite(flux) & ~_near_balmer(wavelength_vac)
    if usable.sum() < _MIN_PIXELS:  # a narrow cut around a line: better its own edges than nothing
        usable = good & np.isfinite(flux)
    width = float(np.clip(np.ptp(wavelength_vac) / _BINS, *BIN_WIDTHS))
    centres, medians = _bin_medians(wavelength_vac[usable], flux[usable], width=width)
    if centres.size == 0:
        return np.full_like(flux, np.nan)
    if centres.size == 1:
        return np.full_like(flux, medians[0])
    inside = np.clip(wavelength_vac, centres[0], centres[-1])
    return np.asarray(PchipInterpolator(centres, medians)(inside))


def _near_balmer(wavelength_vac: FloatArray) -> BoolArray:
    lines = np.array(BALMER_VAC)
    distance = np.abs(wavelength_vac[:, None] - lines)
    return np.asarray((distance < BALMER_HALF_WIDTH).any(axis=1))


def _bin_medians(wavelength: FloatArray, flux: FloatArray, *, width: float) -> tuple[FloatArray, FloatArray]:
    """Give median wavelength and flux of every bin with enough pixels and positive flux."""
    index = np.floor_divide(wavelength, width)
    medians = [
        (float(np.median(wavelength[inside])), float(np.median(flux[inside])))
        for value in np.unique(index)
        if (inside := index == value).sum() >= _MIN_PIXELS
    ]
    kept = np.array([pair for pair in medians if pair[1] > 0], dtype=float).reshape(-1, 2)
    return kept[:, 0], kept[:, 1]

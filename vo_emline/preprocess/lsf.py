"""Line-spread matching: a finer spectrum seen by a coarser instrument.

Both line spreads are taken as Gaussian, so the one that is missing is a
Gaussian too: σ² = σ_target² − σ_source², in Å at Hα. From Ondřejov (13 000)
to LAMOST (1800) it is 1.53 Å. The thesis blurred by 7 pixels, which is 1.80 Å
with the SITe detector (0.2567 Å per pixel) and 1.62 Å with the E2V one
(0.2309 Å); that is kept as a named option.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from vo_emline.arrays import FloatArray, Spectra
from vo_emline.preprocess.options import PreprocessOptions
from vo_emline.spectra.medium import HALPHA_VAC

THESIS_PIXELS: Final = 7.0
"""Standard deviation of the thesis's kernel, native pixels (Podsztavek 2017, section Convolution)."""

FWHM_PER_SIGMA: Final = 2.0 * math.sqrt(2.0 * math.log(2.0))

TRUNCATE: Final = 4.0
"""The kernel ends at this many standard deviations, as astropy's ``Gaussian1DKernel`` does."""

MAX_UNKNOWN: Final = 0.1
"""A pixel whose kernel lies on unknown variances by more than this has an unknown variance."""


def line_spread_sigma(resolving_power: float) -> float:
    """Give the standard deviation, Å at Hα, of the line spread of resolving power λ/FWHM."""
    return HALPHA_VAC / (resolving_power * FWHM_PER_SIGMA)


def matching_sigma(resolving_power: float, step: float, options: PreprocessOptions) -> float:
    """Give the standard deviation, Å, of the Gaussian that brings a spectrum to the target.

    Parameters
    ----------
    resolving_power
        λ/FWHM of the spectrum near Hα.
    step
        Width of its pixels near Hα, Å.
    options
        Which method, and the target.

    Returns
    -------
    float
        Zero where the spectrum is at the target's resolving power or below.
    """
    if options.lsf == "none" or resolving_power <= options.target_resolving_power:
        return 0.0
    if options.lsf == "thesis":
        return THESIS_PIXELS * step
    target = line_spread_sigma(options.target_resolving_power)
    return math.sqrt(target**2 - line_spread_sigma(resolving_power) ** 2)


def gaussian_kernel(sigma_pixels: float) -> FloatArray:
    """Sample a Gaussian at the pixels within :data:`TRUNCATE` σ; it adds up to one."""
    radius = max(1, round(TRUNCATE * sigma_pixels))
    offsets = np.arange(-radius, radius + 1)
    kernel = np.exp(-0.5 * (offsets / sigma_pixels) ** 2)
    return np.asarray(kernel / kernel.sum())


def blur(flux: Spectra, ivar: Spectra, *, sigma_pixels: float) -> tuple[FloatArray, FloatArray]:
    """Convolve spectra with a Gaussian, extending them by their edge values.

    Parameters
    ----------
    flux, ivar
        Spectra on one grid of equal pixels, shape (n, m); the inverse
        variance is 0 where unknown.
    sigma_pixels
        Standard deviation in pixels; with 0 the arrays come back as they are.

    Returns
    -------
    tuple
        Flux and inverse variance, shape (n, m). The variance is that of the
        weighted mean of independent pixels; it says nothing of the
        correlation that the blur makes between neighbours.
    """
    if sigma_pixels <= 0:
        return flux, ivar
    from scipy.ndimage import correlate1d  # slow to import, and spectra of the survey need no blur

    kernel = gaussian_kernel(sigma_pixels)
    unknown = ivar <= 0
    variance = np.where(unknown, 0.0, 1.0 / np.where(unknown, 1.0, ivar))
    blurred = correlate1d(flux, kernel, axis=1, mode="nearest")
    if unknown.all():
        return blurred, np.zeros_like(blurred)
    variance = correlate1d(variance, kernel**2, axis=1, mode="nearest")
    lost = correlate1d(unknown.astype(np.float64), kernel, axis=1, mode="nearest") > MAX_UNKNOWN
    good = ~lost & (variance > 0)
    return blurred, np.where(good, 1.0 / np.where(good, variance, 1.0), 0.0)

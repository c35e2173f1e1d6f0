"""The pseudo-continuum beside Hα and the noise on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from vo_emline.arrays import BoolArray, Column, FloatArray, Pixels, Spectra
from vo_emline.measure.robust import robust_sigma, row_medians
from vo_emline.spectra.medium import HALPHA_VAC

SIDE_BANDS: Final = ((6522.0, 6542.0), (6592.0, 6625.0))
"""Where the pseudo-continuum is taken, vacuum Å: clear of Hα, of its Stark wings and of [N II]."""

CLIP: Final = 3.0
"""Side-band pixels further than this many robust deviations from the line are left out."""

DEFECT_HALF_WIDTH: Final = 14.0
"""Within this distance of Hα the stated inverse variance is not believed, Å: LAMOST DR1 and DR2
divide it by 9–12 there and zero it on strong emission."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """Spectra over their local pseudo-continua, with the noise; n spectra of k pixels."""

    wavelength_vac: Pixels
    """Vacuum Å, shape (k,)."""
    step: Pixels
    """Widths of the pixels, Å, shape (k,)."""
    ratio: Spectra
    """Flux over pseudo-continuum, shape (n, k)."""
    sigma: Spectra
    """Standard deviation of each pixel of `ratio`, shape (n, k)."""
    continuum_sigma: Column
    """Relative standard deviation of the pseudo-continuum at Hα, shape (n,)."""
    correlation: Column
    """Variance of a sum of neighbouring pixels over the sum of their variances, at least 1, shape (n,)."""
    snr: Column
    """Signal-to-noise ratio per pixel in the side bands, shape (n,)."""


def fit_baseline(flux: Spectra, ivar: FloatArray | None, *, wavelength_vac: Pixels) -> Baseline:
    """Divide spectra by a straight line through their side bands and find their noise.

    The stated inverse variance gives the noise of the pixels relative to each
    other, the scatter in the side bands its level: LAMOST's inverse variances
    overstate the noise by a factor of 1.2 to 1.9, and metal lines in cool stars
    are noise to the measurement of Hα. Around Hα, where the inverse variance
    of early releases is wrong, that of the side bands is taken and scaled with
    the flux, as photon noise is.

    Parameters
    ----------
    flux
        Flux with a positive continuum, shape (n, k).
    ivar
        Inverse variance of `flux`, shape (n, k), 0 where unknown; None where there is none.
    wavelength_vac
        Vacuum wavelengths, Å, ascending, shape (k,).
    """
    side = _side(wavelength_vac)
    line, kept = _fit(flux, wavelength_vac, side=side)
    ratio = flux / line
    residual = ratio[:, side] - 1.0
    relative = _relative_sigma(ratio, ivar, line, wavelength_vac, side=side)
    scatter = np.maximum(robust_sigma(residual / relative[:, side]), 1e-6)
    correlation = _correlation(residual * kept)
    count = np.maximum(kept.sum(axis=1), 3)
    level = scatter * np.median(relative[:, side], axis=1)
    return Baseline(
        wavelength_vac=wavelength_vac,
        step=np.gradient(wavelength_vac),
        ratio=ratio,
        sigma=relative * scatter[:, None],
        # a straight line is known in the middle of its pixels as well as their mean is, or nearly
        continuum_sigma=level * np.sqrt(1.3 * correlation / count),
        correlation=correlation,
        snr=1.0 / level,
    )


def _side(wavelength_vac: FloatArray) -> BoolArray:
    bands = [(wavelength_vac >= first) & (wavelength_vac <= last) for first, last in SIDE_BANDS]
    return np.asarray(np.logical_or(*bands))


def _fit(flux: FloatArray, wavelength_vac: FloatArray, *, side: BoolArray) -> tuple[FloatArray, BoolArray]:
    """Fit a clipped straight line: its values, shape (n, k), and the side-band pixels it used."""
    x = wavelength_vac - HALPHA_VAC
    y, abscissa = flux[:, side], x[side]
    kept = np.ones(y.shape, dtype=bool)
    line = np.zeros(flux.shape)
    for _ in range(3):
        total = kept.sum(axis=1)
        x_mean = (kept @ abscissa) / total
        y_mean = (kept * y).sum(axis=1) / total
        dx = abscissa - x_mean[:, None]
        slope = (kept * dx * y).sum(axis=1) / (kept * dx**2).sum(axis=1)
        line = y_mean[:, None] + slope[:, None] * (x - x_mean[:, None])
        distance = np.abs(y - line[:, side])
        kept = distance <= CLIP * robust_sigma(y - line[:, side])[:, None]
    # without a positive continuum there is nothing to measure against
    return np.where(line > 0, line, np.nan), kept


def _relative_sigma(
    ratio: FloatArray,
    ivar: FloatArray | None,
    line: FloatArray,
    wavelength_vac: FloatArray,
    *,
    side: BoolArray,
) -> Spectra:
    """Noise of the pixels of `ratio` up to a factor for each spectrum, shape (n, k)."""
    photons = np.sqrt(np.clip(ratio, 0.2, None))
    if ivar is None:
        return photons
    with np.errstate(divide="ignore", invalid="ignore"):
        stated = 1.0 / (np.sqrt(ivar) * line)
    known = np.where(np.isfinite(stated), stated, np.nan)[:, side]
    usable = np.isfinite(known).sum(axis=1) > side.sum() // 2
    typical = np.ones(len(ratio))
    typical[usable] = row_medians(known[usable])
    near = np.abs(wavelength_vac - HALPHA_VAC) < DEFECT_HALF_WIDTH
    trusted = usable[:, None] & ~near & np.isfinite(stated)
    return np.where(trusted, np.nan_to_num(stated, posinf=0.0), typical[:, None] * photons)


def _correlation(residual: FloatArray) -> FloatArray:
    """Variance inflation of sums by the correlation between neighbours, shape (n,), within [1, 3].

    The correlation is corrected for the bias of its estimate from few pixels
    (Marriott & Pope 1954, Biometrika 41, 390).
    """
    variance = np.maximum(np.sum(residual**2, axis=1), 1e-30)
    neighbours = np.sum(residual[:, 1:] * residual[:, :-1], axis=1) / variance
    unbiased = neighbours + (1.0 + 4.0 * neighbours) / residual.shape[1]
    return np.asarray(np.clip(1.0 + 2.0 * unbiased, 1.0, 3.0))

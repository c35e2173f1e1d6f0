"""Spectra that end within the window: what is missing is filled with the continuum, and said.

Most spectra of Be stars by amateurs, and many of archives, end near 6700 Å; the window ends at 6732. Where
Hα, its wings and a piece of continuum on either side are there, the rest holds nothing that decides a
label. docs/reading.md has what filling it does to labels and scores of spectra cut on purpose.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from vo_emline.arrays import BoolArray, FloatArray
from vo_emline.preprocess.options import PreprocessOptions
from vo_emline.preprocess.windows import WINDOW_VAC
from vo_emline.spectra.medium import HALPHA_VAC
from vo_emline.spectra.spectrum import Spectrum

WINGS_KMS: Final = 1500.0
"""Half-width of what has to be there around Hα, km/s: 33 Å."""

CONTINUUM_A: Final = 8.0
"""Length of continuum that has to be there beyond the wings on either side, Å."""

MARGIN: Final = 40.0
"""How far beyond the window is filled, Å: a blur looks further than the window."""

SPEED_OF_LIGHT_KMS: Final = 299_792.458
WINGS_A: Final = HALPHA_VAC * WINGS_KMS / SPEED_OF_LIGHT_KMS
CLIP: Final = 3.0
ROUNDS: Final = 3


def completed(spectrum: Spectrum, options: PreprocessOptions) -> Spectrum:
    """Give a spectrum that ends within the window with its continuum carried on; any other as it is.

    Pixels that are added have an inverse variance of zero; the coverage stays that of the file, and the
    identity is flagged ``partial_window``.

    Parameters
    ----------
    spectrum
        The spectrum.
    options
        Settings; where they allow a smaller coverage nothing is filled.
    """
    coverage = spectrum.coverage
    if coverage.wave_min <= WINDOW_VAC[0] and coverage.wave_max >= WINDOW_VAC[1]:
        return spectrum
    if options.minimum_coverage < 1 or not holds_the_line(coverage.wave_min, coverage.wave_max):
        return spectrum
    wave = spectrum.wavelength_vac
    beside = continuum_pixels(spectrum)
    if min(beside[wave < HALPHA_VAC].sum(), beside[wave > HALPHA_VAC].sum()) < 3:
        return spectrum
    step = float(np.median(np.diff(wave)))
    before = _carried_on(wave[0], WINDOW_VAC[0] - MARGIN, -step)[::-1]
    behind = _carried_on(wave[-1], WINDOW_VAC[1] + MARGIN, step)
    whole = np.concatenate([before, wave, behind])
    level = straight_line(wave[beside], spectrum.flux[beside], whole)
    inside = slice(before.size, before.size + wave.size)
    return replace(
        spectrum,
        wavelength_vac=whole,
        flux=_with(level, spectrum.flux, inside),
        ivar=None if spectrum.ivar is None else _with(np.zeros(whole.size), spectrum.ivar, inside),
        mask=np.concatenate([np.zeros(before.size, bool), spectrum.mask, np.zeros(behind.size, bool)]),
        normalised_flux=None,
        identity=spectrum.identity.flagged("partial_window"),
        whole=coverage,
    )


def holds_the_line(first: float, last: float) -> bool:
    """Tell whether a range of wavelengths, vacuum Å, has Hα, its wings and both continua."""
    reach = WINGS_A + CONTINUUM_A
    return first <= HALPHA_VAC - reach and last >= HALPHA_VAC + reach


def continuum_pixels(spectrum: Spectrum) -> BoolArray:
    """Mark the usable pixels beside the wings, within the window and its margin, shape (n,)."""
    away = np.abs(spectrum.wavelength_vac - HALPHA_VAC)
    near = (spectrum.wavelength_vac > WINDOW_VAC[0] - MARGIN) & (
        spectrum.wavelength_vac < WINDOW_VAC[1] + MARGIN
    )
    return np.asarray((away > WINGS_A) & near & ~spectrum.mask & np.isfinite(spectrum.flux))


def straight_line(wavelength: FloatArray, flux: FloatArray, where: FloatArray) -> FloatArray:
    """Fit a straight line, leaving out what lies far from it; give its values, shape of `where`."""
    x = (wavelength - HALPHA_VAC) / 100.0
    kept = np.ones(x.size, dtype=bool)
    slope, height = 0.0, float(np.median(flux))
    for _ in range(ROUNDS):
        slope, height = np.polyfit(x[kept], flux[kept], 1)
        off = np.abs(flux - (slope * x + height))
        spread = 1.4826 * float(np.median(off[kept]))
        closer = off <= CLIP * spread
        if spread == 0 or closer.sum() < max(6, x.size // 2):
            break
        kept = closer
    return np.asarray(slope * (where - HALPHA_VAC) / 100.0 + height, dtype=np.float64)


def _carried_on(start: float, end: float, step: float) -> FloatArray:
    """Give wavelengths from beyond `start` to `end` in steps of `step`."""
    count = max(int(np.ceil((end - start) / step)), 0)
    return start + step * np.arange(1, count + 1, dtype=np.float64)


def _with(values: FloatArray, own: FloatArray, inside: slice) -> FloatArray:
    whole = values.copy()
    whole[inside] = own
    return whole

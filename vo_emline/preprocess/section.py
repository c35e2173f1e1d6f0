"""The part of a spectrum that a window needs, or the reason why there can be no window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

import numpy as np

from vo_emline.arrays import BoolArray, FloatArray, Pixels, Spectra
from vo_emline.preprocess.artefacts import find_artefacts
from vo_emline.preprocess.indices import REACH
from vo_emline.preprocess.lsf import THESIS_PIXELS, TRUNCATE, line_spread_sigma, matching_sigma
from vo_emline.preprocess.options import PreprocessOptions
from vo_emline.preprocess.resample import fill_bad, resample
from vo_emline.preprocess.windows import WINDOW_VAC
from vo_emline.rejects import Reject
from vo_emline.spectra.medium import HALPHA_VAC
from vo_emline.spectra.spectrum import Spectrum

CORE_HALF_WIDTH: Final = 8.0
"""Half-width of the line region, Å: about 370 km/s, the core of a Be star's emission."""

UNUSED_FIBRES: Final = frozenset({"unused", "dead"})

MAX_STEP: Final = 5.0
"""Pixels further apart than this, Å (three of LAMOST's), cannot show a line: a gap, or a low resolution."""

UNIFORM: Final = 0.2
"""Pixels whose widths differ by less than this fraction count as equal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sections:
    """The pixels in and around the window of n spectra that share their wavelengths and line spread."""

    wavelength_vac: Pixels
    """Vacuum Å, shape (m,); equal pixels where `sigma` is not zero."""
    flux: Spectra
    """Shape (n, m)."""
    ivar: Spectra
    """Inverse variance, shape (n, m); 0 where unknown or bad."""
    bad: BoolArray
    """Shape (n, m)."""
    sigma: float
    """Standard deviation, Å, of the Gaussian that matches the line spreads."""
    artefacts: dict[str, BoolArray]
    """What no star makes in them (:mod:`~vo_emline.preprocess.artefacts`), shape (n,) each."""

    @property
    def step(self) -> float:
        """Mean width of a pixel, Å."""
        return float(self.wavelength_vac[-1] - self.wavelength_vac[0]) / (self.wavelength_vac.size - 1)


def needed_wavelengths(options: PreprocessOptions) -> tuple[float, float]:
    """Give the first and last wavelength, vacuum Å, that :func:`cut_sections` and the indices may ask for.

    For a reader that leaves out the rest of a spectrum.
    """
    widest = {
        "none": 0.0,
        "physical": line_spread_sigma(options.target_resolving_power),
        "thesis": THESIS_PIXELS * MAX_STEP,
    }[options.lsf]
    margin = TRUNCATE * widest + 2 * MAX_STEP
    first, last = WINDOW_VAC[0] - margin, WINDOW_VAC[1] + margin
    return (min(first, REACH[0]), max(last, REACH[1])) if options.indices else (first, last)


def cut_sections(
    spectra: Sequence[Spectrum], options: PreprocessOptions
) -> tuple[Sections | None, list[Reject | None]]:
    """Cut out what windows need, or say why there are none.

    Parameters
    ----------
    spectra
        Spectra that share their wavelengths and resolving power; at least one.
    options
        Settings.

    Returns
    -------
    sections
        Of the spectra that can have a window, in their order; None where there are none.
    refused
        For every spectrum None, or why it has no window, with code ``sky_fibre``, ``unused_fibre``,
        ``not_covered``, ``too_coarse``, ``no_signal`` or ``too_many_bad_pixels``.
    """
    first = spectra[0]
    inside = slice(*np.searchsorted(first.wavelength_vac, WINDOW_VAC))
    sampling = _sampling(first.wavelength_vac[inside].tobytes())
    refused = [_refuse_fibre(one) or _refuse_coverage(one, options) for one in spectra]
    refused = _refuse_pixels(spectra, refused, inside, sampling, options)
    kept = [one for one, reason in zip(spectra, refused, strict=True) if reason is None]
    if not kept:
        return None, refused
    sigma = matching_sigma(first.resolving_power, sampling.step, options)
    chosen = [_pipeline_normalised(one) for one in kept] if options.continuum == "pipeline" else kept
    return _cut(chosen, sigma, sampling.step), refused


def _cut(spectra: Sequence[Spectrum], sigma: float, step: float) -> Sections:
    margin = TRUNCATE * sigma + 2 * step
    wave = spectra[0].wavelength_vac
    part = slice(*np.searchsorted(wave, (WINDOW_VAC[0] - margin, WINDOW_VAC[1] + margin)))
    bad = np.stack([one.mask[part] for one in spectra])
    unknown = np.zeros(bad.shape[1])
    ivar = np.stack([unknown if one.ivar is None else one.ivar[part] for one in spectra])
    flux = np.stack([one.flux[part] for one in spectra])
    line_spread = line_spread_sigma(spectra[0].resolving_power)
    sections = Sections(
        wavelength_vac=wave[part],
        flux=flux,
        ivar=np.where(bad, 0.0, ivar),
        bad=bad,
        sigma=sigma,
        artefacts=find_artefacts(flux, bad, wavelength_vac=wave[part], line_spread=line_spread),
    )
    return sections if sigma == 0 or _has_equal_pixels(wave[part]) else _with_equal_pixels(sections, step)


def _has_equal_pixels(wavelength: FloatArray) -> bool:
    steps = np.diff(wavelength)
    return bool(np.ptp(steps) < UNIFORM * steps.mean())


def _with_equal_pixels(sections: Sections, step: float) -> Sections:
    """Interpolate onto pixels of width `step`, for a blur whose kernel is one and the same everywhere."""
    wave = sections.wavelength_vac
    even = np.linspace(wave[0], wave[-1], 1 + round((wave[-1] - wave[0]) / step))
    filled = fill_bad(sections.flux, sections.bad, wavelength_vac=wave)
    flux, ivar = resample(filled, sections.ivar, wavelength_vac=wave, grid=even)
    return replace(sections, wavelength_vac=even, flux=flux, ivar=ivar, bad=np.zeros(flux.shape, dtype=bool))


def _pipeline_normalised(spectrum: Spectrum) -> Spectrum:
    """Put the normalised flux of the survey in the place of the flux, where there is one."""
    flux = spectrum.normalised_flux
    if flux is None:
        return spectrum
    # the inverse variance follows the continuum, which is flux / normalised flux
    usable = np.isfinite(flux) & (flux != 0)
    continuum = np.where(usable, spectrum.flux / np.where(usable, flux, 1.0), 0.0)
    ivar = None if spectrum.ivar is None else spectrum.ivar * continuum**2
    return replace(spectrum, flux=flux, ivar=ivar, mask=spectrum.mask | ~np.isfinite(flux))


def _refuse_fibre(spectrum: Spectrum) -> Reject | None:
    kind = spectrum.identity.fiber_type.lower()
    if kind == "sky":
        return _reject(spectrum, "sky_fibre", "the fibre looked at the sky, not at a star")
    if kind in UNUSED_FIBRES:
        return _reject(
            spectrum, "unused_fibre", f"the fibre was not on a star ({spectrum.identity.fiber_type})"
        )
    return None


def _refuse_coverage(spectrum: Spectrum, options: PreprocessOptions) -> Reject | None:
    coverage = spectrum.coverage
    first, last = coverage.wave_min, coverage.wave_max
    covered = min(last, WINDOW_VAC[1]) - max(first, WINDOW_VAC[0])
    has_line = first < HALPHA_VAC - CORE_HALF_WIDTH and last > HALPHA_VAC + CORE_HALF_WIDTH
    if "partial_window" in spectrum.flags:
        return None
    if has_line and covered >= options.minimum_coverage * (WINDOW_VAC[1] - WINDOW_VAC[0]):
        return None
    message = f"it covers {first:.1f}–{last:.1f} Å, the window is {WINDOW_VAC[0]:.0f}–{WINDOW_VAC[1]:.0f} Å"
    return _reject(spectrum, "not_covered", message)


@dataclass(frozen=True, slots=True)
class _Sampling:
    """How the pixels of the window lie; many spectra share it."""

    widest: float
    """Largest distance of neighbours, Å."""
    step: float
    """Median distance of neighbours, Å."""
    at_line: BoolArray
    """Pixels at Hα."""


@lru_cache(maxsize=1024)
def _sampling(wavelength_vac: bytes) -> _Sampling:
    wave = np.frombuffer(wavelength_vac)
    steps = np.diff(wave)
    return _Sampling(
        widest=float(steps.max(initial=0.0)) if wave.size > 1 else np.inf,
        step=float(np.median(steps)) if wave.size > 1 else np.inf,
        at_line=np.abs(wave - HALPHA_VAC) < CORE_HALF_WIDTH,
    )


def _refuse_pixels(
    spectra: Sequence[Spectrum],
    refused: Sequence[Reject | None],
    inside: slice,
    sampling: _Sampling,
    options: PreprocessOptions,
) -> list[Reject | None]:
    """Refuse, of those that are not refused yet, spectra whose pixels in the window cannot be used."""
    if sampling.widest > MAX_STEP:
        message = f"neighbouring pixels of the window are up to {sampling.widest:.1f} Å apart"
        coarse = [_reject(one, "too_coarse", message) for one in spectra]
        return [before or reason for before, reason in zip(refused, coarse, strict=True)]
    bad = np.stack([one.mask[inside] for one in spectra])
    signal = ((np.stack([one.flux[inside] for one in spectra]) != 0) & ~bad).any(axis=1)
    share = bad.mean(axis=1)
    at_line = bad[:, sampling.at_line].mean(axis=1) if sampling.at_line.any() else np.ones(len(spectra))
    lost = (share > options.max_bad_fraction) | (at_line > options.max_bad_line_fraction)
    found = list(refused)
    for row in np.flatnonzero(~signal | lost).tolist():
        if found[row] is None:
            found[row] = _spoilt(spectra[row], bool(signal[row]), share[row], at_line[row], options)
    return found


def _spoilt(
    spectrum: Spectrum, signal: bool, share: float, at_line: float, options: PreprocessOptions
) -> Reject:
    if not signal:
        return _reject(spectrum, "no_signal", "no usable pixel of the window has a flux other than zero")
    if share > options.max_bad_fraction:
        return _reject(spectrum, "too_many_bad_pixels", f"{share:.0%} of the window's pixels are bad")
    return _reject(spectrum, "too_many_bad_pixels", f"{at_line:.0%} of the pixels at Hα are bad")


def _reject(spectrum: Spectrum, code: str, message: str) -> Reject:
    return Reject(spectrum.identity.source, code, message)

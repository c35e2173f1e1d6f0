"""How much closer each step of the adaptation brings two instruments, on one star seen by both."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from vo_emline.arrays import FloatArray, Pixels
from vo_emline.errors import DataError
from vo_emline.preprocess.continuum import flatten
from vo_emline.preprocess.options import PreprocessOptions
from vo_emline.preprocess.prepare import on_grid
from vo_emline.preprocess.scale import offset_and_scale
from vo_emline.preprocess.section import cut_sections
from vo_emline.spectra.medium import SPEED_OF_LIGHT_KMS, vacuum_to_air
from vo_emline.spectra.spectrum import Spectrum

VELOCITIES_KMS: Final = np.arange(-200.0, 201.0, 5.0)
"""Velocities tried by :func:`measure_velocity`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """The two spectra of a pair after one step."""

    name: str
    """What was done last, in words for a figure."""
    source: Pixels
    """The finer spectrum on :data:`~vo_emline.preprocess.windows.GRID`, shape (140,)."""
    target: Pixels
    """The coarser spectrum, shape (140,)."""

    @property
    def residual(self) -> float:
        """Root mean square of source − target, in standard deviations of the target over the window."""
        return float(np.sqrt(np.mean((self.source - self.target) ** 2)) / np.std(self.target))


def adaptation_steps(
    source: Spectrum, target: Spectrum, *, options: PreprocessOptions | None = None, velocity_kms: float = 0.0
) -> list[Step]:
    """Follow a pair through the adaptation, one step at a time.

    All curves are on the window's grid. The last is scaled as the network sees
    it; those before are divided by their medians.

    Parameters
    ----------
    source
        The finer spectrum (Ondřejov).
    target
        The coarser one (LAMOST), the same star.
    options
        Settings of the adaptation; None for the defaults.
    velocity_kms
        Radial velocity of the target less that of the source, given to the
        source in every step so that it does not blur the comparison; see
        :func:`measure_velocity`.

    Returns
    -------
    list of Step
        *as delivered* (the source on the wavelengths of its file), *vacuum
        wavelengths*, *line spread*, *continuum*, *scaled*.

    Raises
    ------
    DataError
        Where one of the two has no window.
    """
    options = options or PreprocessOptions()
    unblurred = options.model_copy(update={"lsf": "none", "continuum": "none"})
    shifted = shift(source, velocity_kms)
    raw = _window(target, unblurred)
    delivered = shifted
    if source.medium == "air":
        delivered = replace(shifted, wavelength_vac=vacuum_to_air(shifted.wavelength_vac))
    blurred, seen = _window(shifted, options), _window(target, options)
    flat, seen_flat = _continuum(blurred, options), _continuum(seen, options)
    return [
        _step("as delivered", _window(delivered, unblurred), raw),
        _step("vacuum wavelengths", _window(shifted, unblurred), raw),
        _step("line spread", blurred, raw),
        _step("continuum", flat, seen_flat),
        Step(name="scaled", source=_scaled(flat, options), target=_scaled(seen_flat, options)),
    ]


def measure_velocity(
    source: Spectrum, target: Spectrum, *, options: PreprocessOptions | None = None
) -> float:
    """Find the velocity, km/s, by which the target is shifted against the source.

    The one of :data:`VELOCITIES_KMS` that leaves the least residual of the
    scaled windows. It holds what the star's motion, the missing heliocentric
    correction and the zero points of both instruments add up to.

    Raises
    ------
    DataError
        Where one of the two has no window.
    """
    options = options or PreprocessOptions()
    seen = _adapted(target, options)
    residuals = [
        np.sum((_adapted(shift(source, float(velocity)), options) - seen) ** 2) for velocity in VELOCITIES_KMS
    ]
    return float(VELOCITIES_KMS[int(np.argmin(residuals))])


def shift(spectrum: Spectrum, velocity_kms: float) -> Spectrum:
    """Give a spectrum the Doppler shift of a receding (positive) radial velocity, km/s."""
    factor = 1.0 + velocity_kms / SPEED_OF_LIGHT_KMS
    return replace(spectrum, wavelength_vac=spectrum.wavelength_vac * factor)


def _window(spectrum: Spectrum, options: PreprocessOptions) -> FloatArray:
    # a shifted spectrum may miss an edge of the window by a pixel or two
    options = options.model_copy(update={"minimum_coverage": 0.95})
    sections, refused = cut_sections([spectrum], options)
    if sections is not None:
        return np.asarray(on_grid(sections)[0][0])
    (reject,) = filter(None, refused)
    raise DataError(reject.source, reject.code, reject.message)


def _step(name: str, source: FloatArray, target: FloatArray) -> Step:
    return Step(name=name, source=source / np.median(source), target=target / np.median(target))


def _continuum(flux: FloatArray, options: PreprocessOptions) -> FloatArray:
    return flatten(flux[None], np.zeros((1, flux.size)))[0][0] if options.continuum == "line" else flux


def _adapted(spectrum: Spectrum, options: PreprocessOptions) -> FloatArray:
    return _scaled(_continuum(_window(spectrum, options), options), options)


def _scaled(flux: FloatArray, options: PreprocessOptions) -> FloatArray:
    offset, scale = offset_and_scale(flux[None], options.scaling)[0]
    return np.asarray((flux - offset) / scale)

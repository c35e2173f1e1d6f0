"""Logarithmic wavelength grids, on which every broadening is a product in Fourier space."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import fft, special

from vo_emline.arrays import Column, FloatArray, Pixels, Spectra
from vo_emline.spectra.medium import HALPHA_VAC, SPEED_OF_LIGHT_KMS

LIMB_DARKENING: Final = 0.6
"""Linear limb-darkening coefficient of the rotation profile (Gray 2005, chapter 18)."""
FWHM_PER_SIGMA: Final = float(np.sqrt(8.0 * np.log(2.0)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """A grid of `size` wavelengths, `step_kms` apart, that starts at `start_vac` (vacuum Å)."""

    start_vac: float
    size: int
    step_kms: float

    @classmethod
    def covering(cls, first_vac: float, last_vac: float, *, step_kms: float) -> Grid:
        """Make the grid from `first_vac` to at least `last_vac` (vacuum Å) whose length suits an FFT."""
        needed = int(np.log(last_vac / first_vac) * SPEED_OF_LIGHT_KMS / step_kms) + 2
        return cls(start_vac=first_vac, size=fft.next_fast_len(needed, real=True), step_kms=step_kms)

    @property
    def wavelength_vac(self) -> Pixels:
        """Vacuum wavelengths, Å, shape (size,)."""
        steps = np.arange(self.size) * (self.step_kms / SPEED_OF_LIGHT_KMS)
        return np.asarray(self.start_vac * np.exp(steps))

    def velocity_kms(self, centre_vac: float = HALPHA_VAC) -> Pixels:
        """Velocities about `centre_vac` (vacuum Å), km/s, shape (size,); redshift is positive."""
        return np.log(self.wavelength_vac / centre_vac) * SPEED_OF_LIGHT_KMS

    def deposit(self, centre_vac: FloatArray) -> FloatArray:
        """Unit-area delta lines (area 1 Å) at `centre_vac`, shape (lines, size); zero outside the grid."""
        wavelength = self.wavelength_vac
        position = np.log(centre_vac / self.start_vac) * (SPEED_OF_LIGHT_KMS / self.step_kms)
        inside = (position >= 0) & (position < self.size - 1)
        left = np.where(inside, position, 0).astype(int)
        share = position - left
        height = inside / (wavelength[left] * (self.step_kms / SPEED_OF_LIGHT_KMS))
        lines = np.zeros((len(centre_vac), self.size))
        rows = np.arange(len(centre_vac))
        lines[rows, left] = height * (1.0 - share)
        lines[rows, left + 1] = height * share
        return lines


def broaden(
    deviation: Spectra,
    grid: Grid,
    *,
    sigma_kms: Column,
    v_sin_i_kms: FloatArray | None = None,
    shift_kms: FloatArray | None = None,
) -> Spectra:
    """Convolve each row with a Gaussian and a rotation profile, and shift it.

    Parameters
    ----------
    deviation
        What deviates from the continuum, shape (n, grid.size). The grid is
        periodic to the transform: leave a margin of a few widths.
    grid
        The grid of the columns.
    sigma_kms
        Gaussian sigma of each row, km/s, shape (n,).
    v_sin_i_kms
        Projected equatorial velocity of each row, km/s, shape (n,).
    shift_kms
        Radial velocity of each row, km/s, shape (n,); redshift is positive.

    Returns
    -------
    FloatArray
        The broadened rows, shape (n, grid.size).
    """
    frequency = 2.0 * np.pi * fft.rfftfreq(grid.size, d=grid.step_kms)
    transfer = np.exp(-0.5 * np.square(np.outer(sigma_kms, frequency))).astype(np.complex128)
    if v_sin_i_kms is not None:
        transfer *= rotation_transfer(np.outer(v_sin_i_kms, frequency))
    if shift_kms is not None:
        transfer *= np.exp(-1j * np.outer(shift_kms, frequency))
    broadened: FloatArray = fft.irfft(fft.rfft(deviation, axis=1) * transfer, n=grid.size, axis=1)
    return broadened


def rotation_transfer(u: FloatArray, limb_darkening: float = LIMB_DARKENING) -> FloatArray:
    """Fourier transform of the rotation profile at `u` = 2π · frequency · v sin i.

    The profile is that of a rigidly rotating, linearly limb-darkened sphere
    (Carroll 1933; Gray 2005, section 18), normalised to one at ``u = 0``.
    """
    safe = np.maximum(np.abs(u), 1e-6)
    disc = (1.0 - limb_darkening) * special.j1(safe) / safe
    limb = limb_darkening * special.spherical_jn(1, safe) / safe
    return np.asarray((disc + limb) * 2.0 / (1.0 - limb_darkening / 3.0))

"""The star itself: Hα by temperature, metal lines, molecular bands, helium."""

from __future__ import annotations

from typing import Final

import numpy as np

from vo_emline.arrays import FloatArray, Spectra
from vo_emline.simulate import linelist, profiles
from vo_emline.simulate.grids import FWHM_PER_SIGMA, Grid, broaden
from vo_emline.simulate.stars import Stars
from vo_emline.spectra.medium import HALPHA_VAC, air_to_vacuum

SOLAR_TEFF: Final = 5777.0
COOLEST: Final = 4_300.0
"""Metal lines grow no further below this temperature, K: molecules fill the gaps between them."""
HAZE_DEPTH: Final = 0.06
"""Depth of unresolved lines per 20 km/s in a star of 5000 K."""
MEAN_HAZE: Final = 0.083
"""Mean of what a standard-normal number exceeds one by."""
INTRINSIC_SIGMA_KMS: Final = 4.0
"""Thermal and turbulent broadening of metal lines."""

HALPHA_TEFF: Final = np.array(
    [
        2800,
        3300,
        3700,
        4000,
        4500,
        5000,
        5500,
        6000,
        6500,
        7200,
        8000,
        9000,
        10000,
        12000,
        15000,
        20000,
        30000,
        45000,
    ],
    dtype=float,
)
HALPHA_CORE: Final = np.array(
    [
        0.20,
        0.35,
        0.50,
        0.62,
        0.72,
        0.75,
        0.74,
        0.72,
        0.66,
        0.55,
        0.45,
        0.40,
        0.38,
        0.36,
        0.34,
        0.32,
        0.28,
        0.20,
    ]
)
"""Depth of the Doppler core of Hα at each of :data:`HALPHA_TEFF`."""
HALPHA_CORE_WIDTH: Final = np.array(
    [0.30, 0.30, 0.33, 0.38, 0.47, 0.62, 0.72, 0.85, 1.0, 1.05, 1.1, 1.2, 1.25, 1.3, 1.4, 1.5, 1.5, 1.5]
)
"""Gaussian sigma of the core, Å."""
HALPHA_WING: Final = np.array(
    [0.0, 0.0, 0.0, 0.0, 0.0, 0.02, 0.06, 0.11, 0.17, 0.22, 0.29, 0.33, 0.33, 0.28, 0.22, 0.17, 0.12, 0.08]
)
"""Depth of the Stark wings at the centre."""
HALPHA_WING_WIDTH: Final = np.array(
    [4.0, 4.0, 4.0, 4.0, 4.0, 4.0, 5.0, 6.5, 8.0, 10.0, 12.0, 13.0, 12.0, 9.5, 8.0, 6.5, 5.0, 4.0]
)
"""Half width of the Stark wings, Å, as in :func:`~vo_emline.simulate.profiles.stark`."""


def absorption(stars: Stars, grid: Grid, *, noise: Spectra) -> Spectra:
    """Compute what the photosphere takes out of the continuum, at rest, broadened by rotation.

    Parameters
    ----------
    stars
        The stars, n of them.
    grid
        Wavelengths.
    noise
        Standard-normal numbers that make every star's unresolved lines its
        own, shape (n, grid.size).

    Returns
    -------
    FloatArray
        Depth (0 is the continuum, 1 is black), shape (n, grid.size).
    """
    depth = balmer(stars, grid) + metals(stars, grid) + helium(stars, grid)
    depth += unresolved(stars, grid, noise=noise) + foreign(stars, grid)
    sharp = np.full(len(stars), INTRINSIC_SIGMA_KMS)
    depth = broaden(depth, grid, sigma_kms=sharp, v_sin_i_kms=stars.v_sin_i_kms)
    return np.asarray(1.0 - (1.0 - depth) * (1.0 - bands(stars, grid)))


def balmer(stars: Stars, grid: Grid) -> Spectra:
    """Depth of the Balmer lines on `grid`: a Doppler core on Stark wings, shape (n, grid.size)."""
    depth = np.zeros((len(stars), grid.size))
    core, core_width, wing, wing_width = _halpha(stars)
    wavelength = grid.wavelength_vac
    for wavelength_air, strength in linelist.BALMER:
        centre = float(air_to_vacuum(np.array(wavelength_air)))
        if not wavelength[0] < centre < wavelength[-1]:
            continue
        offset = (wavelength - centre) * (HALPHA_VAC / centre)
        broad = wing * profiles.stark(offset, width=wing_width * strength)
        narrow = core * np.exp(-0.5 * np.square(offset / core_width))
        depth += stars.line_strength[:, None] * (broad + (1.0 - wing) * narrow)
    return depth


def _halpha(stars: Stars) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Core depth, core sigma, wing depth and wing half width of each star's Hα, each shape (n, 1)."""
    tables = (HALPHA_CORE, HALPHA_CORE_WIDTH, HALPHA_WING, HALPHA_WING_WIDTH)
    log_teff = np.log(stars.teff)
    core, core_width, wing, wing_width = (
        np.interp(log_teff, np.log(HALPHA_TEFF), table)[:, None] for table in tables
    )
    return core, core_width, wing, wing_width * stars.wing_width[:, None]


def metals(stars: Stars, grid: Grid) -> Spectra:
    """Metal lines of zero width (area: their equivalent width), shape (n, grid.size)."""
    table = np.array(linelist.METALS)
    lines = grid.deposit(air_to_vacuum(table[:, 0]))
    excess = SOLAR_TEFF / np.clip(stars.teff, COOLEST, None) - 1.0
    growth = np.exp(np.clip(np.outer(excess, table[:, 2]), -6.0, 2.5))
    fading = np.clip((11_000.0 - stars.teff) / 4_000.0, 0.0, 1.0)
    ew = table[:, 1] * growth * (fading * stars.metallicity)[:, None]
    return np.asarray(_saturate(ew, table[:, 1]) @ lines)


def _saturate(ew: FloatArray, solar_ew: FloatArray) -> FloatArray:
    """Flatten the curve of growth: no line grows much beyond five times its strength in the Sun, Å."""
    return np.asarray(ew / (1.0 + ew / (0.5 + 5.0 * solar_ew)))


def unresolved(stars: Stars, grid: Grid, *, noise: FloatArray) -> FloatArray:
    """Weak lines that no list names: each star's own, denser in cool stars, shape (n, grid.size).

    A random haze stands for blends and abundances, lest anything is learnt
    from places where it happens to have no line.
    """
    mixed = np.maximum(noise - 1.0, 0.0) - MEAN_HAZE
    coolness = np.clip((7_000.0 - stars.teff) / 2_500.0, 0.0, 0.7)
    amplitude = HAZE_DEPTH * coolness * stars.haze * np.sqrt(20.0 / grid.step_kms)
    return np.asarray(amplitude[:, None] * mixed)


def helium(stars: Stars, grid: Grid) -> Spectra:
    """He I lines of O and B stars, shape (n, grid.size)."""
    strength = np.exp(-0.5 * np.square(np.log(stars.teff / 20_000.0) / 0.28))
    table = np.array(linelist.HELIUM)
    return np.asarray(
        np.outer(strength * stars.line_strength, table[:, 1]) @ grid.deposit(air_to_vacuum(table[:, 0]))
    )


def foreign(stars: Stars, grid: Grid) -> Spectra:
    """Lines of galaxies, emission negative, shape (n, grid.size)."""
    depth = np.zeros((len(stars), grid.size))
    rows = np.flatnonzero(stars.foreign_ew.any(axis=1))
    for column in range(stars.foreign_ew.shape[1]):
        lines = grid.deposit(stars.foreign_vac[rows, column])
        depth[rows] += lines * stars.foreign_ew[rows, column : column + 1]
    depth[rows] = broaden(depth[rows], grid, sigma_kms=stars.foreign_fwhm_kms[rows] / FWHM_PER_SIGMA)
    return depth


def bands(stars: Stars, grid: Grid) -> Spectra:
    """Molecular bands of late K and M stars, as a depth, shape (n, grid.size)."""
    table = np.array(linelist.BANDS)
    beyond = grid.wavelength_vac - air_to_vacuum(table[:, 0])[:, None]
    shape = np.where(beyond > 0, np.exp(-np.maximum(beyond, 0) / table[:, 1:2]), 0.0) * table[:, 2:3]
    strength = stars.molecule_strength * np.clip((4_150.0 - stars.teff) / 900.0, 0.0, 1.2)
    return np.asarray(1.0 - np.exp(-np.outer(strength, shape.sum(axis=0))))

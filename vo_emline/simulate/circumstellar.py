"""What surrounds a star: disks, shells, winds, nebulae and chromospheres at Hα."""

from __future__ import annotations

import numpy as np

from vo_emline.arrays import Column, FloatArray, Spectra
from vo_emline.simulate import linelist, profiles
from vo_emline.simulate.grids import FWHM_PER_SIGMA, Grid, broaden
from vo_emline.simulate.stars import ACCRETION_DISK, DISK, SHELL, Stars
from vo_emline.spectra.medium import HALPHA_VAC, SPEED_OF_LIGHT_KMS, air_to_vacuum

REACH_KMS = 9000.0
"""Lines end at this velocity, km/s."""

HELIUM_VAC = 6679.996
"""He I 6678.15 Å (air) in vacuum, Å."""


def emission(stars: Stars, grid: Grid, *, ew: Column, asymmetry: Column) -> Spectra:
    """Compute the flux each star's surroundings add, in units of the continuum, at rest.

    Parameters
    ----------
    stars
        The stars, n of them.
    grid
        Wavelengths.
    ew
        Equivalent width of each star's Hα component at this epoch, Å, negative
        for emission, shape (n,); its area is ``-ew`` exactly, before the
        absorption of a shell or wind is taken off.
    asymmetry
        Disk asymmetry at this epoch, shape (n,).

    Returns
    -------
    FloatArray
        Shape (n, grid.size).
    """
    unit = _unit_line(stars, grid, asymmetry=asymmetry)
    flux = -ew[:, None] * (unit + _helium(stars, grid) + _forbidden(stars, grid))
    return flux - shell_absorption(stars, grid, ew=ew)


def _unit_line(stars: Stars, grid: Grid, *, asymmetry: FloatArray) -> Spectra:
    """Hα components of area one Å, shape (n, grid.size)."""
    velocity = grid.velocity_kms()
    line = np.zeros((len(stars), grid.size))
    in_disk = np.isin(stars.family, (DISK, SHELL, ACCRETION_DISK))
    with_line = (stars.ew != 0) & ~in_disk
    near = np.abs(velocity) < REACH_KMS
    line[np.ix_(with_line, near)] = _gaussian(stars.take(np.flatnonzero(with_line)), velocity[near])
    if in_disk.any():
        disks = stars.take(np.flatnonzero(in_disk))
        sharp = np.zeros((len(disks), grid.size))
        sharp[:, near] = _disk(disks, velocity[near], asymmetry=asymmetry[in_disk])
        line[in_disk] = broaden(sharp, grid, sigma_kms=disks.fwhm_kms / FWHM_PER_SIGMA)
    pixel = grid.wavelength_vac * (grid.step_kms / SPEED_OF_LIGHT_KMS)
    area = line @ pixel
    return line / np.where(area == 0, 1.0, area)[:, None]


def _gaussian(stars: Stars, velocity_kms: FloatArray) -> FloatArray:
    """Put wings (of electron scattering, as a rule thrice as wide and a tenth as high) under a core."""
    centre, fwhm = stars.offset_kms[:, None], stars.fwhm_kms[:, None]
    core = profiles.flat_topped(velocity_kms, centre_kms=centre, fwhm_kms=fwhm, order=stars.flatness[:, None])
    wide = stars.wing_ratio[:, None] * fwhm
    wings = profiles.gaussian(velocity_kms, centre_kms=centre, fwhm_kms=wide)
    return np.asarray(core + stars.wing_height[:, None] * wings)


def _disk(stars: Stars, velocity_kms: FloatArray, *, asymmetry: FloatArray) -> FloatArray:
    return profiles.disk(
        velocity_kms,
        rim_kms=stars.rim_kms[:, None],
        inner_radius=stars.inner_radius[:, None],
        exponent=stars.exponent[:, None],
        asymmetry=asymmetry[:, None],
        opacity=stars.opacity[:, None],
    )


def shell_absorption(stars: Stars, grid: Grid, *, ew: FloatArray) -> FloatArray:
    """Depth of the narrow absorption of a shell or wind, shape (n, grid.size).

    It grows and shrinks with the emission of the epoch (`ew`, Å, shape (n,)).
    """
    velocity = grid.velocity_kms()
    fwhm = np.maximum(stars.absorption_fwhm_kms, 1.0)[:, None]
    shape = profiles.gaussian(velocity, centre_kms=stars.absorption_kms[:, None], fwhm_kms=fwhm)
    width = fwhm * (np.sqrt(np.pi / np.log(2.0)) / 2.0 * HALPHA_VAC / SPEED_OF_LIGHT_KMS)
    share = ew / np.where(stars.ew == 0, 1.0, stars.ew)
    return np.asarray((stars.absorption_ew * share)[:, None] * shape / width)


def _helium(stars: Stars, grid: Grid) -> Spectra:
    """He I 6678 in emission, relative to Hα, shape (n, grid.size)."""
    velocity = grid.velocity_kms(HELIUM_VAC)
    fwhm = np.maximum(stars.fwhm_kms + 1.4 * stars.rim_kms, 20.0)[:, None]
    shape = profiles.gaussian(velocity, centre_kms=stars.offset_kms[:, None], fwhm_kms=fwhm)
    width = fwhm * (np.sqrt(np.pi / np.log(2.0)) / 2.0 * HELIUM_VAC / SPEED_OF_LIGHT_KMS)
    return np.asarray(stars.helium[:, None] * shape / width)


def _forbidden(stars: Stars, grid: Grid) -> Spectra:
    """[N II] and [S II] of a nebula, relative to Hα, as narrow as its Hα, shape (n, grid.size)."""
    ions = {"nii": 0, "sii": 1}
    nebular = np.flatnonzero(stars.forbidden.any(axis=1))
    flux = np.zeros((len(stars), grid.size))
    if not nebular.size:
        return flux
    table = linelist.NEBULAR
    lines = grid.deposit(air_to_vacuum(np.array([line[0] for line in table])))
    some = stars.take(nebular)
    ratios = some.forbidden[:, [ions[line[1]] for line in table]] * np.array([line[2] for line in table])
    sigma = some.fwhm_kms / FWHM_PER_SIGMA
    flux[nebular] = broaden(ratios @ lines, grid, sigma_kms=sigma, shift_kms=some.offset_kms)
    return flux

"""Noise-free spectra of observations: star and surroundings through the line-spread function."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vo_emline.arrays import FloatArray
from vo_emline.simulate.circumstellar import emission
from vo_emline.simulate.grids import Grid, broaden
from vo_emline.simulate.photosphere import absorption
from vo_emline.simulate.population import Exposures
from vo_emline.simulate.stars import Stars
from vo_emline.spectra.medium import HALPHA_VAC, SPEED_OF_LIGHT_KMS


@dataclass(frozen=True, slots=True, kw_only=True)
class Ideal:
    """Spectra without noise, continuum at one, shape (n, grid.size) each."""

    grid: Grid
    photosphere: FloatArray
    """The star alone."""
    surroundings: FloatArray
    """What its surroundings add."""

    @property
    def flux(self) -> FloatArray:
        """Both together, never below zero."""
        return np.maximum(self.photosphere + self.surroundings, 0.0)


def synthesise(stars: Stars, exposures: Exposures, *, grid: Grid, seed: int) -> Ideal:
    """Compute the spectra of `exposures` of `stars` before any noise.

    Parameters
    ----------
    stars
        All stars.
    exposures
        The observations; `exposures.star` points into `stars`.
    grid
        Wavelengths; leave a margin of some 25 Å to what is needed.
    seed
        The same seed gives each star the same unresolved lines.
    """
    observed = stars.take(exposures.star)
    sigma_kms = exposures.lsf_sigma * (SPEED_OF_LIGHT_KMS / HALPHA_VAC)
    depth = absorption(observed, grid, noise=_star_noise(exposures.star, grid, seed=seed))
    added = emission(observed, grid, ew=exposures.ew, asymmetry=exposures.asymmetry)
    seen = {"sigma_kms": sigma_kms, "shift_kms": exposures.velocity_kms}
    return Ideal(
        grid=grid,
        photosphere=1.0 - broaden(depth, grid, **seen),
        surroundings=broaden(added, grid, **seen),
    )


def _star_noise(star: np.ndarray, grid: Grid, *, seed: int) -> FloatArray:
    """Give every star its own white noise, whatever exposures of it are asked for."""
    rows = {
        index: np.random.default_rng([seed, 3, index]).standard_normal(grid.size) for index in np.unique(star)
    }
    return np.stack([rows[index] for index in star]) if len(star) else np.zeros((0, grid.size))

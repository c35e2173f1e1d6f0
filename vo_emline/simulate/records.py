"""From observations to the records that file writers take."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from scipy.ndimage import percentile_filter

from vo_emline.arrays import FloatArray
from vo_emline.simulate.grids import Grid
from vo_emline.simulate.instruments import (
    ONDREJOV_PIXELS,
    Observed,
    Release,
    lamost_pixels,
    observe_lamost,
    observe_ondrejov,
    ondrejov_pixels,
)
from vo_emline.simulate.lamost_files import LamostRecord
from vo_emline.simulate.ondrejov_files import OndrejovRecord
from vo_emline.simulate.population import Exposures
from vo_emline.simulate.stars import FEATURELESS, Stars, designation, spectral_type
from vo_emline.simulate.synthesis import synthesise
from vo_emline.simulate.truth import object_name
from vo_emline.spectra.medium import HALPHA_VAC

DETECTOR_CHANGE_MJD: Final = 56_500.0
"""The Ondřejov camera got its E2V detector in 2013."""

RADIATION_CONSTANT: Final = 1.438777e8
"""Second radiation constant, Å K (CODATA 2018)."""

BLOCK: Final = 8
"""Pixels of which the median stands for all in the pseudo-continuum."""

_ONDREJOV_GRID: Final = Grid.covering(6250.0, 6770.0, step_kms=5.0)
_LAMOST_GRID: Final = Grid.covering(3670.0, 9130.0, step_kms=25.0)


def ondrejov_records(stars: Stars, chunk: Exposures, *, first: int, seed: int) -> Iterator[OndrejovRecord]:
    """Observe `chunk` with the Ondřejov camera, whose detector depends on the epoch.

    Parameters
    ----------
    stars
        All stars.
    chunk
        Observations; the first of them has running number `first`.
    first
        Running number.
    seed
        Decides the noise, together with `first`.
    """
    ideal = synthesise(stars, chunk, grid=_ONDREJOV_GRID, seed=seed)
    random = np.random.default_rng([seed, 4, first])
    seen = {
        detector: observe_ondrejov(ideal, chunk, wavelength_vac=ondrejov_pixels(detector), random=random)
        for detector in ONDREJOV_PIXELS
    }
    for i, star in enumerate(chunk.star.tolist()):
        observed = seen["SITe" if chunk.epoch_mjd[i] < DETECTOR_CHANGE_MJD else "E2V"]
        yield OndrejovRecord(
            name=f"sim{seed:03d}{first + i:06d}",
            wavelength_vac=observed.wavelength_vac,
            flux=observed.flux[i],
            epoch_mjd=float(chunk.epoch_mjd[i]),
            exposure_s=1200.0,
            ra=float(stars.ra[star]),
            dec=float(stars.dec[star]),
            object_name=object_name("ondrejov", star, seed=seed),
        )


def lamost_records(
    stars: Stars, chunk: Exposures, *, first: int, seed: int, releases: Sequence[Release]
) -> Iterator[LamostRecord]:
    """Observe `chunk` with LAMOST, in the layouts of `releases` in turn.

    Parameters
    ----------
    stars, chunk, first, seed
        As for :func:`ondrejov_records`.
    releases
        Layouts.
    """
    ideal = synthesise(stars, chunk, grid=_LAMOST_GRID, seed=seed)
    random = np.random.default_rng([seed, 5, first])
    wavelength = lamost_pixels()
    seen = {
        release: observe_lamost(ideal, chunk, wavelength_vac=wavelength, release=release, random=random)
        for release in releases
    }
    for i in range(len(chunk)):
        release = releases[(first + i) % len(releases)]
        yield _lamost_record(stars, chunk, i, seen[release], release=release, number=first + i, seed=seed)


def _lamost_record(
    stars: Stars, chunk: Exposures, i: int, seen: Observed, *, release: Release, number: int, seed: int
) -> LamostRecord:
    star = int(chunk.star[i])
    ra, dec, teff = float(stars.ra[star]), float(stars.dec[star]), float(stars.teff[star])
    colour = continuum_shape(seen.wavelength_vac, teff)
    ivar = np.zeros_like(colour) if seen.ivar is None else seen.ivar[i]
    featureless = stars.family[star] == FEATURELESS
    return LamostRecord(
        number=number,
        plan=f"SIM{seed:03d}",
        release=release,
        wavelength_vac=seen.wavelength_vac,
        flux=seen.flux[i] * colour,
        ivar=ivar / np.square(colour),
        normalised_flux=normalise(seen.flux[i] / seen.continuum[i]),
        epoch_mjd=float(chunk.epoch_mjd[i]),
        ra=ra,
        dec=dec,
        designation=designation(ra, dec),
        object_name=object_name("lamost", star, seed=seed),
        spectral_class="GALAXY" if featureless else "STAR",
        spectral_subclass="Non" if featureless else spectral_type(teff),
        velocity_kms=float(chunk.velocity_kms[i]),
        helio_kms=float(chunk.helio_kms[i]),
    )


def normalise(flux: FloatArray) -> FloatArray:
    """Divide a spectrum by its pseudo-continuum, as the survey's pipeline does.

    The pseudo-continuum of a cool star runs below the true one: here it is the
    running 70th percentile over some 320 pixels of medians of 8.
    """
    usable = flux.size // BLOCK * BLOCK
    medians = np.median(flux[:usable].reshape(-1, BLOCK), axis=1)
    level = percentile_filter(medians, 70, size=41, mode="nearest")
    centres = BLOCK * np.arange(medians.size) + 0.5 * (BLOCK - 1)
    return np.asarray(flux / np.maximum(np.interp(np.arange(flux.size), centres, level), 1e-3))


def continuum_shape(wavelength_vac: FloatArray, teff: float) -> FloatArray:
    """Give Planck's law for `teff` (K) over its value at Hα, shape of `wavelength_vac` (Å)."""
    exponent = RADIATION_CONSTANT / (wavelength_vac * teff)
    at_halpha = RADIATION_CONSTANT / (HALPHA_VAC * teff)
    return np.asarray((HALPHA_VAC / wavelength_vac) ** 5 * np.expm1(at_halpha) / np.expm1(exponent))

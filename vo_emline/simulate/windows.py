"""Simulated windows around Hα without files: for training on many spectra."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from vo_emline.arrays import FloatArray, IntArray
from vo_emline.preprocess.identity import identity_table
from vo_emline.preprocess.options import PreprocessOptions
from vo_emline.preprocess.prepare import finish
from vo_emline.preprocess.resample import resample
from vo_emline.preprocess.windows import GRID, WINDOW_VAC, WindowSet
from vo_emline.simulate import training_population
from vo_emline.simulate.instruments import (
    Observed,
    Release,
    lamost_pixels,
    observe_lamost,
    observe_ondrejov,
    sample,
)
from vo_emline.simulate.population import FRACTIONS, Exposures, Random, Survey, draw_exposures, draw_stars
from vo_emline.simulate.stars import Stars, designation
from vo_emline.simulate.synthesis import synthesise
from vo_emline.simulate.truth import LAMOST_PIXEL, TRUTH_GRID, at_survey_resolution, tabulate
from vo_emline.spectra.lamost import LRS
from vo_emline.spectra.ondrejov import CCD700
from vo_emline.spectra.spectrum import Identity

SURVEY_NAMES: Final[Mapping[str, str]] = {"lamost": LRS, "ondrejov": CCD700}
"""Names of the surveys as identities have them."""

_CHUNK: Final = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedWindows:
    """Windows and what is true of them; row *i* of every member is one spectrum."""

    flux: npt.NDArray[np.float32]
    """Unscaled flux on :data:`~vo_emline.preprocess.windows.GRID`, shape (n, 140)."""
    ivar: npt.NDArray[np.float32]
    """Its inverse variance as the pipeline states it, shape (n, 140); 0 where unknown."""
    clean: npt.NDArray[np.float32]
    """The same spectra at the same line spread without noise and faults, continuum at one, shape (n, 140)."""
    truth: pa.Table
    """Columns as :func:`~vo_emline.simulate.truth.truth_table` gives them."""

    def __len__(self) -> int:
        """Count the windows."""
        return len(self.flux)

    def prepare(self, options: PreprocessOptions | None = None) -> WindowSet:
        """Flatten and scale the windows as :func:`vo_emline.preprocess.prepare` does real ones.

        Parameters
        ----------
        options
            Settings; None for the defaults. Line spreads are what they are.

        Returns
        -------
        WindowSet
            In the order of :attr:`truth`.
        """
        identity = identity_table(_identities(self.truth))
        return finish(self.flux, self.ivar, identity=identity, options=options or PreprocessOptions())


def simulate_windows(
    n_stars: int,
    *,
    seed: int,
    per_star: int = 1,
    survey: Survey = "lamost",
    fractions: Mapping[str, float] | None = None,
    releases: Sequence[Release] = ("dr1", "dr7"),
    varied: bool = False,
) -> SimulatedWindows:
    """Simulate windows of `per_star` observations of each of `n_stars` stars.

    Parameters
    ----------
    n_stars, per_star
        Number of stars, and of spectra of each.
    seed
        The same seed gives the same windows, bit for bit.
    survey
        ``lamost``: with all its noise and faults; ``ondrejov``: Ondřejov
        spectra as they look once brought to LAMOST's resolution.
    fractions
        Shares of the families of stars; None for those of the default population, or of the varied one.
    releases
        Whose faults LAMOST windows have, in turn.
    varied
        Emission around any star and of any significance, as it is best for training
        (:mod:`~vo_emline.simulate.training_population`).
    """
    shares = fractions or (training_population.FRACTIONS if varied else FRACTIONS)
    stars = draw_stars(n_stars, seed=seed, survey=survey, fractions=shares)
    stars = training_population.any_photosphere(stars, seed=seed) if varied else stars
    exposures = draw_exposures(stars, seed=seed, per_star=per_star, survey=survey)
    exposures = training_population.any_strength(exposures, stars, seed=seed) if varied else exposures
    parts: list[SimulatedWindows] = []
    rows: list[IntArray] = []
    for offset, release in enumerate(releases[: len(exposures)]):
        of_release = np.arange(offset, len(exposures), len(releases))
        for index in np.split(of_release, range(_CHUNK, len(of_release), _CHUNK)):
            chunk = exposures.take(index)
            random = np.random.default_rng([seed, 6, offset, len(rows)])
            parts.append(_simulate(stars, chunk, survey=survey, release=release, seed=seed, random=random))
            rows.append(index)
    order = np.argsort(np.concatenate(rows))
    return SimulatedWindows(
        flux=np.concatenate([part.flux for part in parts])[order],
        ivar=np.concatenate([part.ivar for part in parts])[order],
        clean=np.concatenate([part.clean for part in parts])[order],
        truth=pa.concat_tables([part.truth for part in parts]).take(order).combine_chunks(),
    )


def _simulate(
    stars: Stars, chunk: Exposures, *, survey: Survey, release: Release, seed: int, random: Random
) -> SimulatedWindows:
    pixels = lamost_pixels(WINDOW_VAC[0] - 4.0, WINDOW_VAC[1] + 4.0)
    chunk = chunk if survey == "lamost" else at_survey_resolution(chunk)
    ideal = synthesise(stars, chunk, grid=TRUTH_GRID, seed=seed)
    if survey == "lamost":
        seen = observe_lamost(ideal, chunk, wavelength_vac=pixels, release=release, random=random)
    else:
        seen = observe_ondrejov(ideal, chunk, wavelength_vac=pixels, random=random)
    truth = tabulate(stars, chunk, ideal, survey=survey, seed=seed, pixel=LAMOST_PIXEL)
    return _resample(seen, sample(ideal.flux, ideal.grid, pixels), truth)


def _resample(seen: Observed, clean: FloatArray, truth: pa.Table) -> SimulatedWindows:
    """Bring flux and inverse variance to the window's pixels, as real spectra are, and the clean flux too."""
    stated = np.zeros_like(seen.flux) if seen.ivar is None else seen.ivar
    flux, ivar = resample(seen.flux, stated, wavelength_vac=seen.wavelength_vac, grid=GRID)
    noiseless, _ = resample(clean, np.zeros_like(clean), wavelength_vac=seen.wavelength_vac, grid=GRID)
    return SimulatedWindows(
        flux=flux.astype(np.float32),
        ivar=ivar.astype(np.float32),
        clean=noiseless.astype(np.float32),
        truth=truth,
    )


def _identities(truth: pa.Table) -> list[Identity]:
    columns = ("object_name", "survey", "ra", "dec", "epoch_mjd", "snr")
    rows = zip(*(truth[name].to_pylist() for name in columns), strict=True)
    return [
        Identity(
            source=f"simulated:{name}:{number}",
            survey=SURVEY_NAMES[survey],
            designation=designation(ra, dec),
            object_name=name,
            ra=ra,
            dec=dec,
            epoch_mjd=epoch_mjd,
            snr_r=snr,
        )
        for number, (name, survey, ra, dec, epoch_mjd, snr) in enumerate(rows)
    ]

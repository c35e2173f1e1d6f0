"""Lines whose equivalent width, width, velocity and peaks are known: put into real spectra, and simulated."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from vo_emline.arrays import FloatArray
from vo_emline.labels import ABSORPTION
from vo_emline.measure.quantities import true_values
from vo_emline.measure.regression.fit import POPULATION
from vo_emline.preprocess.continuum import fit_line
from vo_emline.preprocess.options import PreprocessOptions
from vo_emline.preprocess.prepare import finish
from vo_emline.preprocess.resample import resample
from vo_emline.preprocess.windows import GRID, WINDOW_VAC, WindowSet
from vo_emline.simulate import draw_stars, simulate_windows, synthesise
from vo_emline.simulate.hosts import (
    can_host,
    line_spreads,
    observe_hosts,
    on_hosts,
    relative_noise,
    unscale,
)
from vo_emline.simulate.instruments import draw_sky_share, lamost_pixels, sample
from vo_emline.simulate.population import Random
from vo_emline.simulate.strength import draw_ew
from vo_emline.simulate.truth import TRUTH_GRID

LEAST_SNR: Final = 30.0
"""S/N per pixel of spectra that serve as hosts: their own noise is part of the truth."""

LOSS: Final = 3.0
"""A host's S/N is at least so many times that of the spectrum made from it."""

FAINTEST: Final = 7.0
"""Least S/N per pixel of spectra made from hosts."""

LEAST_HOSTS: Final = 10

SIGNIFICANCE: Final = (5.0, 300.0)
"""Range of |EW|/σ(EW) of what is put in, drawn evenly in its logarithm."""

KINDS: Final = ("single", "disk", "shell", "p-cygni", "nebular")


@dataclass(frozen=True, slots=True, kw_only=True)
class LineTrial:
    """Spectra with lines, n of them."""

    windows: WindowSet
    truth: FloatArray
    """Values of the :data:`~vo_emline.measure.quantities.QUANTITIES`, shape (n, 5); NaN where a line has
    none."""
    snr: FloatArray
    """S/N per pixel beside Hα, shape (n,)."""

    def __len__(self) -> int:
        """Count the spectra."""
        return len(self.snr)

    def found_by(self, label: npt.NDArray[np.integer]) -> LineTrial:
        """Keep what a classifier calls emission, as only candidates are measured.

        Parameters
        ----------
        label
            Index of the class that it gives each window, shape (n,).
        """
        rows = np.flatnonzero(label != ABSORPTION)
        return LineTrial(windows=self.windows.take(rows), truth=self.truth[rows], snr=self.snr[rows])


def real_lines(
    hosts: WindowSet, n: int, *, seed: int, options: PreprocessOptions | None = None
) -> LineTrial | None:
    """Put lines into real spectra of high S/N, and noise on top.

    The truth is measured on the host with the line, before noise is added; so
    it holds whatever the real star, its instrument and its continuum do to a
    line, and a third of the noise at most.

    Parameters
    ----------
    hosts
        Windows of survey spectra without emission.
    n
        How many; each host is used as often as any other but for one.
    seed
        The same seed gives the same lines.
    options
        How the windows were prepared; None for the defaults.

    Returns
    -------
    LineTrial or None
        None where fewer than :data:`LEAST_HOSTS` spectra can be hosts.
    """
    good = np.flatnonzero(can_host(hosts) & (relative_noise(hosts) * LEAST_SNR <= 1.0))
    if good.size < LEAST_HOSTS:
        return None
    random = np.random.default_rng([seed, 31])
    chosen = hosts.take(np.resize(random.permutation(good), n))
    best = 1.0 / (LOSS * relative_noise(chosen))
    snr = FAINTEST * np.power(np.maximum(best / FAINTEST, 1.0), random.uniform(size=n))
    flux, _ = unscale(chosen)
    level = fit_line(flux)
    clean = np.maximum(flux / level + _components(chosen, snr, seed=seed, random=random), 0.0)
    sky = draw_sky_share(snr, random)[:, None]
    sigma = np.sqrt((np.maximum(clean, 0.02) + sky) / (1.0 + sky)) / snr[:, None]
    seen = level * (clean + sigma * _pixel_noise(n, random))
    windows = finish(
        seen,
        np.square(1.0 / (level * sigma)),
        identity=chosen.identity,
        options=options or PreprocessOptions(),
    )
    return LineTrial(windows=windows, truth=true_values(clean), snr=snr)


def _pixel_noise(n: int, random: Random) -> FloatArray:
    """Draw noise of unit variance on LAMOST's pixels and bring it to the window's, as that of real ones."""
    pixels = lamost_pixels(WINDOW_VAC[0] - 4.0, WINDOW_VAC[1] + 4.0)
    white = random.standard_normal((n, pixels.size))
    noise, _ = resample(white, np.zeros_like(white), wavelength_vac=pixels, grid=GRID)
    return noise


def _components(hosts: WindowSet, snr: FloatArray, *, seed: int, random: Random) -> FloatArray:
    """Draw what is put into each host, in units of the continuum, shape (n, 140)."""
    n = len(hosts)
    stars = on_hosts(draw_stars(n, seed=seed, fractions=dict.fromkeys(KINDS, 1.0)), hosts)
    exposures = observe_hosts(
        stars, hosts, seed=seed, spread=line_spreads(n, random), significance=SIGNIFICANCE, random=random
    )
    # as significant as wanted in the noise that will be added, not in that of the host
    exposures = dataclasses.replace(exposures, ew=draw_ew(1.0 / snr, SIGNIFICANCE, random), snr=snr)
    ideal = synthesise(stars, exposures, grid=TRUTH_GRID, seed=seed)
    return sample(ideal.surroundings, TRUTH_GRID, GRID)


def simulated_lines(n: int, *, seed: int, options: PreprocessOptions | None = None) -> LineTrial:
    """Simulate spectra of `n` stars like those that the regression learns from, of another seed."""
    simulated = simulate_windows(n, seed=seed, fractions=POPULATION)
    return LineTrial(
        windows=simulated.prepare(options),
        truth=true_values(simulated.clean.astype(np.float64)),
        snr=np.array(simulated.truth["snr"]),
    )

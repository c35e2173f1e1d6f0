"""Real survey spectra as hosts of simulated emission: what each of them is, and light put into it."""

from __future__ import annotations

import dataclasses
import re
from typing import Final

import numpy as np
import numpy.typing as npt

from vo_emline.arrays import BoolArray, FloatArray
from vo_emline.preprocess.continuum import fit_line
from vo_emline.preprocess.lsf import line_spread_sigma
from vo_emline.preprocess.windows import GRID, WindowSet
from vo_emline.simulate.population import Exposures, Random, draw_exposures, rotation_share
from vo_emline.simulate.stars import Stars, spectral_type
from vo_emline.simulate.strength import draw_ew
from vo_emline.spectra.medium import HALPHA_VAC

RESOLVING_POWER: Final = (1470.0, 2130.0)
"""Range of LAMOST's λ/FWHM at Hα, measured on stars that Ondřejov saw too."""

USUAL_TEFF: Final = 6500.0
"""Effective temperature of hosts whose spectral type is not known, K."""

BESIDE: Final = 14.0
"""Noise is measured further from Hα than this, Å: the first releases spoil their inverse variance nearer."""

_SPEED_OF_LIGHT_KMS: Final = 299_792.458
_STELLAR_REDSHIFT: Final = 0.002
_SIDES: Final[BoolArray] = np.abs(GRID - HALPHA_VAC) > BESIDE
_TYPE = re.compile(r"[OBAFGKM]\d")
_TEFF: Final = {spectral_type(teff): teff for teff in np.geomspace(2900.0, 41_000.0, 400).tolist()}
_DEFECT_RELEASE: Final = "2.6"
_DEFECT_EW: Final = -4.0


def unscale(windows: WindowSet) -> tuple[FloatArray, FloatArray]:
    """Undo the scaling of windows: flux and inverse variance, shape (n, 140) each."""
    offset, scale = (windows.continuum[:, column, None].astype(np.float64) for column in (0, 1))
    return windows.flux * scale + offset, windows.ivar / np.square(scale)


def relative_noise(windows: WindowSet) -> FloatArray:
    """Give the noise of a continuum pixel of each window over its continuum, shape (n,).

    It is the smaller of what the inverse variance states and of the scatter.
    The one overstates the noise on LAMOST plates (by 1.2 to 1.9), the other
    counts the metal lines of cool stars. Both are taken beside Hα, where the
    inverse variance of the first releases is not spoilt.

    Returns
    -------
    numpy.ndarray
        Standard deviation; infinite where there is no positive continuum.
    """
    flux, ivar = unscale(windows)
    level = fit_line(flux)
    scatter = 1.4826 * np.median(np.abs(flux - level)[:, _SIDES], axis=1)
    known = np.where(ivar > 0, ivar, np.nan)[:, _SIDES]
    stated = np.full(len(windows), np.inf)
    some = np.isfinite(known).mean(axis=1) > 0.5
    stated[some] = 1.0 / np.sqrt(np.nanmedian(known[some], axis=1))
    height = np.median(level, axis=1)
    usable = level.min(axis=1) > 0
    noise = np.maximum(np.minimum(scatter, stated), 1e-12)
    return np.where(usable, noise / np.where(usable, height, 1.0), np.inf)


def can_host(windows: WindowSet, *, least_snr: float = 3.0) -> BoolArray:
    """Tell the windows into which emission can be put, shape (n,).

    They have a positive continuum at `least_snr` per pixel or more, and are
    no galaxies or quasars, whose Hα lies elsewhere.
    """
    kind = np.array(windows.identity["spectral_class"].to_pylist(), dtype=object)
    return np.asarray((relative_noise(windows) <= 1.0 / least_snr) & ~np.isin(kind, ("GALAXY", "QSO")))


def effective_temperature(subclass: str | None) -> float:
    """Give the effective temperature, K, of a spectral type as surveys write it.

    >>> round(effective_temperature("A2V"), -2), round(effective_temperature("dM1"), -2)
    (9000.0, 3700.0)
    """
    found = _TYPE.search(subclass or "")
    return _TEFF.get(found.group(), USUAL_TEFF) if found else USUAL_TEFF


def temperatures(windows: WindowSet) -> FloatArray:
    """Give the effective temperature of each host by its spectral type, K, shape (n,)."""
    return np.array([effective_temperature(one) for one in windows.identity["spectral_subclass"].to_pylist()])


def on_hosts(stars: Stars, hosts: WindowSet) -> Stars:
    """Give stars the photospheres of their hosts: temperature, and rotation as fast as is usual there.

    What surrounds them stays. Cool stars rotate slowly, so that their Hα core
    is narrow and bites into a line that is put in.
    """
    teff = temperatures(hosts)
    slower = rotation_share(teff) / rotation_share(stars.teff)
    return dataclasses.replace(stars, teff=teff, v_sin_i_kms=stars.v_sin_i_kms * slower)


def velocities(windows: WindowSet) -> FloatArray:
    """Give the radial velocity of each host as the survey states it, km/s; 0 where it is no star's."""
    redshift = np.array(windows.identity["redshift"].to_pylist(), dtype=np.float64)
    known = np.abs(redshift) < _STELLAR_REDSHIFT
    return np.where(known, redshift, 0.0) * _SPEED_OF_LIGHT_KMS


def line_spreads(n: int, random: Random) -> FloatArray:
    """Draw the line spread of `n` fibres of LAMOST: standard deviations, Å, shape (n,)."""
    power = random.uniform(*RESOLVING_POWER, n)
    return np.array([line_spread_sigma(one) for one in power])


def observe_hosts(
    stars: Stars,
    hosts: WindowSet,
    *,
    seed: int,
    spread: FloatArray,
    significance: tuple[float, float],
    random: Random,
) -> Exposures:
    """Observe each star as its host was, with a line as strong as wanted in the host's noise.

    Parameters
    ----------
    stars, hosts
        What emits, and the spectrum it is put into, one of each.
    seed
        Of the observations.
    spread
        Line spread of each host: standard deviation, Å, shape (n,).
    significance
        Least and largest |EW|/σ(EW), drawn evenly in its logarithm.
    random
        Where strengths and velocities come from.
    """
    drawn = draw_exposures(stars, seed=seed)
    noise = relative_noise(hosts)
    ew = draw_ew(noise, significance, random)  # the noise that the line itself brings comes on top
    return dataclasses.replace(
        drawn,
        snr=1.0 / noise,
        velocity_kms=velocities(hosts) + random.normal(0.0, 8.0, len(stars)),
        lsf_sigma=spread,
        ew=ew,
    )


def put_in(
    hosts: WindowSet, component: FloatArray, *, ew: FloatArray, random: Random
) -> tuple[FloatArray, FloatArray]:
    """Add light to hosts, and the photon noise it brings.

    The noise of the host's continuum is taken to be that of the star's light
    alone, which is the most a line can bring. In hosts of the first LAMOST
    releases strong lines lose their inverse variance, as real ones do.

    Parameters
    ----------
    hosts
        Windows.
    component
        What is added, in units of the continuum, shape (n, 140).
    ew
        Equivalent width of what is added, Å, shape (n,).
    random
        Where the noise comes from.

    Returns
    -------
    tuple
        Flux and inverse variance without scaling, shape (n, 140).
    """
    flux, ivar = unscale(hosts)
    level = fit_line(flux)
    lit = np.maximum(flux + level * component, np.minimum(flux, 0.0))
    added = np.square(relative_noise(hosts))[:, None] * np.maximum(component, 0.0) * np.square(level)
    seen = lit + np.sqrt(added) * random.standard_normal(flux.shape)
    return seen, _spoil(_with_added(ivar, added), hosts, ew, random)


def _with_added(ivar: FloatArray, added: FloatArray) -> FloatArray:
    """Add a variance to inverse variances, of which 0 stays 0."""
    known = ivar > 0
    return np.where(known, 1.0 / (1.0 / np.where(known, ivar, 1.0) + added), 0.0)


def _spoil(ivar: FloatArray, hosts: WindowSet, ew: FloatArray, random: Random) -> npt.NDArray[np.float64]:
    """Zero the inverse variance on strong lines in hosts of LAMOST's pipeline 2.6, as that does."""
    old = [
        release.lstrip("vV").startswith(_DEFECT_RELEASE) for release in hosts.identity["release"].to_pylist()
    ]
    drawn = random.uniform(6.0, 20.0, size=len(ew))
    width = np.where(np.array(old, dtype=bool) & (ew < _DEFECT_EW), drawn, -1.0)
    return np.where(np.abs(GRID - HALPHA_VAC) < width[:, None], 0.0, ivar)

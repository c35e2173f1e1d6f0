"""Real survey spectra as hosts of emission: what each of them is, and how strong a line is in its noise."""

from __future__ import annotations

import math
import re
from typing import Final

import numpy as np

from vo_emline.arrays import BoolArray, Column, FloatArray
from vo_emline.measure.robust import row_medians
from vo_emline.measure.shape import LINE_HALF_WIDTH
from vo_emline.preprocess.continuum import fit_line
from vo_emline.preprocess.lsf import line_spread_sigma
from vo_emline.preprocess.windows import GRID, WindowSet
from vo_emline.simulate.population import Random
from vo_emline.simulate.stars import spectral_type
from vo_emline.spectra.medium import HALPHA_VAC, SPEED_OF_LIGHT_KMS

MOST_EW: Final = 100.0
"""No line of the usual width is made stronger than this, Å; wider ones in proportion."""

USUAL_WIDTH: Final = 2.0 * LINE_HALF_WIDTH
"""Width over which the equivalent width of a line is integrated, Å: its noise sets σ(EW)."""

PIXEL: Final = float(GRID[1] - GRID[0])
"""Width of a pixel of the window, Å."""

RESOLVING_POWER: Final = (1470.0, 2130.0)
"""Range of LAMOST's λ/FWHM at Hα, measured on stars that Ondřejov saw too."""

USUAL_TEFF: Final = 6500.0
"""Effective temperature of hosts whose spectral type is not known, K."""

BESIDE: Final = 14.0
"""Noise is measured further from Hα than this, Å: the first releases spoil their inverse variance nearer."""

_STELLAR_REDSHIFT: Final = 0.002
_SIDES: Final[BoolArray] = np.abs(GRID - HALPHA_VAC) > BESIDE
_TYPE = re.compile(r"[OBAFGKM]\d")
_TEFF: Final = {spectral_type(teff): teff for teff in np.geomspace(2900.0, 41_000.0, 400).tolist()}


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
    flux, ivar = windows.unscaled()
    level = fit_line(flux)
    scatter = 1.4826 * np.median(np.abs(flux - level)[:, _SIDES], axis=1)
    known = np.where(ivar > 0, ivar, np.nan)[:, _SIDES]
    stated = np.full(len(windows), np.inf)
    some = np.isfinite(known).mean(axis=1) > 0.5
    stated[some] = 1.0 / np.sqrt(row_medians(known[some]))
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


def temperatures(windows: WindowSet) -> Column:
    """Give the effective temperature of each host by its spectral type, K, shape (n,)."""
    return np.array([effective_temperature(one) for one in windows.identity["spectral_subclass"].to_pylist()])


def velocities(windows: WindowSet) -> FloatArray:
    """Give the radial velocity of each host as the survey states it, km/s; 0 where it is no star's."""
    redshift = np.array(windows.identity["redshift"].to_pylist(), dtype=np.float64)
    known = np.abs(redshift) < _STELLAR_REDSHIFT
    return np.where(known, redshift, 0.0) * SPEED_OF_LIGHT_KMS


def line_spreads(n: int, random: Random) -> Column:
    """Draw the line spread of `n` fibres of LAMOST: standard deviations, Å, shape (n,)."""
    power = random.uniform(*RESOLVING_POWER, n)
    return np.array([line_spread_sigma(one) for one in power])


def draw_ew(
    noise: Column,
    significance: tuple[float, float],
    random: Random,
    *,
    width: FloatArray | float = USUAL_WIDTH,
) -> FloatArray:
    """Draw equivalent widths, Å, negative, evenly over the logarithm of their significance, shape (n,).

    Parameters
    ----------
    noise
        Noise of a pixel over the continuum, shape (n,). It is taken as white over the pixels of the line.
    significance
        Least and largest |EW|/σ(EW).
    random
        Where they come from.
    width
        Width of each line, Å, shape (n,).
    """
    least, most = (math.log(limit) for limit in significance)
    wanted = np.exp(random.uniform(least, most, size=len(noise)))
    extent = np.broadcast_to(width, noise.shape)
    return np.asarray(-np.minimum(wanted * noise * np.sqrt(extent * PIXEL), MOST_EW / USUAL_WIDTH * extent))

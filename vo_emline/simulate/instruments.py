"""The two instruments: their pixels, their noise and their faults."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from vo_emline.arrays import BoolArray, Column, FloatArray, Pixels, Spectra
from vo_emline.simulate import linelist
from vo_emline.simulate.grids import Grid, broaden
from vo_emline.simulate.population import Exposures, Random
from vo_emline.simulate.synthesis import Ideal
from vo_emline.spectra.medium import HALPHA_VAC, SPEED_OF_LIGHT_KMS, air_to_vacuum

Release = Literal["dr1", "dr7", "dr10"]
Floats = npt.NDArray[np.floating[Any]]
"""Single or double precision: what is computed keeps that of its arguments."""

LAMOST_LOG_START: Final = 3.5682
"""log10 of the first wavelength (vacuum Å) of LAMOST's low-resolution spectra (card COEFF0)."""
LAMOST_LOG_STEP: Final = 1e-4
LAMOST_PIXELS: Final = 3909
ONDREJOV_FIRST_AIR: Final = 6282.10
"""First wavelength, air Å, of the Ondřejov CCD700 spectra around Hα."""
ONDREJOV_PIXELS: Final = {"SITe": (1757, 0.2567), "E2V": (1953, 0.2309)}
"""Pixels and their width (Å) of the two detectors."""

SKY_OH_VAC: Final = np.array([6557.0, 6571.0, 6579.0, 6535.0, 6545.5, 6598.5, 6606.0, 6629.4])
"""Lines of the night sky, whose residue stays at one *observed* wavelength, vacuum Å."""
SKY_OH_STRENGTH: Final = np.array([1.0, 0.9, 1.0, 0.4, 0.5, 0.5, 0.3, 0.4])

DEFECT_HALF_WIDTH: Final = 10.0
"""Half width, Å, of the region about Hα whose inverse variance DR1 and DR2 divide by 9 to 12."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """Spectra as an instrument delivers them; arrays of shape (n, pixels)."""

    wavelength_vac: Pixels
    """Vacuum Å, shape (pixels,)."""
    flux: Floats
    """Counts, or continuum-normalised flux for Ondřejov."""
    ivar: Floats | None
    """Inverse variance as the pipeline states it; None where the instrument gives none."""
    continuum: Floats
    """The continuum that the pipeline would divide by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """What happens to spectra on their way through LAMOST; arrays of shape (n, m) or (n, 1)."""

    sky: Floats
    """Counts of the sky over those of the star's continuum."""
    sky_share: Floats
    """Their mean over the wavelengths, shape (n, 1)."""
    noise: Floats
    """Deviations in units of each pixel's noise: white noise, and cosmic rays that were not removed."""
    residue: Floats
    """What sky subtraction leaves, in units of the continuum."""
    response: Floats
    """Counts of a continuum of one."""
    overstated: Floats
    """Factor by which the pipeline overstates the noise, shape (n, 1)."""


def lamost_pixels(first_vac: float = 0.0, last_vac: float = np.inf) -> FloatArray:
    """Wavelengths of LAMOST's pixels between two vacuum wavelengths, Å."""
    wavelength = 10.0 ** (LAMOST_LOG_START + LAMOST_LOG_STEP * np.arange(LAMOST_PIXELS))
    return np.asarray(wavelength[(wavelength >= first_vac) & (wavelength <= last_vac)])


def ondrejov_pixels(detector: str) -> FloatArray:
    """Wavelengths (vacuum Å) of the pixels of one of the :data:`ONDREJOV_PIXELS`."""
    size, step = ONDREJOV_PIXELS[detector]
    return air_to_vacuum(ONDREJOV_FIRST_AIR + step * np.arange(size))


def sample(rows: FloatArray, grid: Grid, wavelength_vac: FloatArray) -> FloatArray:
    """Interpolate every row from `grid` to `wavelength_vac` linearly."""
    position = np.log(wavelength_vac / grid.start_vac) * (SPEED_OF_LIGHT_KMS / grid.step_kms)
    left = np.clip(position.astype(int), 0, grid.size - 2)
    share = position - left
    return np.asarray(rows[:, left] * (1.0 - share) + rows[:, left + 1] * share)


def observe_lamost(
    ideal: Ideal, exposures: Exposures, *, wavelength_vac: Pixels, release: Release, random: Random
) -> Observed:
    """See spectra with LAMOST.

    Noise grows where the star or the sky is bright; the pipeline's inverse
    variance overstates it (by 1.2 to 1.9 in sigma, as on real plates). Residues
    of the sky, ripples of the response, cosmic rays that were not removed, bad
    pixels, and in DR1 the spoilt inverse variance at Hα are put in.

    Parameters
    ----------
    ideal
        Noise-free spectra at the exposures' line spread.
    exposures
        The observations.
    wavelength_vac
        Pixels to compute, vacuum Å, shape (m,).
    release
        Whose faults to have.
    random
        Where the noise comes from.
    """
    n, m = len(exposures), wavelength_vac.size
    share = draw_sky_share(exposures.snr, random)[:, None]
    response = draw_response(n, wavelength_vac, random)
    noise = random.standard_normal((n, m))
    residue = draw_residue_scale(exposures.snr, random)[:, None] * draw_residue(
        exposures, wavelength_vac, random
    )
    spikes, hit = draw_cosmic_rays(n, m, random)
    conditions = Conditions(
        sky=share * sky_brightness(exposures, wavelength_vac),
        sky_share=share,
        noise=noise + spikes,
        residue=residue,
        response=response * draw_level(exposures.snr, random)[:, None],
        overstated=draw_overstatement(n, random)[:, None],
    )
    signal = sample(ideal.flux, ideal.grid, wavelength_vac)
    flux, ivar = expose(signal, conditions, snr=exposures.snr)
    if release == "dr1":
        ivar = _spoil(ivar, exposures, wavelength_vac, random)
    ivar[hit] *= random.integers(0, 2, int(hit.sum()))
    return Observed(wavelength_vac=wavelength_vac, flux=flux, ivar=ivar, continuum=conditions.response)


def expose(signal: Floats, conditions: Conditions, *, snr: Floats) -> tuple[Floats, Floats]:
    """Put noise, sky and response onto noise-free spectra.

    Parameters
    ----------
    signal
        Spectra with the continuum at one, shape (n, m).
    conditions
        What happens to them.
    snr
        Signal-to-noise ratio per pixel beside Hα, shape (n,).

    Returns
    -------
    flux, ivar
        Counts, and their inverse variance as the pipeline states it, shape (n, m).
    """
    brightness = (np.maximum(signal, 0.02) + conditions.sky) / (1.0 + conditions.sky_share)
    sigma = np.sqrt(brightness) / snr[:, None]
    flux = (signal + sigma * conditions.noise + conditions.residue) * conditions.response
    return flux, (conditions.overstated * sigma * conditions.response) ** -2.0


def observe_ondrejov(
    ideal: Ideal, exposures: Exposures, *, wavelength_vac: Pixels, random: Random
) -> Observed:
    """See spectra with the Ondřejov CCD700 camera: telluric lines, little noise, no inverse variance.

    Parameters
    ----------
    ideal
        Noise-free spectra in the observatory's frame.
    exposures
        The observations.
    wavelength_vac
        Pixels to compute, vacuum Å, shape (m,).
    random
        Where the noise comes from.
    """
    signal = sample(ideal.flux * _telluric(exposures, ideal.grid, random), ideal.grid, wavelength_vac)
    noise = random.standard_normal(signal.shape) * np.sqrt(np.maximum(signal, 0.02)) / exposures.snr[:, None]
    offset = (wavelength_vac - wavelength_vac.mean()) / np.ptp(wavelength_vac)
    misfit = _waves(random, len(exposures), offset, amplitude=0.004)
    return Observed(
        wavelength_vac=wavelength_vac,
        flux=(signal + noise) * (1.0 + misfit),
        ivar=None,
        continuum=np.ones_like(signal),
    )


def _telluric(exposures: Exposures, grid: Grid, random: Random) -> Spectra:
    """Transmission of the air on nights of varying humidity, shape (n, grid.size)."""
    table = np.array(linelist.TELLURIC)
    lines = table[:, 1] @ grid.deposit(air_to_vacuum(table[:, 0]))
    depth = np.exp(random.normal(0.0, 0.7, (len(exposures), 1))) * lines
    sigma_kms = exposures.lsf_sigma * (SPEED_OF_LIGHT_KMS / HALPHA_VAC)
    return 1.0 - broaden(depth, grid, sigma_kms=sigma_kms)


def sky_brightness(exposures: Exposures, wavelength_vac: FloatArray) -> Spectra:
    """Brightness of the night sky over its mean, shape (n, m)."""
    lines = _sky_lines(exposures, wavelength_vac, widening=np.ones(len(exposures)))
    return np.asarray(0.7 + 2.5 * np.einsum("lnm,l->nm", lines, SKY_OH_STRENGTH))


def _sky_lines(exposures: Exposures, wavelength_vac: FloatArray, *, widening: FloatArray) -> FloatArray:
    """Unit-height sky lines where the heliocentric correction puts them, shape (lines, n, m).

    `widening`, shape (n,), widens them beyond the line-spread function.
    """
    return np.asarray(np.exp(-0.5 * np.square(_sky_offset(exposures, wavelength_vac, widening=widening))))


def _sky_offset(exposures: Exposures, wavelength_vac: FloatArray, *, widening: FloatArray) -> FloatArray:
    """Distance from each sky line in widths of the line, shape (lines, n, m)."""
    shift = 1.0 + exposures.helio_kms / SPEED_OF_LIGHT_KMS
    offset = wavelength_vac - shift[:, None] * SKY_OH_VAC[:, None, None]
    return np.asarray(offset / (widening * exposures.lsf_sigma)[:, None])


def draw_sky_share(snr: FloatArray, random: Random) -> Column:
    """Draw sky counts over star counts, shape (n,): large for the faint (of low S/N)."""
    return np.asarray((25.0 / snr) ** 1.3 * np.exp(random.normal(0.0, 0.5, len(snr))))


def draw_residue_scale(snr: FloatArray, random: Random) -> Column:
    """Draw the strength of what sky subtraction leaves, shape (n,): larger for the faint."""
    n = len(snr)
    return np.asarray(np.exp(random.normal(np.log(0.005), 0.9, n)) + random.uniform(0.0, 1.6, n) / snr)


def draw_residue(exposures: Exposures, wavelength_vac: FloatArray, random: Random) -> FloatArray:
    """Compute what sky subtraction leaves at the sky lines, of unit strength, shape (n, m).

    Bumps and notches come from a wrong level of the sky, pairs of the two from
    a shift in wavelength. Of each a part is common to all lines of a spectrum
    and a part each line's own.
    """
    n, count = len(exposures), len(SKY_OH_VAC)
    level, shift = (random.normal(0.0, 0.7, (1, n)) + random.normal(0.0, 0.7, (count, n)) for _ in range(2))
    offset = _sky_offset(exposures, wavelength_vac, widening=random.uniform(0.8, 2.0, n))
    shape = np.exp(-0.5 * np.square(offset)) * (level[..., None] + shift[..., None] * offset)
    return np.asarray(np.einsum("lnm,l->nm", shape, SKY_OH_STRENGTH))


def draw_level(snr: FloatArray, random: Random) -> Column:
    """Draw counts in the continuum, shape (n,)."""
    return np.asarray(8.0 * snr * np.exp(random.normal(0.0, 0.6, len(snr))))


def draw_overstatement(n: int, random: Random) -> Column:
    """Draw factors by which the pipeline overstates the noise, as on real plates, shape (n,)."""
    return random.uniform(1.2, 1.9, n)


def draw_response(n: int, wavelength_vac: FloatArray, random: Random) -> Spectra:
    """Slope, curvature and ripples of the continuum, shape (n, m), about one at Hα."""
    offset = (wavelength_vac - HALPHA_VAC) / 100.0
    tame = np.clip(offset, -1.5, 1.5)
    slope = random.normal(-0.02, 0.035, (n, 1)) * tame
    length = random.uniform(10.0, 30.0, (n, 1))
    edge = random.normal(0.005, 0.03, (n, 1)) * np.exp(-np.maximum(wavelength_vac - 6525.0, 0.0) / length)
    return np.asarray(np.exp(slope + edge + _waves(random, n, tame, amplitude=0.008)))


def _waves(random: Random, n: int, offset: FloatArray, *, amplitude: float, terms: int = 4) -> Spectra:
    """Smooth random curves, shape (n, m)."""
    total = np.zeros((n, offset.size))
    for _ in range(terms):
        height = random.normal(0.0, amplitude / np.sqrt(terms), (n, 1))
        total += height * np.sin(
            random.uniform(1.0, 8.0, (n, 1)) * offset + random.uniform(0.0, 2 * np.pi, (n, 1))
        )
    return total


def draw_cosmic_rays(n: int, m: int, random: Random) -> tuple[FloatArray, BoolArray]:
    """Draw spikes, and fewer dents, of one or two pixels in some spectra.

    Returns
    -------
    heights, hit
        Heights in units of the noise, 0 where there is none, and where there is one, shape (n, m).
    """
    hit = random.uniform(size=(n, m)) < random.choice([0.0005, 0.01], size=(n, 1), p=[0.93, 0.07])
    hit[:, 1:] |= hit[:, :-1] & (random.uniform(size=(n, m - 1)) < 0.4)
    height = random.choice([-0.5, 1.0], size=(n, m), p=[0.3, 0.7]) * random.gamma(1.5, 4.0, (n, m))
    return hit * height, hit


def _spoil(ivar: Floats, exposures: Exposures, wavelength_vac: FloatArray, random: Random) -> Floats:
    """Divide the inverse variance at Hα by 9–12 and zero it on strong emission, as DR1 does."""
    n = len(exposures)
    distance = np.abs(wavelength_vac - HALPHA_VAC)[None, :]
    divisor = random.uniform(9.0, 12.0, (n, 1))
    zero_width = np.where(exposures.ew < -4.0, random.uniform(6.0, 20.0, n), 0.0)[:, None]
    spoilt = np.where(distance < DEFECT_HALF_WIDTH, ivar / divisor, ivar)
    return np.where(distance < zero_width, 0.0, spoilt)

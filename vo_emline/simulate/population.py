"""Drawing a population: which stars there are, and when and how each is observed."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, Self

import numpy as np

from vo_emline.arrays import BoolArray, FloatArray, IntArray
from vo_emline.errors import UserError
from vo_emline.simulate import kinds as extreme
from vo_emline.simulate import stars as kinds
from vo_emline.simulate.pointings import LAMOST_EPOCHS, draw_positions, draw_snr
from vo_emline.simulate.stars import FAMILIES, Stars
from vo_emline.spectra.medium import HALPHA_VAC

Survey = Literal["lamost", "ondrejov"]
Random = np.random.Generator

FRACTIONS: Final[Mapping[str, float]] = {
    "normal": 0.50,
    "featureless": 0.05,
    "single": 0.12,
    "disk": 0.16,
    "shell": 0.03,
    "p-cygni": 0.02,
    "filled-core": 0.05,
    "nebular": 0.04,
    "chromospheric": 0.03,
}
"""Shares of the families of :data:`~vo_emline.simulate.stars.FAMILIES` in a training population
(far more emission than the 0.3–1 % of the sky)."""

SKY_FRACTIONS: Final[Mapping[str, float]] = {
    "normal": 0.915,
    "featureless": 0.045,
    "single": 0.009,
    "disk": 0.012,
    "shell": 0.002,
    "p-cygni": 0.001,
    "filled-core": 0.004,
    "nebular": 0.006,
    "chromospheric": 0.006,
}
"""Shares in a survey of ordinary stars: 4 % with emission, some ten times the share in the sky,
so that a thousand spectra hold enough of it."""

SPECTRAL_MIX: Final[Mapping[Survey, tuple[tuple[float, float, float], ...]]] = {
    "lamost": (
        (0.02, 20_000, 40_000),
        (0.08, 10_000, 20_000),
        (0.20, 7_300, 10_000),
        (0.20, 6_000, 7_300),
        (0.18, 5_200, 6_000),
        (0.20, 3_950, 5_200),
        (0.12, 2_900, 3_950),
    ),
    "ondrejov": (
        (0.10, 20_000, 40_000),
        (0.45, 10_000, 20_000),
        (0.30, 7_300, 10_000),
        (0.10, 6_000, 7_300),
        (0.05, 4_500, 6_000),
    ),
}
"""Normal stars of each survey: share, and the range of effective temperatures, K."""


ONDREJOV_SIGMA: Final = HALPHA_VAC / 13_000.0 / 2.3548
"""Gaussian sigma of the Ondřejov line-spread function at Hα, Å (R = 13 000)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposures:
    """Observations as a struct of arrays; every array has shape (n,)."""

    star: IntArray
    """Index of the star that was observed."""
    epoch_mjd: FloatArray
    """Start of the exposure, MJD (UTC)."""
    snr: FloatArray
    """True signal-to-noise ratio per pixel beside Hα."""
    velocity_kms: FloatArray
    """Radial velocity at this epoch as it shows in the spectrum, km/s: heliocentric
    in LAMOST, in the observatory's frame in Ondřejov."""
    helio_kms: FloatArray
    """Heliocentric correction, km/s; where it was applied (LAMOST) it moves the sky lines."""
    lsf_sigma: FloatArray
    """Gaussian sigma of the line-spread function at Hα, Å."""
    ew: FloatArray
    """Equivalent width of the Hα component at this epoch, Å, negative for emission."""
    asymmetry: FloatArray
    """Disk asymmetry at this epoch."""

    def __len__(self) -> int:
        """Count the observations."""
        return len(self.star)

    def take(self, index: IntArray | slice) -> Self:
        """Pick observations by `index`."""
        values = {field.name: getattr(self, field.name)[index] for field in dataclasses.fields(self)}
        return type(self)(**values)


def draw_stars(
    n: int, *, seed: int, survey: Survey = "lamost", fractions: Mapping[str, float] = FRACTIONS
) -> Stars:
    """Draw `n` stars.

    Parameters
    ----------
    n
        How many.
    seed
        The same seed gives the same stars.
    survey
        Whose mixture of spectral types the normal stars follow.
    fractions
        Share of each family; shares need not sum to one.

    Raises
    ------
    UserError
        When `fractions` names an unknown family or has no positive share.
    """
    unknown = sorted(set(fractions) - set(FAMILIES))
    shares = np.array([fractions.get(name, 0.0) for name in FAMILIES])
    if unknown or not shares.sum() > 0:
        message = (
            f"fractions of families must be positive and among {', '.join(FAMILIES)}; got {dict(fractions)}"
        )
        raise UserError(message)
    random = np.random.default_rng([seed, 1])
    family = random.choice(len(FAMILIES), size=n, p=shares / shares.sum())
    ra, dec = draw_positions(n, random)
    return Stars(
        family=family,
        ra=ra,
        dec=dec,
        velocity_kms=_velocities(n, random),
        **_photospheres(family, random, survey=survey),
        **_surroundings(family, random),
    )


def _velocities(n: int, random: Random) -> FloatArray:
    """Draw radial velocities, km/s: the disk of the Galaxy within ±150, and 5 % of the halo."""
    disk = np.clip(random.normal(0.0, 45.0, n), -150.0, 150.0)
    halo = np.clip(random.normal(0.0, 130.0, n), -350.0, 350.0)
    return np.where(random.uniform(size=n) < 0.05, halo, disk)


def rotation_share(teff: FloatArray) -> FloatArray:
    """Give the usual rotation by temperature, K, over that of hot stars: slow below the Kraft break."""
    return np.asarray(np.clip((teff - 6_000.0) / 3_000.0, 0.02, 1.0))


def _photospheres(family: IntArray, random: Random, *, survey: Survey) -> dict[str, FloatArray]:
    n = len(family)
    teff = _temperatures(family, random, survey=survey)
    featureless = family == kinds.FEATURELESS
    line_strength = np.clip(random.normal(1.0, 0.12, n), 0.4, 1.5)
    line_strength[featureless] *= random.choice([0.0, 0.3], size=featureless.sum(), p=[0.7, 0.3])
    usual = {
        "teff": teff,
        "v_sin_i_kms": rotation_share(teff) * random.gamma(2.5, 60.0, n).clip(2.0, 400.0),
        "metallicity": np.where(featureless, 0.3, 1.0) * 10.0 ** random.normal(-0.05, 0.25, n),
        "line_strength": line_strength,
        "wing_width": np.exp(random.normal(-0.05, 0.3, n)),
        "molecule_strength": np.exp(random.normal(0.0, 0.3, n)),
        "haze": np.exp(random.normal(0.0, 0.4, n)),
        **_foreign(featureless, random),
    }
    return extreme.photospheres(family, usual, random)


def _foreign(galaxy: BoolArray, random: Random) -> dict[str, FloatArray]:
    """Lines of galaxies at any redshift: broad absorption, seldom emission, none of it near Hα at rest."""
    shape = (len(galaxy), 3)
    place = random.uniform(6500.0, 6750.0, shape)
    ew = np.where(random.uniform(size=shape) < 0.12, -1.0, 0.5) * random.gamma(1.5, 2.0, shape)
    wanted = galaxy[:, None] & (random.uniform(size=shape) < 0.4) & (np.abs(place - HALPHA_VAC) > 28.0)
    return {
        "foreign_vac": place,
        "foreign_ew": np.where(wanted, ew, 0.0),
        "foreign_fwhm_kms": random.uniform(200.0, 900.0, len(galaxy)),
    }


def _temperatures(family: IntArray, random: Random, *, survey: Survey) -> FloatArray:
    n = len(family)
    mix = np.array(SPECTRAL_MIX[survey])
    band = random.choice(len(mix), size=n, p=mix[:, 0] / mix[:, 0].sum())
    share = random.uniform(size=n)
    teff = mix[band, 1] * (mix[band, 2] / mix[band, 1]) ** share
    early = np.isin(family, (kinds.SINGLE, kinds.DISK, kinds.SHELL, kinds.P_CYGNI, kinds.FILLED_CORE))
    teff = np.where(early, 7_500.0 * 4.0**share, teff)
    return np.where(family == kinds.CHROMOSPHERIC, 2_900.0 + 2_300.0 * share, teff)


_EW_RANGE: Final = {
    kinds.SINGLE: (0.7, 60.0),
    kinds.DISK: (1.0, 50.0),
    kinds.SHELL: (2.0, 25.0),
    kinds.P_CYGNI: (2.0, 60.0),
    kinds.FILLED_CORE: (0.5, 3.5),
    kinds.NEBULAR: (0.7, 80.0),
    kinds.CHROMOSPHERIC: (0.7, 12.0),
}
"""Strength of the emission of each family, Å, drawn evenly in its logarithm."""

_FWHM_RANGE: Final = {
    kinds.SINGLE: (90.0, 420.0),
    kinds.DISK: (20.0, 90.0),
    kinds.SHELL: (15.0, 40.0),
    kinds.P_CYGNI: (120.0, 400.0),
    kinds.FILLED_CORE: (120.0, 400.0),
    kinds.NEBULAR: (15.0, 45.0),
    kinds.CHROMOSPHERIC: (40.0, 140.0),
}
"""Width of the emission (of the local broadening in a disk), km/s, drawn evenly in its logarithm."""


def _surroundings(family: IntArray, random: Random) -> dict[str, FloatArray]:
    n = len(family)
    strength, width = (_log_uniform(family, table, random) for table in (_EW_RANGE, _FWHM_RANGE))
    disky = np.isin(family, (kinds.DISK, kinds.SHELL))
    shell, wind, nebular = (family == kind for kind in (kinds.SHELL, kinds.P_CYGNI, kinds.NEBULAR))
    inclination = np.radians(np.where(shell, random.uniform(80.0, 88.0, n), random.uniform(25.0, 80.0, n)))
    absorbed = np.where(shell, random.uniform(0.1, 0.35, n), random.uniform(0.1, 0.45, n))
    usual = {
        "ew": 0.0 - strength,
        "fwhm_kms": width,
        "flatness": np.full(n, 2.0),
        "wing_height": np.full(n, 0.1),
        "wing_ratio": np.full(n, 3.0),
        "offset_kms": np.where(
            disky, 0.0, random.normal(0.0, 25.0, n) + nebular * random.normal(0.0, 30.0, n)
        ),
        "rim_kms": disky * random.uniform(35.0, 290.0, n) * np.where(shell, 1.2, 1.0),
        "inner_radius": random.uniform(0.05, 0.35, n),
        "exponent": random.uniform(1.0, 2.2, n),
        "asymmetry": disky * np.clip(random.normal(0.0, 0.22, n), -0.6, 0.6),
        "opacity": disky * random.integers(0, 2, n) * np.sin(inclination) * np.tan(inclination),
        "absorption_ew": (shell | wind) * absorbed * strength,
        "absorption_kms": wind * -width * random.uniform(0.7, 1.3, n),
        "absorption_fwhm_kms": np.where(
            shell, random.uniform(40.0, 130.0, n), width * random.uniform(0.4, 0.8, n)
        ),
        "forbidden": nebular[:, None] * np.exp(random.normal(np.log(0.3), 0.5, (n, 2))),
        "helium": (family <= kinds.SHELL) * random.uniform(0.0, 0.08, n),
    }
    return extreme.surroundings(family, usual, random)


def _log_uniform(family: IntArray, ranges: Mapping[int, tuple[float, float]], random: Random) -> FloatArray:
    """Draw by family, evenly in the logarithm; zero for families without a range."""
    low, high = np.zeros(len(FAMILIES)), np.zeros(len(FAMILIES))
    for kind, (first, last) in ranges.items():
        low[kind], high[kind] = np.log(first), np.log(last)
    share = random.uniform(size=len(family))
    value = np.exp(low[family] + (high - low)[family] * share)
    return np.where(np.isin(family, list(ranges)), value, 0.0)


def draw_exposures(stars: Stars, *, seed: int, per_star: int = 1, survey: Survey = "lamost") -> Exposures:
    """Draw `per_star` observations of every star, in the order of the stars.

    Emission varies between epochs, as that of Be stars does, and so do the
    noise, the line-spread function and the velocity; what the star is does not.

    Parameters
    ----------
    stars
        The stars.
    seed
        The same seed gives the same observations.
    per_star
        Observations of each star.
    survey
        Whose noise and line spread: LAMOST has S/N from 3 to 250 and
        sigma from 1.2 to 2.4 Å (measured on real pairs), Ondřejov R = 13 000.
    """
    random = np.random.default_rng([seed, 2])
    star = np.repeat(np.arange(len(stars)), per_star)
    n = len(star)
    lamost = survey == "lamost"
    span = LAMOST_EPOCHS if lamost else (54_000.0, 57_300.0)
    snr = draw_snr(n, random)
    helio = random.uniform(-29.0, 29.0, n)
    velocity = stars.velocity_kms[star] + random.normal(0.0, 8.0, n)
    return Exposures(
        star=star,
        epoch_mjd=np.round(random.uniform(*span, n), 5),
        snr=snr if lamost else np.exp(random.normal(np.log(140.0), 0.8, n)).clip(15.0, 600.0),
        velocity_kms=velocity if lamost else velocity - helio,
        helio_kms=helio,
        lsf_sigma=random.uniform(1.2, 2.4, n) if lamost else np.full(n, ONDREJOV_SIGMA),
        ew=stars.ew[star] * np.exp(random.normal(0.0, 0.12, n)),
        asymmetry=np.clip(
            stars.asymmetry[star] + (stars.rim_kms[star] > 0) * random.normal(0.0, 0.08, n), -0.8, 0.8
        ),
    )

"""What a simulated star is: its photosphere and what surrounds it, as arrays over many stars."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Final, Self

import numpy as np

from vo_emline.arrays import Column, FloatArray, IntArray

FAMILIES: Final = (
    "normal",
    "featureless",
    "single",
    "disk",
    "shell",
    "p-cygni",
    "filled-core",
    "nebular",
    "chromospheric",
    "accretion-disk",
    "broad-wind",
    "young",
    "supergiant-wind",
    "oversubtracted",
    "white-dwarf",
    "weak-lined",
)
"""What a star shows at Hα: a photosphere alone, no line at all (galaxies, white
dwarfs, sky), emission of one of eleven origins, the hole that a nebula leaves which was subtracted too
much, the broad absorption of a white dwarf or the weak one of a hot supergiant."""

NORMAL, FEATURELESS, SINGLE, DISK, SHELL, P_CYGNI, FILLED_CORE, NEBULAR, CHROMOSPHERIC = range(9)
ACCRETION_DISK, BROAD_WIND, YOUNG, SUPERGIANT_WIND, OVERSUBTRACTED, WHITE_DWARF, WEAK_LINED = range(9, 16)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stars:
    """Stars as a struct of arrays; every array has shape (n,) unless it says otherwise."""

    family: IntArray
    """Index into :data:`FAMILIES`."""
    ra: FloatArray
    """Right ascension, ICRS, deg."""
    dec: FloatArray
    """Declination, ICRS, deg."""
    velocity_kms: FloatArray
    """Heliocentric radial velocity of the system, km/s."""

    teff: FloatArray
    """Effective temperature, K."""
    v_sin_i_kms: FloatArray
    metallicity: FloatArray
    """Factor on the equivalent widths of the metal lines; 0 takes them away."""
    line_strength: FloatArray
    """Factor on the photospheric Hα of this temperature; 0 takes the line away."""
    wing_width: FloatArray
    """Factor on the width of the Stark wings: surface gravity."""
    molecule_strength: FloatArray
    """Factor on the molecular bands of this temperature."""
    haze: FloatArray
    """Factor on the unresolved weak lines of this temperature."""

    ew: FloatArray
    """Mean equivalent width of the circumstellar component, Å; negative is emission, 0 is none."""
    fwhm_kms: FloatArray
    """Width of a Gaussian component, or of the local broadening of a disk."""
    flatness: FloatArray
    """Order of a Gaussian component: 2 is a Gaussian, more is flat-topped."""
    wing_height: FloatArray
    """Height of the wings under a Gaussian component, relative to it."""
    wing_ratio: FloatArray
    """Width of these wings over that of the component."""
    offset_kms: FloatArray
    """Velocity of the component relative to the star."""
    rim_kms: FloatArray
    """Projected velocity of a disk's outer rim."""
    inner_radius: FloatArray
    exponent: FloatArray
    asymmetry: FloatArray
    """Amplitude of the disk's density wave, or of the violet-to-red imbalance."""
    opacity: FloatArray
    """``sin i · tan i`` of an optically thick disk."""
    absorption_ew: FloatArray
    """Equivalent width of a shell's or wind's own absorption, Å, positive."""
    absorption_kms: FloatArray
    """Velocity of that absorption relative to the star."""
    absorption_fwhm_kms: FloatArray
    forbidden: FloatArray
    """Flux of [N II] 6583 and of [S II] 6716+6731 relative to nebular Hα, shape (n, 2)."""
    helium: FloatArray
    """Emission in He I 6678 relative to that in Hα."""
    foreign_vac: FloatArray
    """Vacuum wavelengths, Å, of lines of other origin (redshifted galaxies), shape (n, lines)."""
    foreign_ew: FloatArray
    """Their equivalent widths, Å; negative for emission, 0 for none, shape (n, lines)."""
    foreign_fwhm_kms: Column
    """Their common width, km/s, shape (n,)."""

    def __len__(self) -> int:
        """Count the stars."""
        return len(self.family)

    def take(self, index: IntArray | slice) -> Self:
        """Pick stars by `index`; one star may be taken several times."""
        values = {field.name: getattr(self, field.name)[index] for field in dataclasses.fields(self)}
        return type(self)(**values)


def designation(ra: float, dec: float) -> str:
    """Name a position as LAMOST does (``J063416.35+023030.2``).

    Parameters
    ----------
    ra, dec
        ICRS, deg. Seconds are truncated, as IAU designations demand.
    """
    ra_cs = int(ra / 15.0 * 360_000.0) % 8_640_000
    dec_ds = int(abs(dec) * 36_000.0)
    hours, minutes, seconds = ra_cs // 360_000, ra_cs // 6_000 % 60, ra_cs % 6_000
    degrees, arcmin, arcsec = dec_ds // 36_000, dec_ds // 600 % 60, dec_ds % 600
    sign = "-" if dec < 0 else "+"
    return (
        f"J{hours:02d}{minutes:02d}{seconds // 100:02d}.{seconds % 100:02d}"
        f"{sign}{degrees:02d}{arcmin:02d}{arcsec // 10:02d}.{arcsec % 10}"
    )


def spectral_type(teff: float) -> str:
    """Give the spectral type of a dwarf of `teff` K (Pecaut & Mamajek 2013, rounded)."""
    position = float(np.interp(-teff, -_TYPE_TEFF, _TYPE_NUMBER))
    number = int(min(max(position, 0.0), 69.0))
    return f"{'OBAFGKM'[number // 10]}{number % 10}"


_TYPE_NUMBER: Final = np.array([5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55, 60, 62, 64, 66], dtype=float)
_TYPE_TEFF: Final = np.array(
    [41400, 31400, 15700, 9700, 8080, 7220, 6550, 5930, 5660, 5270, 4440, 3850, 3550, 3200, 2850], dtype=float
)

"""Emission of every kind: what is drawn for the families beyond Be stars, beyond nature's proportions.

Disks of cataclysmic variables are ten times as wide as those of Be stars,
winds of Wolf-Rayet stars and novae flat-topped and wider still; young stars
and symbiotic binaries have narrow cores on broad wings and absorption at any
velocity; the winds of cool supergiants absorb as much as they emit. A network
that was shown none of these calls the strongest lines there are absorption.
What is no emission belongs here too: nebulae subtracted too much, white
dwarfs, and the weak lines of hot supergiants.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from vo_emline.arrays import BoolArray, Column, FloatArray, IntArray
from vo_emline.simulate import stars as kinds
from vo_emline.simulate.stars import Stars
from vo_emline.spectra.medium import HALPHA_VAC, SPEED_OF_LIGHT_KMS

Random = np.random.Generator

WIDE: Final = (kinds.ACCRETION_DISK, kinds.BROAD_WIND)
"""Families whose lines may be wider than those of the stars themselves."""

WINDS: Final = (kinds.P_CYGNI, kinds.SUPERGIANT_WIND)
"""Families with P Cygni profiles, whose trough parts no double peak."""

NEAR_WIDTH: Final = 32.0
"""Least width over which the equivalent width of a line is integrated, Å: its noise sets σ(EW)."""

_KMS_PER_ANGSTROM: Final = SPEED_OF_LIGHT_KMS / HALPHA_VAC


def line_width(stars: Stars) -> Column:
    """Give the width over which the equivalent width of each line is integrated, Å, shape (n,)."""
    full = stars.fwhm_kms * np.where(np.isin(stars.family, WIDE), 1.0, 0.0) + 2.2 * stars.rim_kms
    return np.asarray(np.maximum(NEAR_WIDTH, 1.5 * full / _KMS_PER_ANGSTROM))


def surroundings(family: IntArray, usual: Mapping[str, FloatArray], random: Random) -> dict[str, FloatArray]:
    """Draw what surrounds the stars of the families of this module; all others keep what is usual.

    Parameters
    ----------
    family
        Family of each star, index into :data:`~vo_emline.simulate.stars.FAMILIES`, shape (n,).
    usual
        Members of :class:`~vo_emline.simulate.stars.Stars` by name, as drawn for the other families.
    random
        Where the numbers come from.
    """
    n = len(family)
    values = dict(usual)
    drawn = (
        (kinds.ACCRETION_DISK, _accretion_disk),
        (kinds.BROAD_WIND, _broad_wind),
        (kinds.YOUNG, _young),
        (kinds.SUPERGIANT_WIND, _supergiant_wind),
        (kinds.OVERSUBTRACTED, _oversubtracted),
    )
    for kind, draw in drawn:
        rows = family == kind
        for name, value in draw(n, random).items():
            mask = rows.reshape(-1, *[1] * (value.ndim - 1))
            values[name] = np.where(mask, value, values[name])
    return values


def photospheres(family: IntArray, usual: Mapping[str, FloatArray], random: Random) -> dict[str, FloatArray]:
    """Draw the stars of the families of this module; see :func:`surroundings`."""
    n = len(family)
    values = dict(usual)
    hot = _spread(n, random, 8_000.0, 40_000.0)
    any_star = _spread(n, random, 2_900.0, 20_000.0)
    faint = random.choice([0.0, 0.3, 1.0], size=n, p=[0.5, 0.3, 0.2])
    weak = random.uniform(0.05, 0.8, n)
    drawn: tuple[tuple[int, dict[str, FloatArray]], ...] = (
        (kinds.ACCRETION_DISK, {"teff": any_star, "line_strength": faint}),
        (kinds.BROAD_WIND, {"teff": hot, "line_strength": faint}),
        (kinds.YOUNG, {"teff": any_star}),
        (kinds.SUPERGIANT_WIND, _supergiant(n, random, weak)),
        (kinds.WEAK_LINED, _supergiant(n, random, weak)),
        (kinds.WHITE_DWARF, _white_dwarf(n, random)),
    )
    for kind, changes in drawn:
        for name, value in changes.items():
            values[name] = np.where(family == kind, value, values[name])
    return values


def _supergiant(n: int, random: Random, weak: FloatArray) -> dict[str, FloatArray]:
    return {
        "teff": _spread(n, random, 7_000.0, 30_000.0),
        "line_strength": weak,
        "wing_width": random.uniform(0.1, 0.7, n),
        "v_sin_i_kms": random.uniform(20.0, 150.0, n),
    }


def _white_dwarf(n: int, random: Random) -> dict[str, FloatArray]:
    return {
        "teff": _spread(n, random, 7_500.0, 25_000.0),
        "line_strength": random.uniform(0.5, 1.7, n),
        "wing_width": random.uniform(1.2, 4.0, n),
        "metallicity": np.zeros(n),
    }


def _accretion_disk(n: int, random: Random) -> dict[str, FloatArray]:
    return {
        "ew": -_spread(n, random, 3.0, 300.0),
        "rim_kms": _spread(n, random, 120.0, 1100.0),
        "fwhm_kms": _spread(n, random, 80.0, 700.0),
        "inner_radius": random.uniform(0.02, 0.35, n),
        "exponent": random.uniform(0.8, 2.2, n),
        "asymmetry": np.clip(random.normal(0.0, 0.25, n), -0.7, 0.7),
        "opacity": random.integers(0, 2, n) * random.uniform(0.2, 4.0, n),
        "offset_kms": np.zeros(n),
        "helium": _sometimes(n, random, 0.8) * random.uniform(0.02, 0.30, n),
    }


def _broad_wind(n: int, random: Random) -> dict[str, FloatArray]:
    width = _spread(n, random, 400.0, 4000.0)
    strength = _spread(n, random, 3.0, 400.0)
    absorbs = _sometimes(n, random, 0.3)
    return {
        "ew": -strength,
        "fwhm_kms": width,
        "flatness": np.where(_sometimes(n, random, 0.5) > 0, random.uniform(2.0, 10.0, n), 2.0),
        "wing_height": _sometimes(n, random, 0.5) * random.uniform(0.0, 0.3, n),
        "offset_kms": random.normal(0.0, 120.0, n),
        "absorption_ew": absorbs * random.uniform(0.02, 0.25, n) * strength,
        "absorption_kms": -width * random.uniform(0.6, 1.0, n),
        "absorption_fwhm_kms": width * random.uniform(0.2, 0.5, n),
        "helium": _sometimes(n, random, 0.7) * random.uniform(0.02, 0.6, n),
    }


def _young(n: int, random: Random) -> dict[str, FloatArray]:
    strength, width = _spread(n, random, 1.0, 150.0), _spread(n, random, 60.0, 500.0)
    absorbs, jets = _sometimes(n, random, 0.5), _sometimes(n, random, 0.2)
    return {
        "ew": -strength,
        "fwhm_kms": width,
        "wing_height": random.uniform(0.0, 0.6, n),
        "wing_ratio": _spread(n, random, 2.0, 8.0),
        "offset_kms": random.normal(0.0, 40.0, n),
        "absorption_ew": absorbs * random.uniform(0.03, 0.5, n) * strength,
        "absorption_kms": width * random.uniform(-1.2, 1.2, n),
        "absorption_fwhm_kms": width * random.uniform(0.2, 0.8, n),
        "forbidden": jets[:, None] * _spread(2 * n, random, 0.01, 0.3).reshape(n, 2),
        "helium": _sometimes(n, random, 0.5) * random.uniform(0.0, 0.1, n),
    }


def _supergiant_wind(n: int, random: Random) -> dict[str, FloatArray]:
    strength, width = _spread(n, random, 0.7, 40.0), _spread(n, random, 60.0, 350.0)
    inverse = np.where(_sometimes(n, random, 0.25) > 0, 1.0, -1.0)
    return {
        "ew": -strength,
        "fwhm_kms": width,
        "wing_height": random.uniform(0.0, 0.2, n),
        "offset_kms": -inverse * width * random.uniform(0.0, 0.4, n),
        "absorption_ew": random.uniform(0.25, 1.3, n) * strength,
        "absorption_kms": inverse * width * random.uniform(0.6, 1.6, n),
        "absorption_fwhm_kms": width * random.uniform(0.5, 1.2, n),
    }


def _oversubtracted(n: int, random: Random) -> dict[str, FloatArray]:
    return {
        "ew": _spread(n, random, 0.1, 6.0),
        "fwhm_kms": _spread(n, random, 15.0, 50.0),
        "offset_kms": random.normal(0.0, 35.0, n),
        "forbidden": np.exp(random.normal(np.log(0.3), 0.6, (n, 2))),
    }


def _spread(n: int, random: Random, low: float, high: float) -> FloatArray:
    """Draw evenly in the logarithm."""
    return np.asarray(np.exp(random.uniform(np.log(low), np.log(high), n)))


def _sometimes(n: int, random: Random, share: float) -> FloatArray:
    """Give 1 for a share of the rows and 0 for the others."""
    return np.asarray((random.uniform(size=n) < share).astype(np.float64))


def is_wide(family: IntArray) -> BoolArray:
    """Tell the families of :data:`WIDE`."""
    return np.isin(family, WIDE)

"""The population to train on: emission around stars of any temperature, as weak as can be seen.

A network that has met disks around hot stars alone takes the narrow core of a
cool one for the dip between two peaks, and has no idea of lines that a
spectrum of high S/N just shows. For training, therefore, half of the emitters get the
photosphere of any star of the survey (as young stars, symbiotic and other
binaries have), and all of them lines evenly spread over the logarithm of
their significance.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Final

import numpy as np

from vo_emline.simulate.hosts import draw_ew
from vo_emline.simulate.kinds import line_width
from vo_emline.simulate.population import Exposures, draw_stars, rotation_share
from vo_emline.simulate.stars import Stars

FRACTIONS: Final[Mapping[str, float]] = {
    "normal": 0.35,
    "featureless": 0.05,
    "oversubtracted": 0.02,
    "white-dwarf": 0.04,
    "weak-lined": 0.04,
    "single": 0.06,
    "disk": 0.07,
    "shell": 0.06,
    "p-cygni": 0.03,
    "nebular": 0.07,
    "filled-core": 0.02,
    "chromospheric": 0.02,
    "accretion-disk": 0.07,
    "broad-wind": 0.04,
    "young": 0.04,
    "supergiant-wind": 0.03,
}
"""Shares of the families of stars: every shape of emission about as often."""

NO_EMISSION: Final = frozenset({"normal", "featureless", "oversubtracted", "white-dwarf", "weak-lined"})
"""Families without emission."""

SIGNIFICANCE: Final = (8.0, 200.0)
"""Range of |EW|/σ(EW) of the lines, drawn evenly in its logarithm.

σ(EW) is that of the photons alone (:func:`~vo_emline.simulate.hosts.draw_ew`). Measured errors are some
2.8 times as large: the continuum has to be placed, and pipelines overstate the noise. Weaker lines cannot be
told from noise; called emission, they would make a network distrust spectra without.
"""

ANY_STAR: Final = 0.5
"""Share of the emitters that get the photosphere of any star of the survey."""


def any_photosphere(stars: Stars, *, seed: int, share: float = ANY_STAR) -> Stars:
    """Give a share of the emitters the photospheres of ordinary stars of the survey."""
    others = draw_stars(len(stars), seed=seed + 1, fractions={"normal": 1.0})
    random = np.random.default_rng([seed, 20])
    swapped = (stars.ew != 0) & (random.uniform(size=len(stars)) < share)
    teff = np.where(swapped, others.teff, stars.teff)
    rotation = stars.v_sin_i_kms * rotation_share(teff) / rotation_share(stars.teff)
    return dataclasses.replace(stars, teff=teff, v_sin_i_kms=rotation)


def any_strength(exposures: Exposures, stars: Stars, *, seed: int) -> Exposures:
    """Give emission of every significance, where there is any."""
    random = np.random.default_rng([seed, 21])
    drawn = draw_ew(1.0 / exposures.snr, SIGNIFICANCE, random, width=line_width(stars.take(exposures.star)))
    return dataclasses.replace(exposures, ew=np.where(exposures.ew < 0, drawn, exposures.ew))

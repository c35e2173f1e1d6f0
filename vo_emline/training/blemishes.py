"""What is no emission and must be shown: holes of nebulae subtracted too much, and hot pixels."""

from __future__ import annotations

import dataclasses
import math
from typing import Final

import numpy as np

from vo_emline.preprocess.options import PreprocessOptions
from vo_emline.preprocess.prepare import finish
from vo_emline.preprocess.windows import GRID, WindowSet
from vo_emline.simulate.hosts import line_spreads, relative_noise
from vo_emline.simulate.injection import draw_light, put_in
from vo_emline.simulate.training_population import SIGNIFICANCE
from vo_emline.spectra.medium import HALPHA_VAC, SPEED_OF_LIGHT_KMS

OVERSUBTRACTED: Final = 0.06
"""Share of the negatives that get the hole of a nebula."""

HOT_PIXELS: Final = 0.01
"""Share of the negatives that get a hot pixel near Hα."""

HOT: Final = (5.0, 200.0)
"""Range of the height of a hot pixel, in standard deviations of the noise."""

NEAR_KMS: Final = 900.0
"""Hot pixels lie within this velocity of Hα."""


def blemish(negatives: WindowSet, *, seed: int, options: PreprocessOptions) -> WindowSet:
    """Spoil shares of the negatives, each by one blemish; the others stay as they are.

    Parameters
    ----------
    negatives
        Windows of survey spectra without emission.
    seed
        Decides which are spoilt and how.
    options
        How the windows were prepared.
    """
    random = np.random.default_rng([seed, 31])
    lot = random.uniform(size=len(negatives))
    usable = np.isfinite(relative_noise(negatives))
    holes = np.flatnonzero(usable & (lot < OVERSUBTRACTED))
    hot = np.flatnonzero(usable & (lot >= OVERSUBTRACTED) & (lot < OVERSUBTRACTED + HOT_PIXELS))
    flux, ivar, continuum = negatives.flux.copy(), negatives.ivar.copy(), negatives.continuum.copy()
    for rows, spoil in ((holes, _with_hole), (hot, _with_hot_pixel)):
        if rows.size:
            spoilt = spoil(negatives.take(rows), random, options)
            flux[rows], ivar[rows], continuum[rows] = spoilt.flux, spoilt.ivar, spoilt.continuum
    return dataclasses.replace(negatives, flux=flux, ivar=ivar, continuum=continuum)


def _with_hole(hosts: WindowSet, random: np.random.Generator, options: PreprocessOptions) -> WindowSet:
    light = draw_light(
        hosts,
        seed=int(random.integers(2**31)),
        fractions={"oversubtracted": 1.0},
        spread=line_spreads(len(hosts), random),
        significance=SIGNIFICANCE,
        random=random,
    )
    flux, ivar = put_in(hosts, light.component, ew=light.exposures.ew, random=random)
    return finish(flux, ivar, identity=hosts.identity, options=options)


def _with_hot_pixel(hosts: WindowSet, random: np.random.Generator, options: PreprocessOptions) -> WindowSet:
    flux, ivar = hosts.unscaled()
    n = len(hosts)
    velocity = random.uniform(-1.0, 1.0, n) * NEAR_KMS * np.abs(random.uniform(-1.0, 1.0, n))
    place = np.interp(HALPHA_VAC * (1.0 + velocity / SPEED_OF_LIGHT_KMS), GRID, np.arange(GRID.size))
    left, rows = np.floor(place).astype(np.int64), np.arange(n)
    low, high = (math.log(limit) for limit in HOT)
    height = np.exp(random.uniform(low, high, n)) * relative_noise(hosts) * np.abs(np.median(flux, axis=1))
    share = place - left
    flux[rows, left] += height * (1.0 - share)
    flux[rows, left + 1] += height * share
    return finish(flux, ivar, identity=hosts.identity, options=options)

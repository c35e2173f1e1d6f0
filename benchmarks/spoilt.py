"""How many real spectra, spoilt on purpose, the model that ships calls sure candidates.

``make bench-spoilt SPOILT="--spectra DIR"`` spoils spectra that it calls absorption, in each of many ways.
*Sure* is a positive label without ``uncertain``, which every artefact brings.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from vo_emline.arrays import Column
from vo_emline.preprocess import PreprocessOptions, needed_wavelengths
from vo_emline.preprocess.artefacts import find_artefacts
from vo_emline.preprocess.prepare import prepare
from vo_emline.preprocess.windows import GRID, Prepared, WindowSet
from vo_emline.rundir import DEFAULT_MODEL
from vo_emline.simulate.hosts import can_host
from vo_emline.simulate.injection import inject
from vo_emline.spectra import HALPHA_VAC, Spectrum, find_spectra, read_part_or_reject
from vo_emline.survey import SurveyOptions, score
from vo_emline.survey.model import Scorer, load_scorer

OPTIONS: Final = PreprocessOptions()

KINDS: Final = (
    "single", "disk", "shell", "p-cygni", "supergiant-wind", "young", "chromospheric", "nebular",
    "filled-core", "accretion-disk", "broad-wind",
)  # fmt: skip

STRONG: Final = 10.0
"""Lines that are put in count from so many σ(EW)."""

SURVEY_SPREAD: Final = 1.549
"""σ of LAMOST's line spread at Hα, Å."""

Spoil = Callable[[Column, Column, np.random.Generator], Column]
"""From flux over continuum and distances from Hα, Å, make what is spoilt."""


def _height(random: np.random.Generator) -> float:
    return float(np.exp(random.uniform(np.log(0.2), np.log(8.0))))


def _near(away: Column, random: np.random.Generator, low: int = -5, high: int = 4) -> int:
    return int(np.argmin(np.abs(away))) + int(random.integers(low, high))


def hot(width: int) -> Spoil:
    """Neighbouring hot pixels, of half to all of a height."""

    def spoil(flux: Column, away: Column, random: np.random.Generator) -> Column:
        first = _near(away, random)
        flux[first : first + width] += _height(random) * random.uniform(0.5, 1.0, width)
        return flux

    return spoil


def ray(width: int) -> Spoil:
    """Whole pixels of one height, and a part of one at either end."""

    def spoil(flux: Column, away: Column, random: np.random.Generator) -> Column:
        first, height = _near(away, random), _height(random)
        flux[first : first + width] += height
        flux[[first - 1, first + width]] += height * random.uniform(0.0, 1.0, 2)
        return flux

    return spoil


def slanted(flux: Column, away: Column, random: np.random.Generator) -> Column:
    """Add a track across the fibre: uneven, weighted by the fibre's profile, shifted by part of a pixel."""
    width, first = int(random.integers(2, 7)), _near(away, random)
    middle, across = random.uniform(0.0, width - 1.0), random.uniform(0.8, 3.0)
    track = np.zeros(flux.size)
    track[first : first + width] = np.exp(-0.5 * np.square((np.arange(width) - middle) / across))
    track[first : first + width] *= random.lognormal(0.0, 0.25, width)
    share = random.uniform()
    track = (1.0 - share) * track + share * np.roll(track, 1)
    return np.asarray(flux + track * float(np.exp(random.uniform(np.log(0.3), np.log(10.0)))) / track.max())


def flat(flux: Column, away: Column, random: np.random.Generator) -> Column:
    """Give one value to three to nine pixels of the core."""
    first = _near(away, random, -6, 2)
    flux[first : first + int(random.integers(3, 10))] = 1.0 + _height(random)
    return flux


def lost(flux: Column, away: Column, random: np.random.Generator) -> Column:
    """Put zeros into one to five pixels of the line."""
    first = _near(away, random)
    flux[first : first + int(random.integers(1, 6))] = 0.0
    return flux


def gap(flux: Column, away: Column, random: np.random.Generator) -> Column:
    """Put zeros over 8 to 40 Å of the window."""
    middle, half = random.uniform(-60.0, 60.0), random.uniform(4.0, 20.0)
    return np.where(np.abs(away - middle) < half, 0.0, flux)


def step(flux: Column, away: Column, random: np.random.Generator) -> Column:
    """Step by 25 to 60 % within 30 Å of the line."""
    factor = 1.0 + random.choice([-1.0, 1.0]) * random.uniform(0.25, 0.6)
    return np.where(away > random.uniform(-30.0, 30.0), flux * factor, flux)


def join(flux: Column, away: Column, random: np.random.Generator) -> Column:
    """Join another order: another level and slope."""
    place = random.uniform(-40.0, 40.0)
    other = flux * (1.0 + random.uniform(-0.15, 0.15) + random.uniform(-0.003, 0.003) * (away - place))
    return np.where(away > place, other, flux)


def levels(number: int) -> Spoil:
    """Quantise to so many levels between the 1st and 99th percentile."""

    def spoil(flux: Column, away: Column, _: np.random.Generator) -> Column:
        low, high = np.percentile(flux[np.abs(away) < 170.0], (1, 99))
        steps = number - 1
        return np.asarray(
            low + np.round(steps * np.clip((flux - low) / (high - low), 0, 1)) * (high - low) / steps
        )

    return spoil


def cut(*, above: bool) -> Spoil:
    """Cut at a percentile from 20 to 90, or from 10 to 80."""

    def spoil(flux: Column, away: Column, random: np.random.Generator) -> Column:
        part = flux[np.abs(away) < 170.0]
        if above:
            return np.minimum(flux, np.percentile(part, random.uniform(20, 90)))
        return np.maximum(flux, np.percentile(part, random.uniform(10, 80)))

    return spoil


WAYS: Final[dict[str, Spoil]] = {
    "one hot pixel": hot(1),
    **{f"{width} hot pixels": hot(width) for width in (2, 3, 4)},
    **{f"ray of {width} whole pixels and parts": ray(width) for width in (2, 3, 4, 5)},
    "slanted track": slanted,
    "core of one value": flat,
    "zeros in 1-5 pixels": lost,
    "zeros over 8-40 Å": gap,
    "step of 25-60 %": step,
    "order join": join,
    "cut from above": cut(above=True),
    "cut from below": cut(above=False),
    "3 levels": levels(3),
    "12 levels": levels(12),
    "negated": lambda flux, _away, _random: -flux,
}


def spoil(one: Spectrum, way: Spoil, random: np.random.Generator) -> Spectrum:
    """Spoil a spectrum in one way."""
    away = one.wavelength_vac - HALPHA_VAC
    level = float(np.abs(np.median(one.flux[np.abs(away) < 170.0])))
    return replace(one, flux=level * way(one.flux.astype(np.float64) / level, away, random))


def judge(spectra: list[Spectrum], scorer: Scorer) -> list[dict[str, Any]]:
    """Classify spectra as the program does."""
    windows, rejects = prepare(spectra, OPTIONS)
    table, _ = score(Prepared(windows, tuple(rejects)), scorer, options=SurveyOptions())
    return list(table.to_pylist())


def price(windows: WindowSet, seed: int) -> None:
    """Say how many lines over 10 σ(EW), put into windows without emission, are called spikes."""
    hosts = windows.take(np.flatnonzero(can_host(windows)))
    for kind in KINDS:
        lines = inject(hosts, 1500, seed=seed, kinds=(kind,))
        strong = np.flatnonzero(np.array(lines.truth["ew_significance"]) > STRONG)
        flux = lines.windows.take(strong).unscaled()[0].astype(np.float64)
        none = np.zeros(flux.shape, dtype=bool)
        found = find_artefacts(flux, none, wavelength_vac=GRID, line_spread=SURVEY_SPREAD)["artefact_spike"]
        sys.stdout.write(f"{kind:36s} {strong.size:5d} {100 * found.mean():8.1f} % spikes\n")


def main() -> None:
    """Read, spoil, judge and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--spectra", type=Path, required=True)
    parser.add_argument("--n", type=int, default=150)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--half", type=int, choices=(0, 1), default=0, help="every other file, from this one")
    given = parser.parse_args()
    scorer = load_scorer(DEFAULT_MODEL, SurveyOptions())
    paths = list(find_spectra([given.spectra]))[given.half :: 2]
    read = [read_part_or_reject(str(path), between=needed_wavelengths(OPTIONS)) for path in paths]
    spectra = [one for one in read if isinstance(one, Spectrum)]
    none = [one for one in spectra if [row["label"] for row in judge([one], scorer)] == ["absorption"]]
    random = np.random.default_rng(given.seed)
    hosts = [none[row] for row in random.permutation(len(none))[: given.n]]
    sys.stdout.write(f"{'spoilt by':36s} {'n':>5s} {'positive':>9s} {'sure':>5s}\n")
    for name, way in WAYS.items():
        found = judge([spoil(one, way, random) for one in hosts], scorer)
        positive = [row["flags"].split() for row in found if row["label"] != "absorption"]
        sure = sum("uncertain" not in flags for flags in positive)
        sys.stdout.write(f"{name:36s} {len(found):5d} {len(positive):9d} {sure:5d}\n")
    windows, _ = prepare(none, OPTIONS)
    price(windows, given.seed)


if __name__ == "__main__":
    main()

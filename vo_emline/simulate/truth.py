"""What is true of a simulated spectrum, and the rule that names its class."""

from __future__ import annotations

import dataclasses
import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyarrow import csv
from pyarrow import parquet as pq

from vo_emline.arrays import Column, FloatArray, IntArray
from vo_emline.files import atomic_path
from vo_emline.labels import ABSORPTION, DOUBLE_PEAK, EMISSION, LABELS
from vo_emline.measure.shape import DIP
from vo_emline.simulate.grids import Grid
from vo_emline.simulate.kinds import WINDS, is_wide
from vo_emline.simulate.population import Exposures, Survey
from vo_emline.simulate.stars import FAMILIES, Stars
from vo_emline.simulate.synthesis import Ideal, synthesise
from vo_emline.spectra.medium import HALPHA_VAC

TRUTH_GRID: Final = Grid.covering(6440.0, 6790.0, step_kms=20.0)
"""Wavelengths on which truth is measured."""

LAMOST_PIXEL: Final = HALPHA_VAC * 1e-4 * float(np.log(10.0))
"""Width of a LAMOST pixel at Hα, Å."""

VISIBLE: Final = 5.0
"""Significance from which on emission is expected to be seen."""

SURVEY_SIGMA: Final = 1.76
"""Median line-spread sigma of LAMOST at Hα, Å, measured on stars that both instruments saw:
the resolution at which labels of better-resolved spectra are defined."""

COMPONENT_DIP: Final = 0.03
"""… and where the circumstellar component alone, without the star, has at least this dip:
a broad single line on a narrow photospheric core is no double one."""

PEAK: Final = 0.10
"""A maximum of a line is a peak of emission where the circumstellar component alone is at least this share
of its greatest height. Blueward of the trough of a wind (P Cygni) its wing makes a maximum of 3 to 6 %,
which is no second peak; the weaker peak of a disk or a shell has 16 % and more."""

PEAKS_KMS: Final = 500.0
"""Maxima count within this velocity of the star's own."""

FEET_KMS: Final = 900.0
"""The feet of a line are looked for within this velocity of the star's own."""

WIDER: Final = 3.5
"""Both reach so many times as far for accretion disks and broad winds."""

BANDED: Final = 4_200.0
"""Below this temperature molecular bands shape the continuum, K."""

LEAST_HEIGHT: Final = 0.05
LEAST_HEIGHT_BANDED: Final = 0.3
"""Wide lines are seen from this height over the continuum; the second where there are bands."""

LOPSIDED: Final = 2.0
"""The trough of a wind leaves one peak where one maximum is more than this many times the other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What the noise-free profiles look like, each shape (n,)."""

    dip: FloatArray
    """Depth of the dip between two maxima over the height of the line; 0 where there is one maximum."""
    component_dip: FloatArray
    """The same of the circumstellar component alone."""
    separation_kms: FloatArray
    """Velocity between the two maxima of the observed line; 0 where there is one."""
    violet_to_red: FloatArray
    """Height of the violet over that of the red maximum, above the photosphere; NaN where there is one."""


def classify(ew: Column, shape: Shape) -> npt.NDArray[np.int64]:
    """Name the class of spectra, as indices into :data:`vo_emline.labels.LABELS`.

    A spectrum is *absorption* where nothing surrounds the star; *double-peak*
    where something does and, without noise and at the survey's resolution, the
    dip is at least :data:`DIP` in the observed line and :data:`COMPONENT_DIP`
    in the component alone; *emission* otherwise.

    Parameters
    ----------
    ew
        Equivalent width of the circumstellar component, Å, negative for emission, shape (n,); 0 is none.
    shape
        The shapes of the lines.
    """
    double = (shape.dip >= DIP) & (shape.component_dip >= COMPONENT_DIP)
    return np.where(ew >= 0, ABSORPTION, np.where(double, DOUBLE_PEAK, EMISSION))


def measure_shape(ideal: Ideal, exposures: Exposures, *, family: IntArray | None = None) -> Shape:
    """Find the two maxima with the deepest dip between them in each noise-free line.

    The height of a line is that of the higher maximum above the lower of the
    dip and the line's feet (the minima beyond the maxima), so that a bump on
    the flank of a photospheric line counts as little as it shows.

    Parameters
    ----------
    ideal
        Spectra at the resolution at which the class is defined.
    exposures
        The observations they are of.
    family
        Family of the star of each observation, shape (n,): the maxima of the lines of an accretion disk lie
        further apart than those of others, and a trough of a wind parts no two peaks. None for none of these.
    """
    velocity = ideal.grid.velocity_kms(HALPHA_VAC)
    flux = ideal.flux
    rows = np.tile([0.0, 0.0, 0.0, np.nan], (len(exposures), 1))
    kind = np.zeros(len(exposures), dtype=np.int64) if family is None else family
    scale = np.where(is_wide(kind), WIDER, 1.0)
    for i in np.flatnonzero(exposures.ew < 0):
        near = np.abs(velocity - exposures.velocity_kms[i]) < FEET_KMS * scale[i]
        rows[i] = _shape(
            (velocity[near] - exposures.velocity_kms[i]) / scale[i],
            flux[i, near],
            ideal.surroundings[i, near],
        )
    dip, component_dip, separation, ratio = rows.T
    two_peaks = (dip > 0) & (np.maximum(ratio, 1.0 / ratio) < LOPSIDED)
    parted = ~np.isin(kind, WINDS) | two_peaks
    dip, component_dip = np.where(parted, dip, 0.0), np.where(parted, component_dip, 0.0)
    separation = separation * scale
    return Shape(dip=dip, component_dip=component_dip, separation_kms=separation, violet_to_red=ratio)


def _shape(
    velocity: FloatArray, flux: FloatArray, component: FloatArray
) -> tuple[float, float, float, float]:
    """Give the two dips, the separation (km/s) and V/R of one line."""
    dip, violet, red = _deepest_dip(velocity, flux, component)
    component_dip, _, _ = _deepest_dip(velocity, component, component)
    if dip == 0:
        return 0.0, component_dip, 0.0, np.nan
    return dip, component_dip, velocity[red] - velocity[violet], component[violet] / component[red]


def _deepest_dip(velocity: FloatArray, line: FloatArray, component: FloatArray) -> tuple[float, int, int]:
    """Give the deepest dip between two maxima of `line`, and the pixels of the maxima."""
    inner = line[1:-1]
    maxima = 1 + np.flatnonzero((inner > line[:-2]) & (inner >= line[2:]))
    maxima = maxima[(np.abs(velocity[maxima]) < PEAKS_KMS) & (component[maxima] > PEAK * component.max())]
    pairs = itertools.combinations(maxima.tolist(), 2)
    return max(((_dip(line, violet, red), violet, red) for violet, red in pairs), default=(0.0, 0, 0))


def _dip(line: FloatArray, violet: int, red: int) -> float:
    """Give the dip between two maxima as a share of the line's height."""
    trough = line[violet:red].min()
    foot = max(line[: violet + 1].min(), line[red:].min())
    height = max(line[violet], line[red]) - min(trough, foot)
    return float((min(line[violet], line[red]) - trough) / height) if height > 0 else 0.0


def expected_significance(ideal: Ideal, *, snr: Column, pixel: float) -> FloatArray:
    """Estimate |EW|/σ(EW) of the circumstellar component, were the photosphere known.

    Matched-filter estimate: the root of the summed squares of the component
    over the noise of each pixel, shape (n,).

    Parameters
    ----------
    ideal
        Noise-free spectra.
    snr
        Signal-to-noise ratio per pixel in the continuum, shape (n,).
    pixel
        Width of a pixel at Hα, Å.
    """
    wavelength = ideal.grid.wavelength_vac
    near = np.abs(wavelength - HALPHA_VAC) < 40.0
    step = float(np.mean(np.diff(wavelength[near])))
    excess = np.square(ideal.surroundings[:, near]) / np.maximum(ideal.flux[:, near], 0.1)
    return np.asarray(snr * np.sqrt(excess.sum(axis=1) * step / pixel))


def truth_table(stars: Stars, exposures: Exposures, *, survey: Survey, seed: int, pixel: float) -> pa.Table:
    """Tabulate what is true of `exposures`, one row each.

    Parameters
    ----------
    stars, exposures
        The population; the class is defined at `exposures.lsf_sigma`.
    survey
        Which survey saw them.
    seed
        The population's seed.
    pixel
        Width of the survey's pixels at Hα, Å.
    """
    ideal = synthesise(stars, exposures, grid=TRUTH_GRID, seed=seed)
    return tabulate(stars, exposures, ideal, survey=survey, seed=seed, pixel=pixel)


def at_survey_resolution(exposures: Exposures) -> Exposures:
    """Give the observations the line spread of the survey: the resolution of the labels."""
    return dataclasses.replace(exposures, lsf_sigma=np.full(len(exposures), SURVEY_SIGMA))


def tabulate(
    stars: Stars, exposures: Exposures, ideal: Ideal, *, survey: Survey, seed: int, pixel: float
) -> pa.Table:
    """Tabulate what is true of `exposures`, given their noise-free spectra; see :func:`truth_table`."""
    observed = stars.take(exposures.star)
    shape = measure_shape(ideal, exposures, family=observed.family)
    index = classify(exposures.ew, shape)
    significance = expected_significance(ideal, snr=exposures.snr, pixel=pixel)
    columns = {
        "object_name": [object_name(survey, star, seed=seed) for star in exposures.star.tolist()],
        "survey": [survey] * len(exposures),
        "family": [FAMILIES[kind] for kind in observed.family.tolist()],
        "label": [LABELS[i] for i in index.tolist()],
        "doubtful": is_doubtful(exposures.ew, shape.dip, significance) | is_lost(ideal, exposures, observed),
        "ew": exposures.ew - shell_share(observed, exposures),
        "significance": significance,
        "dip": shape.dip,
        "component_dip": shape.component_dip,
        "separation_kms": shape.separation_kms,
        "violet_to_red": pa.array(shape.violet_to_red, from_pandas=True),
    }
    columns |= {name: getattr(exposures, name) for name in ("snr", "lsf_sigma", "velocity_kms", "epoch_mjd")}
    columns |= {name: getattr(observed, name) for name in ("ra", "dec", "teff", "v_sin_i_kms")}
    return pa.table(columns)


def shell_share(observed: Stars, exposures: Exposures) -> Column:
    """Equivalent width that shells and winds absorb at the epochs, negative, Å, shape (n,)."""
    return -observed.absorption_ew * exposures.ew / np.where(observed.ew == 0, 1.0, observed.ew)


def is_doubtful(ew: FloatArray, dip: FloatArray, significance: FloatArray) -> npt.NDArray[np.bool_]:
    """Tell the spectra that a careful eye would call *unknown*.

    They are emission below :data:`VISIBLE` sigma, and dips within a third of :data:`DIP`.
    """
    borderline = np.abs(dip / DIP - 1.0) < 1.0 / 3.0
    return np.asarray((ew < 0) & (borderline | (significance < VISIBLE)))


def is_lost(ideal: Ideal, exposures: Exposures, observed: Stars) -> npt.NDArray[np.bool_]:
    """Tell the wide lines that are lost in noise, in the continuum, or between molecular bands.

    However significant they are in sum: nobody can place a continuum well enough to see them.
    """
    least = np.where(observed.teff < BANDED, LEAST_HEIGHT_BANDED, LEAST_HEIGHT)
    low = ideal.surroundings.max(axis=1) < np.maximum(least, 2.0 / exposures.snr)
    return np.asarray(is_wide(observed.family) & low)


def object_name(survey: Survey, star: int, *, seed: int) -> str:
    """Name the `star`-th star of a population: one name per star, for splitting by it."""
    return f"SIM {survey[0].upper()}{seed:03d}-{star:06d}"


def write_truth(path: Path, truth: pa.Table) -> None:
    """Write a truth table to `path`, Parquet or CSV by its suffix."""
    with atomic_path(path) as temporary:
        if path.suffix == ".parquet":
            pq.write_table(truth, temporary)
        else:
            csv.write_csv(truth, temporary)

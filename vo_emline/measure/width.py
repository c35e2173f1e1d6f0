"""Equivalent width and its error."""

from __future__ import annotations

from typing import Final

import numpy as np

from vo_emline.arrays import BoolArray, FloatArray
from vo_emline.measure.baseline import Baseline
from vo_emline.spectra.medium import HALPHA_VAC

LINE_HALF_WIDTH: Final = 16.0
"""The line is integrated within this distance of Hα, Å (±730 km/s)."""

CORES: Final = ((3.5, 8.0), (6.5, 12.0))
"""Half widths, Å, of the cores in which something may stick out, and of the surroundings of each."""


def within(baseline: Baseline, half_width: float) -> BoolArray:
    """Tell the pixels within `half_width` Å of Hα, shape (k,)."""
    return np.asarray(np.abs(baseline.wavelength_vac - HALPHA_VAC) <= half_width)


def equivalent_width(
    baseline: Baseline, *, half_width: float = LINE_HALF_WIDTH
) -> tuple[FloatArray, FloatArray]:
    """Measure ``W = Σ (1 - F/Fc) Δλ`` and its standard deviation.

    The error adds the noise of the pixels and that of the continuum
    (Chalabaev & Maillard 1983, A&A 127, 279, appendix A), the former with the
    correlation that resampling and blurring leave:
    ``σ² = q Σ σᵢ² Δλ² + (σ(Fc)/Fc · (Σ Δλ - W))²``. For white photon noise it
    is that of Vollmann & Eversberg (2006, AN 327, 862, eq. 7).

    Parameters
    ----------
    baseline
        The spectra.
    half_width
        Distance from Hα to which to integrate, Å.

    Returns
    -------
    tuple
        Equivalent width and its standard deviation, Å, shape (n,) each;
        emission is **negative**.
    """
    near = within(baseline, half_width)
    step = baseline.step[near]
    width = (1.0 - baseline.ratio[:, near]) @ step
    pixels = baseline.correlation * (np.square(baseline.sigma[:, near]) @ np.square(step))
    continuum = np.square(baseline.continuum_sigma * (step.sum() - width))
    return np.asarray(width), np.asarray(np.sqrt(pixels + continuum))


def local_excess(baseline: Baseline) -> tuple[FloatArray, FloatArray]:
    """Measure how much the core of Hα sticks out of its immediate surroundings.

    The flux in a core is compared with the mean of the shoulders on either
    side, which lie inside a photospheric line where there is one. Photospheric
    lines give a negative excess, emission a positive one even where all of it
    stays below the continuum. Of the :data:`CORES` the more significant counts.

    Returns
    -------
    tuple
        Excess and its standard deviation, Å, shape (n,) each.
    """
    candidates = [_excess(baseline, core=core, reach=reach) for core, reach in CORES]
    excess, error = (np.stack(values) for values in zip(*candidates, strict=True))
    best = np.argmax(np.nan_to_num(excess / error, nan=-np.inf), axis=0)
    rows = np.arange(len(best))
    return excess[best, rows], error[best, rows]


def _excess(baseline: Baseline, *, core: float, reach: float) -> tuple[FloatArray, FloatArray]:
    """Give the excess within `core` Å of Hα over the shoulders that end at `reach` Å, and its error."""
    inside = within(baseline, core)
    shoulders = within(baseline, reach) & ~inside
    blue, red = (
        shoulders & (baseline.wavelength_vac < HALPHA_VAC),
        shoulders & (baseline.wavelength_vac > HALPHA_VAC),
    )
    step = baseline.step[inside]
    level = 0.5 * (baseline.ratio[:, blue].mean(axis=1) + baseline.ratio[:, red].mean(axis=1))
    excess = baseline.ratio[:, inside] @ step - level * step.sum()
    pixels = np.square(baseline.sigma[:, inside]) @ np.square(step)
    reference = np.square(baseline.sigma[:, shoulders]).mean(axis=1) * step.sum() ** 2 / shoulders.sum()
    return excess, np.sqrt(baseline.correlation * (pixels + reference))

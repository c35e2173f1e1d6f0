"""Flags of the measured line: a nebula, lost pixels, a crowded neighbourhood."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from vo_emline.arrays import BoolArray
from vo_emline.measure.baseline import SIDE_BANDS, Baseline
from vo_emline.measure.lines import measure_baseline, window_baseline
from vo_emline.measure.shape import KMS_PER_ANGSTROM
from vo_emline.measure.width import LINE_HALF_WIDTH
from vo_emline.preprocess.windows import GRID, WindowSet
from vo_emline.spectra.medium import HALPHA_VAC

FORBIDDEN_VAC: Final = (6585.27, 6718.29)
"""[N II] 6583 and [S II] 6716 in vacuum, Å: the stronger line of each pair, and both clear of Hα."""

NARROW_KMS: Final = 300.0
"""A line of smaller full width is not resolved by LAMOST, or hardly."""

LINE_SIGNIFICANCE: Final = 4.0
"""A forbidden line is there where it is so many times its error."""

LOST_SHARE: Final = 0.1
"""A line has low coverage where more of its pixels, or of those of its side bands, are bad."""

CROWDED: Final = 2.5
"""The neighbourhood is crowded where the side bands scatter by so many times the stated noise. The noise
alone gives 0.5 to 0.9, because LAMOST overstates it."""


_BANDS: Final = tuple((0.5 * (first + last), 0.5 * (last - first)) for first, last in SIDE_BANDS)


def nebular(windows: WindowSet) -> BoolArray:
    """Tell narrow lines with [N II] or [S II] beside them at the same velocity, shape (n,)."""
    baseline = window_baseline(windows)
    lines = measure_baseline(baseline, emission=True)
    shift = np.nan_to_num(lines.velocity_kms) / KMS_PER_ANGSTROM
    beside = [_line_significance(baseline, vacuum + shift) > LINE_SIGNIFICANCE for vacuum in FORBIDDEN_VAC]
    return np.asarray((lines.fwhm_kms < NARROW_KMS) & np.logical_or(*beside))


def _line_significance(baseline: Baseline, centre: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Give the flux within 3 Å of a place over its shoulders 4 to 8 Å away, in its errors, shape (n,)."""
    distance = np.abs(baseline.wavelength_vac - centre[:, None])
    core, shoulders = distance <= 3.0, (distance >= 4.0) & (distance <= 8.0)
    count, beside = core.sum(axis=1), shoulders.sum(axis=1)
    level = (baseline.ratio * shoulders).sum(axis=1) / np.maximum(beside, 1)
    excess = (baseline.ratio * core).sum(axis=1) - level * count
    noise = np.sqrt(baseline.correlation * count * (1.0 + count / np.maximum(beside, 1))) / baseline.snr
    return np.where(beside > 0, excess / noise, 0.0)


def low_coverage(windows: WindowSet, *, suspect: BoolArray) -> BoolArray:
    """Tell lines of which pixels are bad, or those their pseudo-continuum comes from, shape (n,).

    Parameters
    ----------
    windows
        Windows, n of them; those without any inverse variance say nothing of bad pixels.
    suspect
        Where zeros of the inverse variance on the line mean nothing.
    """
    lost = windows.ivar <= 0
    line = np.abs(GRID - HALPHA_VAC) <= LINE_HALF_WIDTH
    sides = np.logical_or(*(np.abs(GRID - middle) <= half for middle, half in _BANDS))
    share = [lost[:, part].mean(axis=1) > LOST_SHARE for part in (line, sides)]
    return np.asarray(((share[0] & ~suspect) | share[1]) & ~lost.all(axis=1))


def blended(windows: WindowSet) -> BoolArray:
    """Tell lines amid bands of molecules or other lines, by the scatter of their side bands, shape (n,)."""
    baseline = window_baseline(windows)
    beside = np.abs(GRID - HALPHA_VAC) > LINE_HALF_WIDTH
    offset, scale = (windows.continuum[:, column, None].astype(np.float64) for column in (0, 1))
    stated = (windows.flux + offset / scale) * np.sqrt(windows.ivar)
    known = (windows.ivar > 0) & beside
    snr = np.full(len(windows), np.nan)
    some = known.any(axis=1)
    snr[some] = np.nanmedian(np.where(known, stated, np.nan)[some], axis=1)
    return np.asarray(snr / baseline.snr > CROWDED)

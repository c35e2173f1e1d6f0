"""Quality flags: what a user should know before trusting a label.

Some are of every spectrum, some of the measured line of candidates: a nebula, lost pixels, a crowded
neighbourhood.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from vo_emline.arrays import BoolArray
from vo_emline.labels import ABSORPTION
from vo_emline.measure.baseline import SIDE_BANDS, Baseline
from vo_emline.measure.lines import EmissionLines, measure_lines
from vo_emline.measure.shape import KMS_PER_ANGSTROM, LINE_HALF_WIDTH
from vo_emline.preprocess.windows import GRID, WindowSet
from vo_emline.spectra import HALPHA_VAC, READ_FLAGS
from vo_emline.survey.model import Predicted
from vo_emline.survey.options import SurveyOptions

_OWN: Final = {
    "uncertain": "no class is probable enough, or the S/N is too low to tell",
    "low_snr": "the S/N is below the limit",
    "ivar_suspect": "the inverse variance at Hα is wrong: LAMOST DR1 divides it by about ten there "
    "and sets it to zero on strong emission",
    "not_a_star": "the survey's pipeline calls it a galaxy or quasar",
    "screened": "the small network found no sign of emission, and the full one has not seen it",
    "nebular": "candidates: a narrow line with [N II] or [S II] beside it, as of a nebula",
    "low_coverage": "candidates: pixels of the line, or those its continuum is taken from, are bad",
    "blended": "candidates: bands of molecules or other lines crowd the line and its continuum",
}

FLAGS: Final = _OWN | READ_FLAGS
"""Every flag and what it says."""

CORE_A: Final = 10.0
"""Half width of the region around Hα in which the inverse variance of DR1 is wrong, Å."""

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


class Candidates(NamedTuple):
    """The spectra of which lines are measured."""

    rows: npt.NDArray[np.intp]
    """Which of the windows they are, shape (m,)."""
    lines: EmissionLines
    """Their lines, m of them."""


def find_candidates(windows: WindowSet, label: npt.NDArray[np.integer[Any]]) -> Candidates:
    """Measure the lines of the spectra that are labelled emission or double-peak; `label` has shape (n,)."""
    rows = np.flatnonzero(label != ABSORPTION)
    return Candidates(rows, measure_lines(windows.take(rows)))


def flag(
    windows: WindowSet, predicted: Predicted, candidates: Candidates, *, options: SurveyOptions
) -> pa.Array:
    """Give the flags of each window, words separated by spaces, in the order of :data:`FLAGS`.

    Parameters
    ----------
    windows
        Windows, n of them.
    predicted
        Class probabilities, shape (n, 3), and which of them a cascade has settled.
    candidates
        Those of which lines are measured.
    options
        Limits of probability and S/N.

    Returns
    -------
    pyarrow.Array
        Text, length n.
    """
    low = signal_to_noise(windows) < options.low_snr
    screened = predicted.screened
    raised = {
        "uncertain": (predicted.probability.max(axis=1) < options.uncertain_below) | low,
        "low_snr": low,
        "ivar_suspect": ivar_suspect(windows),
        "not_a_star": _among(windows.identity["spectral_class"], ("GALAXY", "QSO")),
        "screened": np.zeros(len(windows), dtype=bool) if screened is None else screened,
    }
    raised |= _of_lines(candidates, suspect=raised["ivar_suspect"])
    combination = sum((raised[name].astype(np.int64) << bit for bit, name in enumerate(_OWN)), np.int64(0))
    own = pa.array(_COMBINATIONS).take(pa.array(np.broadcast_to(combination, len(windows))))
    return _joined(own, windows.identity["read_flags"].combine_chunks())


def _joined(own: pa.Array, of_reading: pa.Array) -> pa.Array:
    """Put what was assumed when the spectra were read behind the flags of the survey."""
    if not pc.any(pc.not_equal(of_reading, "")).as_py():
        return own
    return pc.utf8_trim(pc.binary_join_element_wise(own, of_reading, " "), " ")


def _of_lines(candidates: Candidates, *, suspect: BoolArray) -> dict[str, BoolArray]:
    """Raise the flags of measured lines; spectra that are no candidates have none."""
    rows, lines = candidates.rows, candidates.lines
    found = {
        "nebular": nebular(lines),
        "low_coverage": low_coverage(lines.windows, suspect=suspect[rows]),
        "blended": blended(lines),
    }
    raised = {name: np.zeros(len(suspect), dtype=bool) for name in found}
    for name, values in found.items():
        raised[name][rows] = values
    return raised


_COMBINATIONS: Final = [
    " ".join(name for bit, name in enumerate(_OWN) if number >> bit & 1) for number in range(2 ** len(_OWN))
]
"""The text of every combination of flags, by the number whose bits they are."""


def signal_to_noise(windows: WindowSet) -> npt.NDArray[np.float64]:
    """Give S/N per pixel, shape (n,): in r as the survey states it, else in the window, else NaN."""
    snr = windows.identity["snr_r"].to_numpy().astype(np.float64)
    unstated = np.flatnonzero(~np.isfinite(snr) & (windows.ivar > 0).any(axis=1))
    if len(unstated):
        offset, scale = (windows.continuum[unstated, column, None].astype(np.float64) for column in (0, 1))
        ivar = windows.ivar[unstated]
        ratio = np.abs(windows.flux[unstated] + offset / scale) * np.sqrt(ivar)
        snr[unstated] = np.nanmedian(np.where(ivar > 0, ratio, np.nan), axis=1)
    return np.where(np.isfinite(snr), snr, np.nan)


def ivar_suspect(windows: WindowSet) -> BoolArray:
    """Tell where the inverse variance at Hα is wrong: LAMOST pipeline 2.6, or zeros on the line alone."""
    release = pc.utf8_ltrim(windows.identity["release"], "vV")
    old = pc.fill_null(pc.starts_with(release, "2.6"), False).to_numpy()
    core = np.abs(GRID - HALPHA_VAC) < CORE_A
    unknown = windows.ivar <= 0
    zeroed = unknown[:, core].any(axis=1) & (unknown[:, ~core].mean(axis=1) < 0.1)
    return np.asarray(old | zeroed)


def _among(column: pa.ChunkedArray, values: tuple[str, ...]) -> BoolArray:
    return np.asarray(pc.is_in(column, pa.array(values)).to_numpy())


def nebular(lines: EmissionLines) -> BoolArray:
    """Tell narrow lines with [N II] or [S II] beside them at the same velocity, shape (n,)."""
    baseline, measured = lines.baseline, lines.measured
    shift = np.nan_to_num(measured.velocity_kms) / KMS_PER_ANGSTROM
    beside = [_line_significance(baseline, vacuum + shift) > LINE_SIGNIFICANCE for vacuum in FORBIDDEN_VAC]
    return np.asarray((measured.fwhm_kms < NARROW_KMS) & np.logical_or(*beside))


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


def blended(lines: EmissionLines) -> BoolArray:
    """Tell lines amid bands of molecules or other lines, by the scatter of their side bands, shape (n,)."""
    windows = lines.windows
    beside = np.abs(GRID - HALPHA_VAC) > LINE_HALF_WIDTH
    offset, scale = (windows.continuum[:, column, None].astype(np.float64) for column in (0, 1))
    stated = (windows.flux + offset / scale) * np.sqrt(windows.ivar)
    known = (windows.ivar > 0) & beside
    snr = np.full(len(windows), np.nan)
    some = known.any(axis=1)
    snr[some] = np.nanmedian(np.where(known, stated, np.nan)[some], axis=1)
    return np.asarray(snr / lines.baseline.snr > CROWDED)

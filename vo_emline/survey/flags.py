"""Quality flags: what a user should know before trusting a label."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from vo_emline.arrays import BoolArray
from vo_emline.labels import ABSORPTION
from vo_emline.preprocess.windows import GRID, WindowSet
from vo_emline.spectra import HALPHA_VAC
from vo_emline.survey.line_flags import blended, low_coverage, nebular
from vo_emline.survey.options import SurveyOptions

FLAGS: Final = {
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
"""Every flag and what it says."""

CORE_A: Final = 10.0
"""Half width of the region around Hα in which the inverse variance of DR1 is wrong, Å."""


def flag(
    windows: WindowSet,
    probability: npt.NDArray[np.float32],
    *,
    options: SurveyOptions,
    screened: BoolArray | None = None,
) -> pa.Array:
    """Give the flags of each window, words separated by spaces, in the order of :data:`FLAGS`.

    Parameters
    ----------
    windows
        Windows, n of them.
    probability
        Class probabilities, shape (n, 3).
    options
        Limits of probability and S/N.
    screened
        Which of the windows a cascade has settled, shape (n,); None for none.

    Returns
    -------
    pyarrow.Array
        Text, length n.
    """
    low = signal_to_noise(windows) < options.low_snr
    raised = {
        "uncertain": (probability.max(axis=1) < options.uncertain_below) | low,
        "low_snr": low,
        "ivar_suspect": ivar_suspect(windows),
        "not_a_star": _among(windows.identity["spectral_class"], ("GALAXY", "QSO")),
        "screened": np.zeros(len(windows), dtype=bool) if screened is None else screened,
    }
    raised |= _of_lines(windows, probability, suspect=raised["ivar_suspect"])
    combination = sum((raised[name].astype(np.int64) << bit for bit, name in enumerate(FLAGS)), np.int64(0))
    return pa.array(_COMBINATIONS).take(pa.array(np.broadcast_to(combination, len(windows))))


def _of_lines(
    windows: WindowSet, probability: npt.NDArray[np.float32], *, suspect: BoolArray
) -> dict[str, BoolArray]:
    """Raise the flags of the measured line for candidates; others have none."""
    rows = np.flatnonzero(probability.argmax(axis=1) != ABSORPTION)
    candidates = windows.take(rows)
    found = {
        "nebular": nebular(candidates),
        "low_coverage": low_coverage(candidates, suspect=suspect[rows]),
        "blended": blended(candidates),
    }
    raised = {name: np.zeros(len(windows), dtype=bool) for name in found}
    for name, values in found.items():
        raised[name][rows] = values
    return raised


_COMBINATIONS: Final = [
    " ".join(name for bit, name in enumerate(FLAGS) if number >> bit & 1) for number in range(2 ** len(FLAGS))
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

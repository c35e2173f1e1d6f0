"""Quality flags: what a user should know before trusting a label."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from vo_emline.preprocess.windows import GRID, WindowSet
from vo_emline.spectra import HALPHA_VAC
from vo_emline.survey.options import SurveyOptions

FLAGS: Final = {
    "uncertain": "no class is probable enough, or the S/N is too low to tell",
    "low_snr": "the S/N is below the limit",
    "ivar_suspect": "the inverse variance at Hα is wrong: LAMOST DR1 divides it by about ten there "
    "and sets it to zero on strong emission",
    "not_a_star": "the survey's pipeline calls it a galaxy or quasar",
}
"""Every flag and what it says."""

CORE_A: Final = 10.0
"""Half width of the region around Hα in which the inverse variance of DR1 is wrong, Å."""

BoolArray = npt.NDArray[np.bool_]


def flag(windows: WindowSet, probability: npt.NDArray[np.float32], *, options: SurveyOptions) -> list[str]:
    """Give the flags of each window, words separated by spaces, in the order of :data:`FLAGS`.

    Parameters
    ----------
    windows
        Windows, n of them.
    probability
        Class probabilities, shape (n, 3).
    options
        Limits of probability and S/N.
    """
    low = signal_to_noise(windows) < options.low_snr
    raised = {
        "uncertain": (probability.max(axis=1) < options.uncertain_below) | low,
        "low_snr": low,
        "ivar_suspect": ivar_suspect(windows),
        "not_a_star": np.isin(
            np.array(windows.identity["spectral_class"].to_pylist(), dtype=object), ("GALAXY", "QSO")
        ),
    }
    return [" ".join(name for name in FLAGS if raised[name][row]) for row in range(len(windows))]


def signal_to_noise(windows: WindowSet) -> npt.NDArray[np.float64]:
    """Give S/N per pixel, shape (n,): in r as the survey states it, else in the window, else NaN."""
    stated = np.array(windows.identity["snr_r"].to_pylist(), dtype=np.float64)
    offset, scale = (windows.continuum[:, column, None].astype(np.float64) for column in (0, 1))
    ratio = np.abs(windows.flux + offset / scale) * np.sqrt(windows.ivar)
    known = windows.ivar > 0
    some = known.any(axis=1)
    measured = np.full(len(windows), np.nan)
    measured[some] = np.nanmedian(np.where(known, ratio, np.nan)[some], axis=1)
    return np.where(np.isfinite(stated), stated, measured)


def ivar_suspect(windows: WindowSet) -> BoolArray:
    """Tell where the inverse variance at Hα is wrong: LAMOST pipeline 2.6, or zeros on the line alone."""
    releases = windows.identity["release"].to_pylist()
    old = np.array([release.lstrip("vV").startswith("2.6") for release in releases], dtype=bool)
    core = np.abs(GRID - HALPHA_VAC) < CORE_A
    unknown = windows.ivar <= 0
    zeroed = unknown[:, core].any(axis=1) & (unknown[:, ~core].mean(axis=1) < 0.1)
    return np.asarray(old | zeroed)

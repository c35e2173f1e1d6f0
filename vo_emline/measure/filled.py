"""What only fills the core of a line: when it may be called emission of the star.

A line without a peak of its own shows only against the absorption that is expected. The diffuse light of a
nebula fills cores too, by far the commonest cause in fields towards the plane of the Galaxy, and the
expectation errs by more on plates and stars unknown to it. So such a spectrum is called emission only where
that is probable enough to allow for both; else it is absorption and, since neither is nearly sure,
*uncertain*.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from vo_emline.labels import ABSORPTION
from vo_emline.measure.lines import window_baseline
from vo_emline.measure.matched import stands_out
from vo_emline.measure.nebula import p_nebular
from vo_emline.measure.types import only_fills
from vo_emline.preprocess.windows import WindowSet

Float32 = npt.NDArray[np.float32]

LEAST_FILLED: Final = 0.7
"""What only fills the core is called emission from this probability on …"""

LEAST_UNDER_NEBULA: Final = 0.995
"""… and where a nebula may lie over the star, from this."""

MAY_BE_NEBULAR: Final = 0.5
"""Probability of a nebula from which on one may lie over the star."""

WITHHELD: Final = (0.41, 0.05)
"""Where emission is not called so, its probability becomes the first of these and this share of what it was:
neither sure nor emission, and in the same order."""


def withhold(probability: Float32, windows: WindowSet) -> Float32:
    """Take back the word *emission* where a line only fills the core and may be a nebula's or none.

    Parameters
    ----------
    probability
        Class probabilities at the shares of a survey, shape (n, 3), absorption first.
    windows
        The windows they are of.

    Returns
    -------
    numpy.ndarray
        Shape (n, 3): in these spectra emission has what :data:`WITHHELD` says, shared by single and double as
        before, and absorption the rest.
    """
    emission = 1.0 - probability[:, ABSORPTION].astype(np.float64)
    doubted = np.flatnonzero((probability.argmax(axis=1) != ABSORPTION) & (emission < LEAST_UNDER_NEBULA))
    if not doubted.size:
        return probability
    some = windows.take(doubted)
    allowed = np.where(p_nebular(some) > MAY_BE_NEBULAR, LEAST_UNDER_NEBULA, LEAST_FILLED)
    weak = np.flatnonzero((emission[doubted] < allowed) & ~stands_out(some))
    if not weak.size:
        return probability
    rows = doubted[weak[only_fills(window_baseline(some.take(weak)))]]
    corrected: npt.NDArray[Any] = probability.copy()
    left = WITHHELD[0] + WITHHELD[1] * emission[rows]
    corrected[rows, 1:] *= (left / emission[rows])[:, None]
    corrected[rows, ABSORPTION] = 1.0 - left
    return corrected

"""How strong a line is in the noise of its spectrum."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from vo_emline.arrays import FloatArray
from vo_emline.preprocess.windows import GRID

LINE_WIDTH: Final = 32.0
"""Width over which the equivalent width of a line is integrated, Å: its noise sets σ(EW)."""

MOST_EW: Final = 100.0
"""No line is made stronger than this, Å."""

PIXEL: Final = float(GRID[1] - GRID[0])
"""Width of a pixel of the window, Å."""


def draw_ew(noise: FloatArray, significance: tuple[float, float], random: np.random.Generator) -> FloatArray:
    """Draw equivalent widths, Å, negative, evenly over the logarithm of their significance, shape (n,).

    Parameters
    ----------
    noise
        Noise of a pixel over the continuum, shape (n,). It is taken as white over the pixels of the line.
    significance
        Least and largest |EW|/σ(EW).
    random
        Where they come from.
    """
    least, most = (math.log(limit) for limit in significance)
    wanted = np.exp(random.uniform(least, most, size=len(noise)))
    return np.asarray(-np.minimum(wanted * noise * np.sqrt(LINE_WIDTH * PIXEL), MOST_EW))

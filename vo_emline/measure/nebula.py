"""Nebular or stellar: the probability that narrow lines of a nebula lie over a spectrum.

[N II] and [S II] are forbidden: no star's photosphere, disk or wind shows
them, nebulae nearly always do, as narrow as the instrument and at the velocity
of their Hα. Each line is measured by a narrow profile that is blind to
constants, slopes and curvature, so that the wings of a photospheric line do
not matter, in units of what the same profile finds elsewhere in the window.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from vo_emline.arrays import DoubleWindows, FloatArray, Pixels
from vo_emline.preprocess.windows import GRID, WindowSet
from vo_emline.spectra.medium import HALPHA_VAC, SPEED_OF_LIGHT_KMS

NITROGEN_VAC: Final = (6585.27, 6549.86)
"""[N II] 6583 and 6548 in vacuum, Å; the second has a third of the flux of the first."""

SULPHUR_VAC: Final = 6718.29
"""[S II] 6716 in vacuum, Å; its twin lies on the edge of the window."""

VELOCITIES_KMS: Final = np.arange(-160.0, 161.0, 20.0)
"""Velocities at which a nebula is looked for, km/s."""

LINE_SIGMA: Final = 1.6
"""Standard deviation of a narrow line, that of LAMOST's line spread, Å."""

HALF_WIDTH: Final = 9.0
"""A line is compared with its surroundings within this distance, Å."""


CONSTANT: Final = -1.917
COEFFICIENTS: Final = np.array([0.769, 0.735, -3.029, -0.636, 0.373, -1.916, -0.255])
"""Fitted on simulated lines over 5 σ in 876 real spectra of 107 LAMOST plates and in white noise, of every
kind of emission but young stars, whose outflows have forbidden lines of their own; a third of them nebular.
Learnt from the lines in either half of the plates and asked about the other, 91 % of nebular lines and 0.4 %
of stellar ones lie above :data:`NEBULAR`, as all 11 nebulae labelled by eye do and none of 76 cataclysmic
variables."""

NEBULAR: Final = 0.7
"""From this probability on a line is flagged ``nebular``."""

_DISTANCE: Final = np.abs(GRID - HALPHA_VAC)
_RING: Final = (_DISTANCE > 9.0) & (_DISTANCE < 25.0)
_BESIDE: Final = (_DISTANCE > 30.0) & (GRID > 6528.0) & (GRID < 6712.0) & (np.abs(GRID - 6680.0) > 8.0)


def _narrow(centre: float) -> Pixels:
    """Give a Gaussian less its best parabola, of unit norm, shape (140,)."""
    place = (GRID - centre) / HALF_WIDTH
    inside = np.abs(place) <= 1.0
    line = np.where(inside, np.exp(-0.5 * np.square((GRID - centre) / LINE_SIGMA)), 0.0)
    powers = np.stack([np.where(inside, place**k, 0.0) for k in range(3)])
    fitted = np.linalg.lstsq(powers[:, inside].T, line[inside], rcond=None)[0]
    blind = line - fitted @ powers
    return np.asarray(blind / np.linalg.norm(blind))


def _at(line_vac: float) -> FloatArray:
    return np.stack([_narrow(line_vac * (1.0 + v / SPEED_OF_LIGHT_KMS)) for v in VELOCITIES_KMS], axis=1)


_LINES: Final = [_at(line) for line in (HALPHA_VAC, *NITROGEN_VAC, SULPHUR_VAC)]
_ELSEWHERE: Final = np.stack([_narrow(place) for place in GRID[_BESIDE]], axis=1)


def nebular_features(windows: WindowSet) -> FloatArray:
    """Measure what tells a nebula from a star.

    Parameters
    ----------
    windows
        Windows, n of them.

    Returns
    -------
    numpy.ndarray
        Shape (n, 7), within limits: significance of [N II] 6583 and of [S II] 6716 at the velocity that suits
        both best; that velocity in 100 km/s; by how much [N II] 6548 is too strong for a third of 6583;
        the lesser of the significances of [N II] and of narrow Hα; how wide Hα is, by the flux 9 to 25 Å
        away from it; and by how much [N II] lacks its [S II], at velocities where nebulae are rare: the
        flank of a disk looks so.
    """
    above = _above(windows)
    noise = np.maximum(1.4826 * np.median(np.abs(above @ _ELSEWHERE), axis=1), 1e-6)[:, None]
    halpha, nitrogen, weak, sulphur = ((above @ line) / noise for line in _LINES)
    both = np.square(np.maximum(3.0 * nitrogen + weak, 0.0)) / 10.0 + np.square(np.maximum(sulphur, 0.0))
    rows, best = np.arange(len(above)), both.argmax(axis=1)
    halpha, nitrogen, weak, sulphur = (line[rows, best] for line in (halpha, nitrogen, weak, sulphur))
    scatter = np.maximum(1.4826 * np.median(np.abs(above[:, _BESIDE]), axis=1), 1e-4)
    ring = np.maximum(above[:, _RING].mean(axis=1), 0.0) * np.sqrt(_RING.sum()) / scatter
    velocity = np.abs(VELOCITIES_KMS[best]) / 100.0
    lacking = np.maximum(np.minimum(nitrogen, 12.0) - 3.0 * np.clip(sulphur, 0.0, 12.0), 0.0)
    return np.column_stack(
        [
            np.clip(nitrogen, -2.0, 12.0),
            np.clip(sulphur, -2.0, 12.0),
            velocity,
            np.clip(weak - 0.6 * nitrogen, 0.0, 10.0),
            np.minimum(np.clip(nitrogen, 0.0, 12.0), np.clip(halpha, 0.0, 12.0)),
            np.arcsinh(ring / 5.0),
            lacking * np.minimum(velocity, 1.0),
        ]
    )


def _above(windows: WindowSet) -> DoubleWindows:
    """Flux over the continuum less one, shape (n, 140); 0 where there is no continuum to speak of."""
    offset, scale = (windows.continuum[:, column, None].astype(np.float64) for column in (0, 1))
    flux: npt.NDArray[Any] = windows.flux * scale + offset
    level = np.median(flux[:, _BESIDE], axis=1, keepdims=True)
    usable = level > 0
    return np.where(usable, flux / np.where(usable, level, 1.0) - 1.0, 0.0)


def p_nebular(windows: WindowSet) -> FloatArray:
    """Give the probability that the narrow lines of a nebula lie over a spectrum, shape (n,).

    Logistic regression (:data:`COEFFICIENTS`) of :func:`nebular_features`.
    """
    from scipy.special import expit

    return np.asarray(expit(CONSTANT + nebular_features(windows) @ COEFFICIENTS))

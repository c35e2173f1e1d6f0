"""Wings: the flux beyond the window on either side, in coarse bins.

The window ends 45 Å blueward of Hα. Lines of accretion disks and winds reach
further, and their continuum lies further still: without it neither their
width nor their strength can be measured. The network sees none of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from vo_emline.arrays import FloatArray
from vo_emline.preprocess.windows import WING_CENTRES, WING_STEP
from vo_emline.spectra.spectrum import Spectrum

LEAST_GOOD: Final = 0.7
"""A bin is unknown where less than this share of its pixels is good."""

_FIRST: Final[FloatArray] = WING_CENTRES - 0.5 * WING_STEP
_LAST: Final[FloatArray] = WING_CENTRES + 0.5 * WING_STEP


def measure_wings(spectra: Sequence[Spectrum]) -> FloatArray:
    """Average the flux of spectra that share their wavelengths in the bins beyond the window.

    Parameters
    ----------
    spectra
        Spectra, n of them and at least one.

    Returns
    -------
    numpy.ndarray
        Mean flux, in the units of the file, shape (n, bins); NaN
        where the spectrum does not reach, or where bad pixels leave too little.
    """
    wavelength = spectra[0].wavelength_vac
    part = slice(*np.searchsorted(wavelength, (_FIRST[0], _LAST[-1])))
    inside = wavelength[part]
    first, last = (np.searchsorted(inside, edge) for edge in (_FIRST, _LAST))
    flux = np.stack([one.flux[part] for one in spectra])
    good = np.stack([~one.mask[part] for one in spectra]) & np.isfinite(flux)
    total, number = np.zeros((2, len(spectra), inside.size + 1))
    np.cumsum(np.where(good, flux, 0.0), axis=1, out=total[:, 1:])
    np.cumsum(good, axis=1, out=number[:, 1:])
    count = number[:, last] - number[:, first]
    covered = (wavelength[0] <= _FIRST) & (wavelength[-1] >= _LAST) & (last > first)
    usable = covered & (count >= np.maximum(LEAST_GOOD * (last - first), 1))
    return np.where(usable, (total[:, last] - total[:, first]) / np.maximum(count, 1), np.nan)

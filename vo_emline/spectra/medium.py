"""Wavelengths in air and in vacuum.

The pair of formulae is the one N. Piskunov made for VALD (Ryabchikova et al.
2015, Phys. Scr. 90, 054005; VALD documentation, *Air-to-vacuum conversion*):
the refractive index of Morton (2000, ApJS 130, 403) for vacuum to air, and a
fit to its inverse for air to vacuum, good to 1e-6 Å over 2000–100 000 Å. The
thesis (Podsztavek 2017) uses the second one.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

HALPHA_AIR: Final = 6562.801
"""Hα in air, Å (the value of the thesis)."""

HALPHA_VAC: Final = 6564.614
"""Hα in vacuum, Å."""


def air_to_vacuum(wavelength_air: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Convert wavelengths in standard air to vacuum.

    Parameters
    ----------
    wavelength_air
        Wavelengths in air, Å, any shape; meant for 2000–100 000 Å.

    Returns
    -------
    numpy.ndarray
        Wavelengths in vacuum, Å: Hα 6562.801 becomes 6564.614.
    """
    air = np.asarray(wavelength_air, dtype=np.float64)
    s2 = (1e4 / air) ** 2
    index = (
        1.0
        + 8.336624212083e-5
        + 0.02408926869968 / (130.1065924522 - s2)
        + 1.599740894897e-4 / (38.92568793293 - s2)
    )
    return np.asarray(air * index)


def vacuum_to_air(wavelength_vac: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Convert wavelengths in vacuum to standard air (Morton 2000, eq. 8).

    Parameters
    ----------
    wavelength_vac
        Wavelengths in vacuum, Å, any shape.

    Returns
    -------
    numpy.ndarray
        Wavelengths in air, Å.
    """
    vacuum = np.asarray(wavelength_vac, dtype=np.float64)
    s2 = (1e4 / vacuum) ** 2
    index = 1.0 + 8.34254e-5 + 0.02406147 / (130.0 - s2) + 1.5998e-4 / (38.9 - s2)
    return np.asarray(vacuum / index)

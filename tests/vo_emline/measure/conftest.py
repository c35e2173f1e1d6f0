"""Lines of known shape in noise of known level."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from vo_emline.arrays import FloatArray
from vo_emline.preprocess.windows import GRID
from vo_emline.spectra.medium import HALPHA_VAC

SPEED_OF_LIGHT_KMS = 299_792.458


@pytest.fixture
def gaussian() -> Callable[..., FloatArray]:
    """Make a Gaussian line of area one Å at a velocity and with a full width, both in km/s."""

    def make(velocity_kms: float, fwhm_kms: float, *, wavelength_vac: FloatArray = GRID) -> FloatArray:
        sigma = fwhm_kms / 2.354820045 * HALPHA_VAC / SPEED_OF_LIGHT_KMS
        offset = wavelength_vac - HALPHA_VAC * (1 + velocity_kms / SPEED_OF_LIGHT_KMS)
        return np.exp(-0.5 * (offset / sigma) ** 2) / (sigma * np.sqrt(2 * np.pi))

    return make


@pytest.fixture
def inject() -> Callable[..., tuple[FloatArray, FloatArray]]:
    """Put a line (in units of the continuum) on a sloping continuum, n times, with photon noise."""

    def make(line: FloatArray, *, n: int = 800, snr: float = 50.0) -> tuple[FloatArray, FloatArray]:
        clean = (1.0 + 0.0004 * (GRID - HALPHA_VAC)) * (1.0 + line)
        sigma = np.sqrt(clean) / snr
        noise = np.random.default_rng(1).standard_normal((n, GRID.size))
        flux = 300.0 * (clean + noise * sigma)
        return flux, np.broadcast_to((300.0 * sigma) ** -2, flux.shape).copy()

    return make

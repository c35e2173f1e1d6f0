"""Spectra of known shape."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from vo_emline.spectra import Identity, Spectrum

HALPHA = 6564.614


def gaussian_line(wave: np.ndarray, *, sigma: float, height: float = -0.5) -> np.ndarray:
    """Unit continuum with a Gaussian line at Hα, sigma in Å."""
    return 1 + height * np.exp(-0.5 * ((wave - HALPHA) / sigma) ** 2)


@pytest.fixture
def make_spectrum() -> Callable[..., Spectrum]:
    """Build a spectrum with a line of 3 Å at Hα; any field may be given."""

    def make(
        wave: np.ndarray | None = None, *, source: str = "x.fits", fiber_type: str = "", **fields: object
    ) -> Spectrum:
        wave = np.arange(6450.0, 6800.0, 1.0) if wave is None else wave
        made = {
            "wavelength_vac": wave,
            "flux": gaussian_line(wave, sigma=3.0),
            "mask": np.zeros(wave.size, dtype=bool),
            "resolving_power": 1800.0,
            "identity": Identity(source=source, fiber_type=fiber_type),
        }
        return Spectrum(**(made | fields))  # type: ignore[arg-type]

    return make

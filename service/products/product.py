"""A spectrum ready for delivery: cut out, on the asked flux scale, in the asked medium."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from service.products.calibration import CalibratedFlux, calibrated
from service.products.entries import Entry
from service.products.request import SpectrumRequest
from vo_emline.arrays import BoolArray, FloatArray
from vo_emline.spectra import Medium, Spectrum, vacuum_to_air


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """A spectrum as it is delivered. All arrays have one length."""

    entry: Entry
    """Its row in the index."""
    spectrum: Spectrum
    """The whole spectrum it was made of."""
    wavelength: FloatArray
    """Wavelength in `medium`, Å, ascending."""
    medium: Medium
    flux: FloatArray
    error: FloatArray | None
    """One standard deviation of `flux`, NaN where unknown; None where nothing is known."""
    mask: BoolArray
    """True on bad pixels; their flux is delivered as the file has it."""
    scale: CalibratedFlux
    """What the flux is (unit, calibration, history); its arrays are those of the whole spectrum."""
    bounds_vac: tuple[float, float]
    """First and last wavelength, vacuum Å."""

    def __len__(self) -> int:
        """Count the pixels."""
        return self.wavelength.size


def make_product(entry: Entry, spectrum: Spectrum, request: SpectrumRequest) -> Product | None:
    """Make what `request` asks of `spectrum`; None where the cut-out holds no pixel.

    The flux is scaled before it is cut, so that a continuum never depends on
    the limits of the cut-out. The limits are vacuum wavelengths whatever the
    medium of the answer.

    Raises
    ------
    DataError
        The flux cannot be brought to the asked scale.
    """
    scale = calibrated(spectrum, request.calibration)
    kept = _kept(spectrum.wavelength_vac, request.band)
    if not kept.any():
        return None
    vacuum = spectrum.wavelength_vac[kept]
    return Product(
        entry=entry,
        spectrum=spectrum,
        wavelength=vacuum_to_air(vacuum) if request.medium == "air" else vacuum,
        medium=request.medium,
        flux=scale.flux[kept],
        error=None if scale.error is None else scale.error[kept],
        mask=spectrum.mask[kept],
        scale=scale,
        bounds_vac=(float(vacuum[0]), float(vacuum[-1])),
    )


def _kept(wavelength_vac: FloatArray, band: tuple[float, float] | None) -> BoolArray:
    if band is None:
        return np.ones(wavelength_vac.shape, dtype=bool)
    return np.asarray((wavelength_vac >= band[0]) & (wavelength_vac <= band[1]))

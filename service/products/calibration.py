"""Flux on the scale a user asks for: as the file has it, relative, or divided by a continuum."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np

from service.products.continuum import pseudo_continuum
from vo_emline.arrays import FloatArray
from vo_emline.errors import DataError
from vo_emline.spectra import Spectrum


class FluxCalibration(StrEnum):
    """Values of the parameter FLUXCALIB, as the archive of Ondřejov names them."""

    UNCALIBRATED = "UNCALIBRATED"
    """The flux of the file, untouched."""
    RELATIVE = "relative"
    """Divided by its greatest good value."""
    NORMALIZED = "normalized"
    """Divided by the continuum."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibratedFlux:
    """Flux with its error on one scale."""

    flux: FloatArray
    error: FloatArray | None
    """One standard deviation; NaN where unknown; None where the file knows none."""
    unit: str
    """Unit of both; empty where dimensionless."""
    calibration: str
    """What the numbers are: UNCALIBRATED, RELATIVE or NORMALIZED (Spectrum Data Model 1.1, section 4.7)."""
    history: str
    """How they came about, one sentence."""


UNITS: Final = {"ADU": "adu", "Count": "count", "counts": "count"}
"""Names of units as files write them, and as FITS 4.0 (table 5) and VOUnits 1.1 do."""


def calibrated(spectrum: Spectrum, wanted: FluxCalibration) -> CalibratedFlux:
    """Bring the flux of `spectrum` to the scale `wanted`.

    A normalised spectrum stays normalised whatever is asked, because its
    continuum is gone; what comes out is always stated.

    Raises
    ------
    DataError
        The spectrum has no usable flux to scale by.
    """
    if wanted is FluxCalibration.NORMALIZED:
        return _normalized(spectrum)
    if wanted is FluxCalibration.RELATIVE:
        return _relative(spectrum)
    return _as_stored(spectrum)


def _as_stored(spectrum: Spectrum) -> CalibratedFlux:
    if spectrum.normalised:
        return _stored_normalized(spectrum)
    name = "RELATIVE" if spectrum.identity.survey.startswith("LAMOST") else "UNCALIBRATED"
    return CalibratedFlux(
        flux=spectrum.flux,
        error=flux_error(spectrum),
        unit=UNITS.get(spectrum.flux_unit, spectrum.flux_unit),
        calibration=name,
        history="Flux as in the original file",
    )


def _stored_normalized(spectrum: Spectrum) -> CalibratedFlux:
    return CalibratedFlux(
        flux=spectrum.flux,
        error=flux_error(spectrum),
        unit="",
        calibration="NORMALIZED",
        history="Continuum-normalised flux as in the original file",
    )


def _normalized(spectrum: Spectrum) -> CalibratedFlux:
    if spectrum.normalised:
        return _stored_normalized(spectrum)
    if spectrum.normalised_flux is not None:
        return _pipeline_normalized(spectrum, spectrum.normalised_flux)
    continuum = pseudo_continuum(spectrum.wavelength_vac, spectrum.flux, good=~spectrum.mask)
    history = "Divided by a pseudo-continuum: medians of bins without Balmer lines"
    return _divided(spectrum, continuum, calibration="NORMALIZED", history=history)


def _pipeline_normalized(spectrum: Spectrum, normalised_flux: FloatArray) -> CalibratedFlux:
    error = flux_error(spectrum)
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = np.where(spectrum.flux != 0, normalised_flux / spectrum.flux, np.nan)
    return CalibratedFlux(
        flux=normalised_flux,
        error=None if error is None else error * np.where(scale > 0, scale, np.nan),
        unit="",
        calibration="NORMALIZED",
        history="Continuum-normalised by the survey's pipeline",
    )


def _relative(spectrum: Spectrum) -> CalibratedFlux:
    good = spectrum.flux[~spectrum.mask & np.isfinite(spectrum.flux)]
    greatest = good.max() if good.size else np.nan
    scale = np.full_like(spectrum.flux, greatest)
    return _divided(spectrum, scale, calibration="RELATIVE", history="Divided by the greatest good value")


def _divided(spectrum: Spectrum, scale: FloatArray, *, calibration: str, history: str) -> CalibratedFlux:
    scale = np.where(scale > 0, scale, np.nan)
    if not np.isfinite(scale).any():
        raise DataError(spectrum.identity.source, "no_positive_flux", "there is no positive flux to scale by")
    error = flux_error(spectrum)
    return CalibratedFlux(
        flux=spectrum.flux / scale,
        error=None if error is None else error / scale,
        unit="",
        calibration=calibration,
        history=history,
    )


def flux_error(spectrum: Spectrum) -> FloatArray | None:
    """Give one standard deviation of the flux; NaN where the inverse variance is zero."""
    if spectrum.ivar is None:
        return None
    known = spectrum.ivar > 0
    error = np.full_like(spectrum.flux, np.nan)
    error[known] = 1 / np.sqrt(spectrum.ivar[known])
    return error

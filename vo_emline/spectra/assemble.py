"""From the arrays of a file to a :class:`Spectrum`, with the checks every layout shares."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from vo_emline.arrays import BoolArray, FloatArray
from vo_emline.errors import DataError
from vo_emline.spectra.columns import is_other_than_flux
from vo_emline.spectra.medium import HALPHA_VAC, Medium, air_to_vacuum
from vo_emline.spectra.spectrum import Identity, Spectrum

MIN_PIXELS: Final = 10
"""A file with fewer pixels than this is not a spectrum."""

MOST_PIXELS: Final = 2_000_000
"""What has more pixels is an image or a cube; the finest échelle spectra have 400 000."""

LOW_RESOLUTION: Final = 1500.0
"""λ/FWHM below which a spectrum is flagged: it shows less than those of LAMOST (1800)."""

OPTICAL: Final = (900.0, 60_000.0)
"""Range in which wavelengths are believed, Å."""


LARGEST: Final = float(np.finfo(np.float32).max)
"""A flux beyond single precision is damage, not light."""


def assemble(
    wavelength: npt.ArrayLike,
    flux: npt.ArrayLike,
    *,
    identity: Identity,
    layout: str,
    medium: Medium,
    resolving_power: float | None,
    ivar: npt.ArrayLike | None = None,
    mask: npt.ArrayLike | None = None,
    normalised_flux: npt.ArrayLike | None = None,
    normalised: bool = False,
    flux_unit: str = "",
) -> Spectrum:
    """Check the arrays of a file and make a spectrum of them.

    Pixels without a wavelength are dropped, descending arrays are turned
    round, pixels whose flux is not finite (or absurd) are masked. Inverse variances that
    are negative or not finite become 0 (unknown); a pixel is never masked for
    its inverse variance alone, because LAMOST DR1 has 0 on strong emission.

    Parameters
    ----------
    wavelength
        Wavelengths in `medium`, Å, shape (n,), ascending or descending.
    flux, ivar, mask, normalised_flux
        One value per pixel, shape (n,); `mask` is True on bad pixels.
    resolving_power
        λ/FWHM near Hα; None to estimate it from the sampling.

    Raises
    ------
    DataError
        With code ``not_a_flux``, ``too_short``, ``bad_wavelengths``, ``all_nan``, ``no_data``,
        ``all_zero`` or ``constant``.
    """
    if is_other_than_flux(flux_unit):
        message = (
            f"the unit {flux_unit[:40]!r} is not one of flux; convert magnitudes and logarithms to fluxes"
        )
        raise DataError(identity.source, "not_a_flux", message)
    order = _placed(_floats(wavelength), _floats(flux), identity.source)
    wave = _floats(wavelength)[order]
    values = _floats(flux)[order]
    bad = not_a_flux(values)
    if bad.all():
        raise DataError(identity.source, "all_nan", "no pixel has a finite flux")
    if mask is not None:
        bad |= np.asarray(mask, dtype=bool)[order]
    _check_signal(values[~bad], identity.source)
    wave_vac = air_to_vacuum(wave) if medium == "air" else wave
    power = resolving_power or sampling_limit(wave_vac)
    if power < LOW_RESOLUTION:
        identity = identity.flagged("low_resolution")
    return Spectrum(
        wavelength_vac=wave_vac,
        flux=values,
        ivar=None if ivar is None else clean_ivar(_floats(ivar)[order]),
        mask=bad,
        resolving_power=power,
        identity=identity,
        medium=medium,
        normalised=normalised,
        flux_unit=flux_unit,
        layout=layout,
        normalised_flux=_along(normalised_flux, order, wave_size=np.size(wavelength)),
    )


def sampling_limit(wavelength_vac: FloatArray) -> float:
    """Give the resolving power near Hα that two pixels per FWHM allow.

    Used where a file does not state its resolving power. For the Ondřejov
    CCD700 spectra it gives 12 800 (the instrument has 13 000).
    """
    nearest = int(np.argmin(np.abs(wavelength_vac - HALPHA_VAC)))
    step = np.gradient(wavelength_vac[max(nearest - 1, 0) : nearest + 2]).mean()
    return float(wavelength_vac[nearest] / (2 * step))


def looks_normalised(flux: npt.ArrayLike) -> bool:
    """Tell from the values whether a flux is continuum-normalised.

    The ``FLUX_CAL`` card of the Ondřejov archive says ``UNCALIBRATED`` for
    normalised fluxes (whose medians are 0.99–1.00), so it cannot be asked.
    """
    finite = np.asarray(flux, dtype=np.float64)
    finite = finite[np.isfinite(finite)]
    return bool(finite.size and abs(np.median(finite) - 1.0) < 0.1)


def _floats(values: npt.ArrayLike) -> FloatArray:
    return np.asarray(values, dtype=np.float64).ravel()


def _along(values: npt.ArrayLike | None, order: npt.NDArray[np.intp], *, wave_size: int) -> FloatArray | None:
    """Order values that are not needed; some DR10 files have a shorter NORMALIZATION than the others."""
    if values is None or np.size(values) != wave_size:
        return None
    return _floats(values)[order]


def _placed(wavelength: FloatArray, flux: FloatArray, source: str) -> npt.NDArray[np.intp]:
    """Index the pixels that have a wavelength, in ascending order."""
    if wavelength.size != flux.size:
        message = f"{wavelength.size} wavelengths but {flux.size} fluxes"
        raise DataError(source, "bad_wavelengths", message)
    if wavelength.size > MOST_PIXELS:
        raise DataError(source, "too_large", f"{wavelength.size} pixels are no spectrum")
    order = np.flatnonzero(np.isfinite(wavelength))
    if order.size < MIN_PIXELS:
        raise DataError(source, "too_short", f"only {order.size} pixels have a wavelength")
    if wavelength[order[0]] > wavelength[order[-1]]:
        order = order[::-1]
    wave = wavelength[order]
    if not np.all(np.diff(wave) > 0):
        raise DataError(source, "bad_wavelengths", _disorder(np.diff(wave)))
    if wave[0] < OPTICAL[0] or wave[-1] > OPTICAL[1]:
        message = f"wavelengths from {wave[0]:g} to {wave[-1]:g} Å are not optical"
        raise DataError(source, "bad_wavelengths", message)
    return order


def _disorder(steps: FloatArray) -> str:
    """Say what the order of wavelengths that do not ascend comes from, and what to do."""
    back = int((steps < 0).sum())
    if not back:
        return f"{int((steps == 0).sum())} wavelengths occur twice; leave one of each pair out"
    if back <= steps.size / 20:
        return (
            f"the wavelengths start again {back} times: overlapping orders of an échelle, or several spectra "
            "in one; merge the orders, or write each spectrum (of an échelle the order with Hα and "
            "both continua) to a file of its own"
        )
    return "the wavelengths neither ascend nor descend; sort the rows by wavelength"


def _check_signal(usable: FloatArray, source: str) -> None:
    if not usable.size:
        raise DataError(source, "no_data", "every pixel is flagged as bad")
    if not usable.any():
        raise DataError(source, "all_zero", "the flux is zero in every usable pixel")
    if np.ptp(usable) == 0:
        raise DataError(source, "constant", f"the flux is {usable[0]:g} in every usable pixel")


def not_a_flux(values: FloatArray) -> BoolArray:
    """Mark what is not finite or beyond single precision."""
    return np.asarray(~(np.abs(values) < LARGEST))


def clean_ivar(ivar: FloatArray) -> FloatArray:
    """Put 0 (unknown) for inverse variances that are negative, not finite or beyond single precision."""
    good: BoolArray = (ivar > 0) & (ivar < LARGEST)
    return np.where(good, ivar, 0.0)

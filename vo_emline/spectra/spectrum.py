"""The one spectrum type: vacuum wavelengths, flux, inverse variance, mask and identity."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from vo_emline.arrays import BoolArray, FloatArray

Medium = Literal["air", "vacuum"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Which observation of which star this is, as far as the file tells."""

    source: str
    """The file it was read from, as the user named it."""
    survey: str = ""
    """``LAMOST LRS``, ``LAMOST MRS``, ``Ondrejov CCD700`` or empty."""
    release: str = ""
    """Data version or pipeline version the file states (``v2.6.4``, ``LAMOST DR7``)."""
    obsid: int | None = None
    """LAMOST observation identifier (absent in DR1 and DR2 files)."""
    publisher_did: str = ""
    designation: str = ""
    """LAMOST designation (``J063416.35+023030.2``), without a survey prefix."""
    object_name: str = ""
    """Name of the target as the file gives it."""
    ra: float | None = None
    """Right ascension, ICRS, deg."""
    dec: float | None = None
    """Declination, ICRS, deg."""
    lmjd: int | None = None
    planid: str = ""
    spid: int | None = None
    fiberid: int | None = None
    fiber_type: str = ""
    """``Obj``, ``Sky``, ``F-Std``, …"""
    epoch_mjd: float | None = None
    """Epoch, MJD (UTC), from DATE-OBS and never from the ``MJD`` card: the middle of the
    observation for LAMOST, the start of the exposure for Ondřejov."""
    exposure_s: float | None = None
    spectral_class: str = ""
    """Class by the survey's pipeline (``STAR``, ``GALAXY``, …)."""
    spectral_subclass: str = ""
    """Subclass by the survey's pipeline (``A2V``); empty where it says ``Non``."""
    redshift: float | None = None
    snr_r: float | None = None
    """Signal-to-noise ratio per pixel in r, as the file states it; None for the sentinel."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """What a file holds, as an index of spectra wants to know it."""

    wave_min: float
    """First wavelength, vacuum Å."""
    wave_max: float
    """Last wavelength, vacuum Å."""
    n_pixels: int
    resolving_power: float
    """λ/Δλ (FWHM) near Hα."""
    normalised: bool
    """Whether the flux is continuum-normalised."""
    layout: str
    """Name of the file layout."""
    file_size: int | None
    """Size of the file on disk, bytes; None where it was not read from one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spectrum:
    """A spectrum on vacuum wavelengths.

    All arrays are one-dimensional and of one length; wavelengths ascend
    strictly. Pixels that should not be used are marked in `mask`, never
    removed, so that strong lines whose inverse variance the pipeline spoilt
    stay in place.
    """

    wavelength_vac: FloatArray
    """Wavelength in vacuum, Å, ascending."""
    flux: FloatArray
    """Flux, in the unit of `flux_unit` (relative or continuum-normalised counts where empty)."""
    ivar: FloatArray | None = None
    """Inverse variance of `flux`; 0 where unknown; None where the file has none."""
    mask: BoolArray
    """True where a pixel is bad (NaN, no data, flagged unusable)."""
    resolving_power: float
    """λ/Δλ (FWHM) of the instrument near Hα."""
    identity: Identity
    medium: Medium = "vacuum"
    """Medium of the wavelengths *in the file* (they are vacuum here in any case)."""
    normalised: bool = False
    """Whether the flux is continuum-normalised."""
    flux_unit: str = ""
    layout: str = ""
    """Name of the file layout that was recognised."""
    normalised_flux: FloatArray | None = field(default=None, repr=False)
    """The pipeline's continuum-normalised flux, where the file holds one (LAMOST: row 3 in DR1,
    column NORMALIZATION from DR9 on)."""
    file_size: int | None = None
    """Size of the file on disk, bytes; None where it was not read from one."""
    whole: Coverage | None = None
    """What the file holds, where this is only a part (:func:`~vo_emline.spectra.read_part`)."""

    def __len__(self) -> int:
        """Count the pixels."""
        return self.wavelength_vac.size

    @property
    def coverage(self) -> Coverage:
        """What the file holds, also where this is only a part of it."""
        return self.whole or Coverage(
            wave_min=float(self.wavelength_vac[0]),
            wave_max=float(self.wavelength_vac[-1]),
            n_pixels=len(self),
            resolving_power=self.resolving_power,
            normalised=self.normalised,
            layout=self.layout,
            file_size=self.file_size,
        )

"""The one spectrum type: vacuum wavelengths, flux, inverse variance, mask and identity."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

from vo_emline.arrays import BoolArray, FloatArray
from vo_emline.spectra.medium import Medium
from vo_emline.spectra.ranges import clean_text, impossible

READ_FLAGS: Final = {
    "medium_assumed": "the file does not say whether its wavelengths are in air or vacuum; air was assumed",
    "mask_unknown": "the file has a mask whose meaning is not known; it was not applied",
    "low_resolution": "the resolving power is below 1500, lower than that of the survey the network knows",
    "out_of_range": "the header has an impossible number (position, date, identifier); it counts as unknown",
    "partial_window": "the spectrum ends within the window; what is missing was filled with the continuum",
    "artefact_dead": "pixels of the line are bad; what the network saw there was interpolated",
    "artefact_spike": "at Hα something stands out that is narrower than the line spread lets a line be",
    "artefact_step": "near Hα the flux steps from one pixel to the next, sharper than the line spread allows",
    "artefact_clipped": "many pixels share the very same highest or lowest flux",
    "artefact_quantised": "the flux takes a handful of values only",
    "artefact_negative": "the continuum is negative by many times its noise",
}
"""What a reader or the preparation had to assume, leave out or fill in or found to be no star's, and what
that means."""

_TEXTS: Final = ("survey", "release", "publisher_did", "designation", "object_name", "planid", "fiber_type",
                 "spectral_class", "spectral_subclass")  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Which observation of which star this is, as far as the file tells.

    Numbers outside of :data:`~vo_emline.spectra.ranges.RANGES` become None when one is made, and
    `read_flags` says so.
    """

    source: str
    """The file it was read from, as the user named it; with the part of it where the file holds several
    spectra (``file.fits[2]``, ``file.fits[1]#row=3``)."""
    survey: str = ""
    """Name of a file in ``spectra/surveys`` (``LAMOST LRS``, ``SDSS``, …), the file's own word, or empty."""
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
    """Epoch, MJD (UTC): of what, says `epoch_kind`. Never from LAMOST's ``MJD`` card."""
    epoch_kind: str = ""
    """``middle`` or ``start`` of the exposure, ``day`` where the file has no time, empty without an epoch."""
    exposure_s: float | None = None
    spectral_class: str = ""
    """Class by the survey's pipeline (``STAR``, ``GALAXY``, …)."""
    spectral_subclass: str = ""
    """Subclass by the survey's pipeline (``A2V``); empty where it says ``Non``."""
    redshift: float | None = None
    snr_r: float | None = None
    """Signal-to-noise ratio per pixel in r, as the file states it; None for the sentinel."""
    read_flags: str = ""
    """Keys of :data:`READ_FLAGS` that apply, separated by blanks, in their order."""

    def __post_init__(self) -> None:
        """Make impossible values unknown."""
        wrong = impossible(self)
        if wrong:
            self._forget(wrong)
        for name in _TEXTS:
            said = getattr(self, name)
            if said and not (said.isprintable() and len(said) <= 300):
                object.__setattr__(self, name, clean_text(said))

    def _forget(self, wrong: list[str]) -> None:
        if {"ra", "dec"} & set(wrong):
            wrong = [*wrong, "ra", "dec"]
        for name in wrong:
            object.__setattr__(self, name, None)
        if self.epoch_mjd is None:
            object.__setattr__(self, "epoch_kind", "")
        object.__setattr__(self, "read_flags", _joined(self.read_flags, "out_of_range"))

    def flagged(self, *names: str) -> Identity:
        """Give the identity with some keys of :data:`READ_FLAGS` added."""
        return replace(self, read_flags=_joined(self.read_flags, *names)) if names else self


def _joined(flags: str, *more: str) -> str:
    raised = {*flags.split(), *more}
    return " ".join(name for name in READ_FLAGS if name in raised)


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
    def flags(self) -> tuple[str, ...]:
        """Keys of :data:`READ_FLAGS` that apply: what was assumed or left out when it was read."""
        return tuple(self.identity.read_flags.split())

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

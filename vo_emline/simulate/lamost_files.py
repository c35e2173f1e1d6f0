"""LAMOST-like FITS files in the true layouts of three releases."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Final

import numpy as np
from astropy.io import fits
from astropy.time import Time

from vo_emline.arrays import FloatArray
from vo_emline.simulate.instruments import LAMOST_LOG_START, LAMOST_LOG_STEP, Release
from vo_emline.spectra.medium import SPEED_OF_LIGHT_KMS

SNR_CAP_DR1: Final = 99.0
"""DR1 writes no larger signal-to-noise ratio."""

PLATE: Final = 250
"""Fibres of a spectrograph."""
SPECTROGRAPHS: Final = 16
FIRST_OBSID: Final = 9_000_000_000
"""Observation identifier of the first simulated spectrum, out of the range the survey uses."""

_EXTEN0: Final = {
    "dr1": "Flux Inverse Subcontinuum Andmask Ormask",
    "dr7": "Flux, Inverse, Wavelength, Andmask, Ormask",
}
_VERSION: Final = {"dr1": "v2.6.4", "dr7": "v2.9.8", "dr10": "v2.9.8"}


@dataclass(frozen=True, slots=True, kw_only=True)
class LamostRecord:
    """One spectrum and what its header says."""

    number: int
    """Running number: makes plan, spectrograph, fibre and observation identifier."""
    plan: str
    release: Release
    wavelength_vac: FloatArray
    flux: FloatArray
    ivar: FloatArray
    normalised_flux: FloatArray
    epoch_mjd: float
    ra: float
    dec: float
    designation: str
    object_name: str
    spectral_class: str
    spectral_subclass: str
    velocity_kms: float
    helio_kms: float

    @property
    def lmjd(self) -> int:
        """Local modified Julian day: one more than that of DATE-OBS in every real file."""
        return int(self.epoch_mjd) + 1

    @property
    def planid(self) -> str:
        """Plan identifier, one per 16 spectrographs of 250 fibres."""
        return f"{self.plan}V{self.number // (PLATE * SPECTROGRAPHS) + 1}"

    @property
    def spid(self) -> int:
        """Spectrograph, from 1."""
        return self.number // PLATE % SPECTROGRAPHS + 1

    @property
    def fiberid(self) -> int:
        """Fibre, from 1."""
        return self.number % PLATE + 1

    @property
    def obsid(self) -> int:
        """Observation identifier."""
        return FIRST_OBSID + self.number

    @property
    def file_name(self) -> str:
        """Name as the survey forms it."""
        stem = f"spec-{self.lmjd}-{self.planid}_sp{self.spid:02d}-{self.fiberid:03d}"
        return f"{stem}.fits.gz" if self.release == "dr10" else f"{stem}.fits"


def lamost_bytes(record: LamostRecord) -> bytes:
    """Write a spectrum in the layout of its release: image (DR1, DR7) or gzipped ``COADD`` table (DR10)."""
    hdus = _table(record) if record.release == "dr10" else _image(record)
    buffer = BytesIO()
    hdus.writeto(buffer)
    content = buffer.getvalue()
    return gzip.compress(content, compresslevel=3, mtime=0) if record.release == "dr10" else content


def _image(record: LamostRecord) -> Any:
    third = record.normalised_flux if record.release == "dr1" else record.wavelength_vac
    masks = np.zeros((2, record.flux.size))
    rows = np.vstack([record.flux, record.ivar, third, masks]).astype(np.float32)
    primary = fits.PrimaryHDU(rows)
    primary.header["EXTEN0"] = _EXTEN0[record.release]
    _fill(primary.header, record)
    return fits.HDUList([primary])


def _table(record: LamostRecord) -> Any:
    primary = fits.PrimaryHDU()
    _fill(primary.header, record)
    primary.header["NORM"] = 1
    zero = np.zeros(record.flux.size)
    values = {
        "FLUX": record.flux,
        "IVAR": record.ivar,
        "WAVELENGTH": record.wavelength_vac,
        "ANDMASK": zero,
        "ORMASK": zero,
        "NORMALIZATION": record.normalised_flux,
    }
    form = f"{record.flux.size}E"
    columns = [fits.Column(name=name, format=form, array=row[None, :]) for name, row in values.items()]
    return fits.HDUList([primary, fits.BinTableHDU.from_columns(columns, name="COADD")])


def _fill(header: Any, record: LamostRecord) -> None:
    """Write the cards that readers use, with the releases' own names and quirks."""
    for cards in (_observation(record), _target(record), _reduction(record), _analysis(record)):
        header.update(cards)


def _observation(record: LamostRecord) -> dict[str, Any]:
    # In DR1 files MJD is two days too high; DATE-OBS alone is right.
    mjd = record.lmjd + 1 if record.release == "dr1" else record.lmjd - 1
    identity = (
        {}
        if record.release == "dr1"
        else {"OBSID": record.obsid, "DATA_V": f"LAMOST {record.release.upper()}"}
    )
    return identity | {
        "AUTHOR": "vo-emline simulation",
        "FILENAME": record.file_name.removesuffix(".gz"),
        "TELESCOP": "LAMOST",
        "DATE-OBS": Time(record.epoch_mjd, format="mjd", precision=2).isot,
        "LMJD": record.lmjd,
        "MJD": mjd,
        "PLANID": record.planid,
        "SPID": record.spid,
        "FIBERID": record.fiberid,
        "EXPTIME": 2700.0,
    }


def _target(record: LamostRecord) -> dict[str, Any]:
    fibre = "FIB_TYPE" if record.release == "dr10" else "FIBERTYP"
    return {
        "RA": record.ra,
        "DEC": record.dec,
        "DESIG": f"LAMOST {record.designation}",
        "OBJNAME": record.object_name,
        fibre: "Obj",
        "RADECSYS": "FK5",
        "EQUINOX": 2000.0,
    }


def _reduction(record: LamostRecord) -> dict[str, Any]:
    return {
        "HELIO": True,
        "HELIO_RV": round(record.helio_kms, 5),
        "VACUUM": True,
        "COEFF0": LAMOST_LOG_START,
        "COEFF1": LAMOST_LOG_STEP,
        "CRVAL1": LAMOST_LOG_START,
        "CD1_1": LAMOST_LOG_STEP,
        "CRPIX1": 1,
        "CTYPE1": "LINEAR",
        "DC-FLAG": 1,
        "VERSPIPE": _VERSION[record.release],
    }


def _analysis(record: LamostRecord) -> dict[str, Any]:
    return {
        "CLASS": record.spectral_class,
        "SUBCLASS": record.spectral_subclass,
        "Z": round(record.velocity_kms / SPEED_OF_LIGHT_KMS, 8),
        "SN_R" if record.release == "dr1" else "SNRR": stated_snr(record),
    }


def stated_snr(record: LamostRecord) -> float:
    """Signal-to-noise ratio in r as the header states it: from the inverse variance, capped in DR1."""
    band = (record.wavelength_vac > 5600.0) & (record.wavelength_vac < 6900.0)
    snr = 0.77 * float(np.median(record.flux[band] * np.sqrt(record.ivar[band])))
    return round(min(snr, SNR_CAP_DR1) if record.release == "dr1" else snr, 2)

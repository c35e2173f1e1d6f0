"""Simulated FITS files: what is in them, and how both instruments lay it out."""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Final

import numpy as np
from astropy.io import fits
from astropy.time import Time
from scipy.ndimage import percentile_filter

from vo_emline.arrays import FloatArray
from vo_emline.simulate.grids import Grid
from vo_emline.simulate.instruments import (
    LAMOST_LOG_START,
    LAMOST_LOG_STEP,
    ONDREJOV_PIXELS,
    Observed,
    Release,
    lamost_pixels,
    observe_lamost,
    observe_ondrejov,
    ondrejov_pixels,
)
from vo_emline.simulate.population import Exposures
from vo_emline.simulate.stars import FEATURELESS, Stars, designation, spectral_type
from vo_emline.simulate.synthesis import synthesise
from vo_emline.simulate.truth import object_name
from vo_emline.spectra.medium import HALPHA_VAC, SPEED_OF_LIGHT_KMS, vacuum_to_air

DETECTOR_CHANGE_MJD: Final = 56_500.0
"""The Ondřejov camera got its E2V detector in 2013."""

RADIATION_CONSTANT: Final = 1.438777e8
"""Second radiation constant, Å K (CODATA 2018)."""

BLOCK: Final = 8
"""Pixels of which the median stands for all in the pseudo-continuum."""

_ONDREJOV_GRID: Final = Grid.covering(6250.0, 6770.0, step_kms=5.0)
_LAMOST_GRID: Final = Grid.covering(3670.0, 9130.0, step_kms=25.0)


def ondrejov_records(stars: Stars, chunk: Exposures, *, first: int, seed: int) -> Iterator[OndrejovRecord]:
    """Observe `chunk` with the Ondřejov camera, whose detector depends on the epoch.

    Parameters
    ----------
    stars
        All stars.
    chunk
        Observations; the first of them has running number `first`.
    first
        Running number.
    seed
        Decides the noise, together with `first`.
    """
    ideal = synthesise(stars, chunk, grid=_ONDREJOV_GRID, seed=seed)
    random = np.random.default_rng([seed, 4, first])
    seen = {
        detector: observe_ondrejov(ideal, chunk, wavelength_vac=ondrejov_pixels(detector), random=random)
        for detector in ONDREJOV_PIXELS
    }
    for i, star in enumerate(chunk.star.tolist()):
        observed = seen["SITe" if chunk.epoch_mjd[i] < DETECTOR_CHANGE_MJD else "E2V"]
        yield OndrejovRecord(
            name=f"sim{seed:03d}{first + i:06d}",
            wavelength_vac=observed.wavelength_vac,
            flux=observed.flux[i],
            epoch_mjd=float(chunk.epoch_mjd[i]),
            exposure_s=1200.0,
            ra=float(stars.ra[star]),
            dec=float(stars.dec[star]),
            object_name=object_name("ondrejov", star, seed=seed),
        )


def lamost_records(
    stars: Stars, chunk: Exposures, *, first: int, seed: int, releases: Sequence[Release]
) -> Iterator[LamostRecord]:
    """Observe `chunk` with LAMOST, in the layouts of `releases` in turn.

    Parameters
    ----------
    stars, chunk, first, seed
        As for :func:`ondrejov_records`.
    releases
        Layouts.
    """
    ideal = synthesise(stars, chunk, grid=_LAMOST_GRID, seed=seed)
    random = np.random.default_rng([seed, 5, first])
    wavelength = lamost_pixels()
    seen = {
        release: observe_lamost(ideal, chunk, wavelength_vac=wavelength, release=release, random=random)
        for release in releases
    }
    for i in range(len(chunk)):
        release = releases[(first + i) % len(releases)]
        yield _lamost_record(stars, chunk, i, seen[release], release=release, number=first + i, seed=seed)


def _lamost_record(
    stars: Stars, chunk: Exposures, i: int, seen: Observed, *, release: Release, number: int, seed: int
) -> LamostRecord:
    star = int(chunk.star[i])
    ra, dec, teff = float(stars.ra[star]), float(stars.dec[star]), float(stars.teff[star])
    colour = continuum_shape(seen.wavelength_vac, teff)
    ivar = np.zeros_like(colour) if seen.ivar is None else seen.ivar[i]
    featureless = stars.family[star] == FEATURELESS
    return LamostRecord(
        number=number,
        plan=f"SIM{seed:03d}",
        release=release,
        wavelength_vac=seen.wavelength_vac,
        flux=seen.flux[i] * colour,
        ivar=ivar / np.square(colour),
        normalised_flux=normalise(seen.flux[i] / seen.continuum[i]),
        epoch_mjd=float(chunk.epoch_mjd[i]),
        ra=ra,
        dec=dec,
        designation=designation(ra, dec),
        object_name=object_name("lamost", star, seed=seed),
        spectral_class="GALAXY" if featureless else "STAR",
        spectral_subclass="Non" if featureless else spectral_type(teff),
        velocity_kms=float(chunk.velocity_kms[i]),
        helio_kms=float(chunk.helio_kms[i]),
    )


def normalise(flux: FloatArray) -> FloatArray:
    """Divide a spectrum by its pseudo-continuum, as the survey's pipeline does.

    The pseudo-continuum of a cool star runs below the true one: here it is the
    running 70th percentile over some 320 pixels of medians of 8.
    """
    usable = flux.size // BLOCK * BLOCK
    medians = np.median(flux[:usable].reshape(-1, BLOCK), axis=1)
    level = percentile_filter(medians, 70, size=41, mode="nearest")
    centres = BLOCK * np.arange(medians.size) + 0.5 * (BLOCK - 1)
    return np.asarray(flux / np.maximum(np.interp(np.arange(flux.size), centres, level), 1e-3))


def continuum_shape(wavelength_vac: FloatArray, teff: float) -> FloatArray:
    """Give Planck's law for `teff` (K) over its value at Hα, shape of `wavelength_vac` (Å)."""
    exponent = RADIATION_CONSTANT / (wavelength_vac * teff)
    at_halpha = RADIATION_CONSTANT / (HALPHA_VAC * teff)
    return np.asarray((HALPHA_VAC / wavelength_vac) ** 5 * np.expm1(at_halpha) / np.expm1(exponent))


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


DID_PREFIX: Final = "ivo://vo-emline.sim/ccd700/"
"""Publisher dataset identifiers of simulated spectra are this and the name of the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OndrejovRecord:
    """One spectrum and what its header says."""

    name: str
    """Name of the observation, as in the file name."""
    wavelength_vac: FloatArray
    flux: FloatArray
    epoch_mjd: float
    exposure_s: float
    ra: float
    dec: float
    object_name: str

    @property
    def publisher_did(self) -> str:
        """Publisher dataset identifier."""
        return DID_PREFIX + self.name

    @property
    def file_name(self) -> str:
        """Name of the file."""
        return f"{self.name}.fits"


def ondrejov_bytes(record: OndrejovRecord) -> bytes:
    """Write a normalised spectrum as a FITS table of air wavelengths and fluxes."""
    wavelength_air = vacuum_to_air(record.wavelength_vac)
    table = fits.BinTableHDU.from_columns(
        [
            fits.Column(name="spectral", format="D", unit="Angstrom", array=wavelength_air),
            fits.Column(name="flux", format="D", array=record.flux),
        ]
    )
    table.header.comments["TTYPE1"] = "Air wavelength"
    table.header.comments["TTYPE2"] = "Relative flux"
    table.header.update(_cards(record, first_air=wavelength_air[0], last_air=wavelength_air[-1]))
    buffer = BytesIO()
    fits.HDUList([fits.PrimaryHDU(), table]).writeto(buffer)
    return buffer.getvalue()


def _cards(record: OndrejovRecord, *, first_air: float, last_air: float) -> dict[str, Any]:
    return {
        "TUTYP1": "spec:spectrum.data.spectralaxis.value",
        "TUTYP2": "spec:spectrum.data.fluxaxis.value",
        "TITLE": f"ccd700/simulated/{record.name}.fit",
        "DS_IDPUB": record.publisher_did,
        "DATE": Time(record.epoch_mjd, format="mjd", precision=0).isot,
        "SPECBAND": "Optical",
        "OBJECT": record.object_name,
        "SRCCLASS": "star",
        "RA": record.ra,
        "DEC": record.dec,
        "APERTURE": 0.000167,
        "TMID": (record.epoch_mjd, "[d]"),
        "TELAPSE": (record.exposure_s, "[s]"),
        "SPEC_VAL": (0.5e-10 * (first_air + last_air), "[m]"),
        "SPEC_BW": (1e-10 * (last_air - first_air), "[m]"),
        "TDMIN1": (1e-10 * first_air, "[m]"),
        "TDMAX1": (1e-10 * last_air, "[m]"),
        "RADECSYS": "ICRS",
        "SPECSDIM": "Angstrom",
        "VOSEGT": "Spectrum",
        "DSSOURCE": "pointed",
        "CRETYPE": "theory",
        # As in the real archive, although the flux is normalised
        "FLUX_CAL": "UNCALIBRATED",
        "SPEC_CAL": "ABSOLUTE",
    }

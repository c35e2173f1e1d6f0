"""Ondřejov-like FITS tables, as the DataLink service of the CCD700 archive delivers them."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import Any, Final

from astropy.io import fits
from astropy.time import Time

from vo_emline.arrays import FloatArray
from vo_emline.spectra.medium import vacuum_to_air

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

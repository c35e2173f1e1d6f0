"""A spectrum ready for delivery, and what it says about itself in every format."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np

from service.formats.header import ParamValue
from service.products.calibration import CalibratedFlux, calibrated
from service.products.entries import Entry
from service.products.request import SpectrumRequest
from vo_emline.arrays import BoolArray, FloatArray
from vo_emline.candidates.obscore import LAMOST_FIBRE_DEG
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


Value = ParamValue | None

MODEL: Final = "Spectrum-1.1"
"""Name of the data model (Spectrum Data Model 1.1, IVOA Recommendation 2011-11-20)."""

APERTURES_DEG: Final = {"LAMOST": LAMOST_FIBRE_DEG, "Ondrejov CCD700": 0.000167}
"""Angular size of the aperture on the sky, deg, by the beginning of the collection's name:
the LAMOST fibres, and the slit as the archive of Ondřejov gives it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One fact about a spectrum."""

    name: str
    """Name of the PARAM and key in text formats."""
    value: Callable[[Product], Value] | str
    """What gives the value (None where unknown: the item is then left out), or a constant."""
    description: str
    utype: str = ""
    """Below ``spec:Spectrum.``; empty for what the data model does not know."""
    card: str = ""
    """FITS keyword (Spectrum Data Model 1.1, table 10); empty for none."""
    unit: str | None = None
    ucd: str | None = None


def aperture_deg(collection: str) -> float | None:
    """Give the angular size of the aperture of a collection, deg; None where unknown."""
    return next((size for name, size in APERTURES_DEG.items() if collection.startswith(name)), None)


def isot(mjd: float | None) -> str | None:
    """Write an MJD (UTC) as ISO 8601 with milliseconds and without a zone, as FITS does."""
    if mjd is None:
        return None
    moment = datetime(1858, 11, 17, tzinfo=UTC) + timedelta(days=mjd)
    return moment.replace(tzinfo=None).isoformat(timespec="milliseconds")


def facts(product: Product) -> list[tuple[Item, ParamValue]]:
    """Give what is known of `product`, in the order of :data:`ITEMS`."""
    known = [(item, item.value if isinstance(item.value, str) else item.value(product)) for item in ITEMS]
    return [(item, value) for item, value in known if value is not None and value != ""]


def _position(product: Product) -> tuple[float, float] | None:
    ra, dec = product.entry.ra, product.entry.dec
    return None if ra is None or dec is None else (ra, dec)


def _middle(product: Product) -> float | None:
    start, exposure = product.entry.start_mjd, product.entry.exposure_s
    return None if start is None else start + (exposure or 0.0) / 2 / 86400


def _stop(product: Product) -> float | None:
    start, exposure = product.entry.start_mjd, product.entry.exposure_s
    return None if start is None or exposure is None else start + exposure / 86400


def _metre(product: Product, index: int) -> float:
    return product.bounds_vac[index] * 1e-10


def _title(product: Product) -> str:
    return f"{product.entry.target_name or product.entry.obs_publisher_did} ({product.entry.collection})"


ITEMS: Final = (
    Item(name="DataModel", utype="DataModel", card="VOCLASS", value=MODEL,
         description="Data model of this document"),
    Item(name="Type", utype="Type", card="VOSEGT", value="Spectrum", description="Type of the dataset"),
    Item(name="SpectralSI", utype="SpectralSI", card="SPECSDIM", value="1.E-10 L",
         description="Dimension of the wavelengths (Osuna and Salgado 2005)"),
    Item(name="Length", utype="Length", card="DATALEN", value=len, ucd="meta.number",
         description="Number of pixels"),
    Item(name="Title", utype="DataID.Title", card="TITLE", value=_title, ucd="meta.title;meta.dataset",
         description="Title of the dataset"),
    Item(name="PublisherDID", utype="Curation.PublisherDID", card="DS_IDPUB", ucd="meta.ref.ivoid",
         value=lambda p: p.entry.obs_publisher_did, description="Publisher dataset identifier"),
    Item(name="Collection", utype="DataID.Collection", card="COLLECT1", ucd="meta.id",
         value=lambda p: p.entry.collection, description="Survey or instrument the spectrum belongs to"),
    Item(name="Version", utype="DataID.Version", card="VERSION", ucd="meta.version",
         value=lambda p: p.entry.release,
         description="Version of the data or of the pipeline, from the file"),
    Item(name="Obsid", card="OBSID", ucd="meta.id;obs", value=lambda p: p.spectrum.identity.obsid,
         description="LAMOST observation identifier"),
    Item(name="Target", utype="Target.Name", card="OBJECT", ucd="meta.id;src",
         value=lambda p: p.entry.target_name,
         description="Name of the target"),
    Item(name="TargetClass", utype="Target.Class", card="SRCCLASS", ucd="src.class",
         value=lambda p: p.entry.spectral_class, description="Class by the survey's pipeline"),
    Item(name="SpectralClass", utype="Target.SpectralClass", card="SPECTYPE", ucd="src.spType",
         value=lambda p: p.entry.spectral_subclass, description="Subclass by the survey's pipeline"),
    Item(name="TargetPos", utype="Target.Pos", unit="deg", ucd="pos.eq;src", value=_position,
         description="Position of the target, ICRS"),
    Item(name="Position", utype="Char.SpatialAxis.Coverage.Location.Value", unit="deg", ucd="pos.eq",
         value=_position, description="Position of the aperture, ICRS"),
    Item(name="RA", card="RA", unit="deg", ucd="pos.eq.ra", value=lambda p: p.entry.ra,
         description="Right ascension, ICRS"),
    Item(name="DEC", card="DEC", unit="deg", ucd="pos.eq.dec", value=lambda p: p.entry.dec,
         description="Declination, ICRS"),
    Item(name="SpaceFrame", utype="CoordSys.SpaceFrame.Name", card="RADESYS", value="ICRS",
         description="Frame of the positions"),
    Item(name="Aperture", utype="Char.SpatialAxis.Coverage.Bounds.Extent", card="APERTURE", unit="deg",
         ucd="phys.angSize;instr.fov", value=lambda p: aperture_deg(p.entry.collection),
         description="Aperture on the sky"),
    Item(name="DateObs", card="DATE-OBS", ucd="time.start;obs.exposure",
         value=lambda p: isot(p.entry.start_mjd),
         description="Start of the exposure, UTC"),
    Item(name="MjdObs", card="MJD-OBS", unit="d", ucd="time.start;obs.exposure",
         value=lambda p: p.entry.start_mjd,
         description="Start of the exposure, MJD"),
    Item(name="TimeFrame", utype="CoordSys.TimeFrame.Name", card="TIMESYS", value="UTC",
         description="Time scale of the times"),
    Item(name="TimeStart", utype="Char.TimeAxis.Coverage.Bounds.Start", card="TSTART", unit="d",
         ucd="time.start;obs.exposure", value=lambda p: p.entry.start_mjd,
         description="Start of the exposure, MJD"),
    Item(name="TimeStop", utype="Char.TimeAxis.Coverage.Bounds.Stop", card="TSTOP", unit="d",
         ucd="time.end;obs.exposure", value=_stop, description="End of the exposure, MJD"),
    Item(name="TimeMiddle", utype="Char.TimeAxis.Coverage.Location.Value", card="TMID", unit="d",
         ucd="time.epoch;obs.exposure", value=_middle, description="Middle of the exposure, MJD"),
    Item(name="TimeExtent", utype="Char.TimeAxis.Coverage.Bounds.Extent", card="TELAPSE", unit="s",
         ucd="time.duration;obs.exposure", value=lambda p: p.entry.exposure_s, description="Exposure time"),
    Item(name="SpectralMedium", card="AIRORVAC", value=lambda p: "vac" if p.medium == "vacuum" else "air",
         description="Medium of the wavelengths in the table: vac or air"),
    Item(name="VacuumWavelength", card="VACUUM", value=lambda p: p.medium == "vacuum",
         description="Whether the wavelengths in the table are vacuum wavelengths"),
    Item(name="SpectralLocation", utype="Char.SpectralAxis.Coverage.Location.Value", card="SPEC_VAL",
         unit="m",
         ucd="instr.bandpass;em.wl", value=lambda p: (_metre(p, 0) + _metre(p, 1)) / 2,
         description="Middle of the covered wavelengths, vacuum"),
    Item(name="SpectralExtent", utype="Char.SpectralAxis.Coverage.Bounds.Extent", card="SPEC_BW", unit="m",
         ucd="instr.bandwidth;em.wl", value=lambda p: _metre(p, 1) - _metre(p, 0),
         description="Width of the covered wavelengths, vacuum"),
    Item(name="SpectralStart", utype="Char.SpectralAxis.Coverage.Bounds.Start", card="TDMIN1", unit="m",
         ucd="em.wl;stat.min", value=lambda p: _metre(p, 0), description="First wavelength, vacuum"),
    Item(name="SpectralStop", utype="Char.SpectralAxis.Coverage.Bounds.Stop", card="TDMAX1", unit="m",
         ucd="em.wl;stat.max", value=lambda p: _metre(p, 1), description="Last wavelength, vacuum"),
    Item(name="SpectralUcd", utype="Char.SpectralAxis.Ucd", card="SPEC_UCD", value="em.wl",
         description="UCD of the wavelengths"),
    Item(name="SpectralUnit", utype="Char.SpectralAxis.Unit", card="SPEC_UNI", value="Angstrom",
         description="Unit of the wavelengths"),
    Item(name="SpectralCalibration", utype="Char.SpectralAxis.Calibration", card="SPEC_CAL",
         value="ABSOLUTE", description="Calibration of the wavelengths"),
    Item(name="ResolvingPower", utype="Char.SpectralAxis.ResPower", card="SPEC_RP", ucd="spect.resolution",
         value=lambda p: p.spectrum.resolving_power,
         description="Resolving power near H-alpha (wavelength/FWHM)"),
    Item(name="FluxUcd", utype="Char.FluxAxis.Ucd", card="FLUX_UCD", value="phot.flux.density;em.wl",
         description="UCD of the flux"),
    Item(name="FluxUnit", utype="Char.FluxAxis.Unit", card="FLUXUNIT", value=lambda p: p.scale.unit,
         description="Unit of the flux"),
    Item(name="FluxCalibration", utype="Char.FluxAxis.Calibration", card="FLUX_CAL",
         value=lambda p: p.scale.calibration, description="UNCALIBRATED, RELATIVE or NORMALIZED"),
    Item(name="FluxHistory", card="HISTORY", value=lambda p: p.scale.history,
         description="How the flux was scaled"),
    Item(name="SNR", utype="Derived.SNR", card="DER_SNR", ucd="stat.snr", value=lambda p: p.entry.snr_r,
         description="Signal-to-noise ratio per pixel in r, from the file"),
    Item(name="CreationType", utype="DataID.CreationType", card="CRETYPE",
         value=lambda p: "cutout" if len(p) < len(p.spectrum) else "archival",
         description="How the data came about"),
    Item(name="DataSource", utype="DataID.DataSource", card="DSSOURCE",
         value=lambda p: "survey" if p.entry.collection.startswith("LAMOST") else "pointed",
         description="Survey or pointed observation"),
)  # fmt: skip
"""Every fact, in the order in which they are written."""

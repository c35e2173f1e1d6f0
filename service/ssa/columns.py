"""The columns of an SSA answer (SSA 1.1, section 4.2.5), as SQL over the index of spectra.

Every column is computed: expressions are DuckDB SQL over the columns of
:data:`vo_emline.candidates.columns.SPECTRA`, ``separation`` and ``radius``
(deg, NULL without POS), the columns ``mime``, ``prefix``, ``suffix``,
``pixel_bytes`` and ``fixed_bytes`` of the asked format, and the named
parameters ``$publisher``, ``$contact`` and ``$published``.
"""

from __future__ import annotations

from typing import Final

from service.products.product import APERTURES_DEG, MODEL
from vo_emline.tables import Column, Datatype, Table

_CASES = " ".join(
    f"WHEN starts_with(collection, '{name}') THEN {size!r}" for name, size in APERTURES_DEG.items()
)
APERTURE_SQL: Final = f"CASE {_CASES} END"
"""Angular size of the aperture, deg."""

CALIBRATIONS: Final = ("NORMALIZED", "RELATIVE", "UNCALIBRATED")
"""Calibrations of the flux (Spectrum Data Model 1.1, section 4.7)."""

CALIBRATION_SQL: Final = (
    "CASE WHEN normalised THEN 'NORMALIZED' WHEN starts_with(collection, 'LAMOST') THEN 'RELATIVE' "
    "ELSE 'UNCALIBRATED' END"
)
"""Calibration of the flux in the original file."""

_DID = "url_encode(obs_publisher_did)"
_MIDDLE = "start_mjd + coalesce(exposure_s, 0) / 172800"
_POSITION = "CASE WHEN ra IS NOT NULL AND dec IS NOT NULL THEN [ra, dec] END"


def _column(
    name: str, computed: str, *, utype: str, text: str, datatype: Datatype = "char",
    arraysize: str | None = None, unit: str | None = None, ucd: str | None = None,
) -> Column:  # fmt: skip
    return Column(
        name=name, datatype=datatype, arraysize="*" if datatype == "char" else arraysize, unit=unit, ucd=ucd,
        utype=f"ssa:{utype}" if utype else None, description=text, computed=computed,
    )  # fmt: skip


_ACCESS = (
    _column("ssa_score", "CAST(coalesce(1 - separation / nullif(radius, 0), 1) AS REAL)", datatype="float",
            utype="Query.Score", text="How well the spectrum fits: 1 best, 0 at the edge of the circle"),
    _column("accref", f"prefix || {_DID} || suffix", ucd="meta.ref.url", utype="Access.Reference",
            text="Address of the spectrum"),
    _column("mime", "mime", ucd="meta.code.mime", utype="Access.Format", text="Media type of the spectrum"),
    _column("accsize", "coalesce(CAST(n_pixels * pixel_bytes + fixed_bytes AS BIGINT), file_size)",
            datatype="long", unit="byte", ucd="phys.size;meta.file", utype="Access.Size",
            text="Estimated size of the download"),
    _column("datalink_url", f"'{{base_url}}/datalink/links?ID=' || {_DID}", ucd="meta.ref.url", utype="",
            text="DataLink document: the spectrum in other formats, preview, cut-outs"),
    _column("preview_image_url", f"'{{base_url}}/preview.png?ID=' || {_DID}", ucd="meta.ref.url;meta.preview",
            utype="", text="Picture of the spectrum around H-alpha (PNG)"),
)  # fmt: skip

_DATASET = (
    _column("ssa_datamodel", f"'{MODEL}'", utype="Dataset.DataModel", text="Data model of the spectrum"),
    _column("ssa_dstype", "'Spectrum'", utype="Dataset.Type", text="Type of the dataset"),
    _column("ssa_length", "n_pixels", datatype="int", ucd="meta.number", utype="Dataset.Length",
            text="Number of pixels"),
    _column("ssa_spectralsi", "'1.E-10 L'", utype="Dataset.SpectralSI", text="Dimension of the wavelengths"),
    _column("ssa_dstitle",
            "coalesce(nullif(target_name, ''), obs_publisher_did) || ' (' || collection || ')'",
            ucd="meta.title;meta.dataset", utype="DataID.Title", text="Title of the spectrum"),
    _column("ssa_creator", "regexp_extract(collection, '^[^ ]+')", utype="DataID.Creator",
            text="Who made the spectrum"),
    _column("ssa_collection", "collection", ucd="meta.id", utype="DataID.Collection",
            text="Survey or instrument the spectrum belongs to"),
    _column("ssa_creatordid", "CAST(NULL AS VARCHAR)", ucd="meta.id", utype="DataID.CreatorDID",
            text="Identifier given by the creator; NULL, as the files bring none but the publisher's"),
    _column("ssa_cdate", "CAST(DATE '1858-11-17' + CAST(floor(start_mjd) AS INTEGER) AS VARCHAR)",
            ucd="time;meta.dataset", utype="DataID.Date", text="Date on which the exposure began, UTC"),
    _column("ssa_cversion", "release", ucd="meta.version;meta.dataset", utype="DataID.Version",
            text="Version of the data or of the pipeline, from the file"),
    _column("ssa_instrument", "collection", ucd="meta.id;instr", utype="DataID.Instrument",
            text="Instrument"),
    _column("ssa_bandpass", "'Optical'", ucd="instr.bandpass", utype="DataID.Bandpass",
            text="Part of the electromagnetic spectrum"),
    _column("ssa_datasource", "CASE WHEN starts_with(collection, 'LAMOST') THEN 'survey' ELSE 'pointed' END",
            utype="DataID.DataSource", text="Survey or pointed observation"),
    _column("ssa_creationtype", "'archival'", utype="DataID.CreationType", text="How the data came about"),
)  # fmt: skip

_CURATION = (
    _column("ssa_publisher", "$publisher", utype="Curation.Publisher", text="Who publishes the spectrum"),
    _column("ssa_pubDID", "obs_publisher_did", ucd="meta.ref.ivoid", utype="Curation.PublisherDID",
            text="Publisher dataset identifier"),
    _column("ssa_pdate", "$published", ucd="time;meta.dataset", utype="Curation.Date",
            text="Date of the release that holds the spectrum"),
    _column("ssa_contact", "nullif($contact, '')", ucd="meta.email", utype="Curation.Contact.Email",
            text="Mail address for questions"),
)  # fmt: skip

_TARGET = (
    _column("ssa_targname", "target_name", ucd="meta.id;src", utype="Target.Name", text="Name of the target"),
    _column("ssa_targclass", "nullif(spectral_class, '')", ucd="src.class", utype="Target.Class",
            text="Class by the survey's pipeline (STAR, GALAXY, ...)"),
    _column("ssa_spectralclass", "nullif(spectral_subclass, '')", ucd="src.spType",
            utype="Target.SpectralClass", text="Subclass by the survey's pipeline"),
    _column("ssa_targetpos", _POSITION, datatype="double", arraysize="2", unit="deg", ucd="pos.eq;src",
            utype="Target.Pos", text="Position of the target, ICRS"),
    _column("ssa_snr", "snr_r", datatype="float", ucd="stat.snr", utype="Derived.SNR",
            text="Signal-to-noise ratio per pixel in r, as the survey states it"),
)  # fmt: skip

_SPATIAL = (
    _column("ra", "ra", datatype="double", unit="deg", ucd="pos.eq.ra;meta.main", utype="",
            text="Right ascension, ICRS"),
    _column("dec", "dec", datatype="double", unit="deg", ucd="pos.eq.dec;meta.main", utype="",
            text="Declination, ICRS"),
    _column("ssa_csysname", "'ICRS'", utype="CoordSys.SpaceFrame.Name", text="Frame of the positions"),
    _column("ssa_location", _POSITION, datatype="double", arraysize="2", unit="deg", ucd="pos.eq",
            utype="Char.SpatialAxis.Coverage.Location.Value", text="Position of the aperture, ICRS"),
    _column("ssa_aperture", APERTURE_SQL, datatype="double", unit="deg", ucd="phys.angSize;instr.fov",
            utype="Char.SpatialAxis.Coverage.Bounds.Extent", text="Angular size of the aperture"),
    _column("ssa_spatialcalib", "'ABSOLUTE'", ucd="meta.code.qual", utype="Char.SpatialAxis.Calibration",
            text="Calibration of the positions"),
    _column("ssa_spatres", APERTURE_SQL, datatype="double", unit="deg", ucd="pos.angResolution",
            utype="Char.SpatialAxis.Resolution", text="Spatial resolution: the aperture"),
)  # fmt: skip

_TIME = (
    _column("ssa_timeframe", "'UTC'", utype="CoordSys.TimeFrame.Name", text="Scale of the times"),
    _column("ssa_dateObs", _MIDDLE, datatype="double", unit="d", ucd="time.epoch;obs.exposure",
            utype="Char.TimeAxis.Coverage.Location.Value", text="Middle of the exposure, MJD"),
    _column("ssa_timeExt", "exposure_s", datatype="double", unit="s", ucd="time.duration;obs.exposure",
            utype="Char.TimeAxis.Coverage.Bounds.Extent", text="Exposure time"),
    _column("ssa_timestart", "start_mjd", datatype="double", unit="d", ucd="time.start;obs.exposure",
            utype="Char.TimeAxis.Coverage.Bounds.Start", text="Start of the exposure, MJD"),
    _column("ssa_timestop", "start_mjd + exposure_s / 86400", datatype="double", unit="d",
            ucd="time.end;obs.exposure", utype="Char.TimeAxis.Coverage.Bounds.Stop",
            text="End of the exposure, MJD"),
)  # fmt: skip

_SPECTRAL = (
    _column("ssa_spectralucd", "'em.wl'", ucd="meta.ucd", utype="Char.SpectralAxis.Ucd",
            text="UCD of the wavelengths"),
    _column("ssa_spectralunit", "'Angstrom'", ucd="meta.unit", utype="Char.SpectralAxis.Unit",
            text="Unit of the wavelengths in the spectrum"),
    _column("ssa_specmid", "(wave_min + wave_max) / 2", datatype="double", unit="m",
            ucd="instr.bandpass;em.wl", utype="Char.SpectralAxis.Coverage.Location.Value",
            text="Middle of the covered wavelengths, vacuum"),
    _column("ssa_specext", "wave_max - wave_min", datatype="double", unit="m", ucd="instr.bandwidth;em.wl",
            utype="Char.SpectralAxis.Coverage.Bounds.Extent", text="Width of the covered wavelengths"),
    _column("ssa_specstart", "wave_min", datatype="double", unit="m", ucd="em.wl;stat.min",
            utype="Char.SpectralAxis.Coverage.Bounds.Start", text="First wavelength, vacuum"),
    _column("ssa_specend", "wave_max", datatype="double", unit="m", ucd="em.wl;stat.max",
            utype="Char.SpectralAxis.Coverage.Bounds.Stop", text="Last wavelength, vacuum"),
    _column("ssa_binsize", "(wave_max - wave_min) / greatest(n_pixels - 1, 1)", datatype="double", unit="m",
            ucd="em.wl;spect.binSize", utype="Char.SpectralAxis.Accuracy.BinSize",
            text="Mean width of a pixel"),
    _column("ssa_speccalib", "'ABSOLUTE'", ucd="meta.code.qual", utype="Char.SpectralAxis.Calibration",
            text="Calibration of the wavelengths"),
    _column("ssa_specres", "(wave_min + wave_max) / 2 / nullif(resolving_power, 0)",
            datatype="double", unit="m", ucd="spect.resolution;em.wl", utype="Char.SpectralAxis.Resolution",
            text="Resolution in the middle of the spectrum"),
    _column("ssa_respower", "resolving_power", datatype="float", ucd="spect.resolution",
            utype="Char.SpectralAxis.ResPower", text="Resolving power near H-alpha"),
)  # fmt: skip

_FLUX = (
    _column("ssa_fluxucd", "'phot.flux.density;em.wl'", ucd="meta.ucd", utype="Char.FluxAxis.Ucd",
            text="UCD of the flux"),
    _column("ssa_fluxcalib", CALIBRATION_SQL, ucd="meta.code.qual", utype="Char.FluxAxis.Calibration",
            text="Calibration of the flux"),
)  # fmt: skip

SSA: Final = Table(
    schema="ssa", name="spectra", description="Spectra of this service",
    columns=(*_ACCESS, *_DATASET, *_CURATION, *_TARGET, *_SPATIAL, *_TIME, *_SPECTRAL, *_FLUX),
)  # fmt: skip
"""The answer to a query; the fields SSA 1.1 makes mandatory and all it recommends that are known here."""

"""``ivoa.obscore``: the 30 mandatory columns of ObsCore 1.1 (section 4, table 5) over the index of spectra.

One more column, ``hpx10``, lets the service find positions without reading all
rows. Every column is computed; the expressions are DuckDB SQL over the stored
columns of :data:`vo_emline.candidates.columns.SPECTRA`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from vo_emline.candidates.columns import SPECTRA
from vo_emline.tables import Column, Datatype, Table

SECONDS_PER_DAY: Final = 86_400
LAMOST_FIBRE_DEG: Final = 3.3 / 3600
"""Diameter of a LAMOST fibre on the sky, deg (Cui et al. 2012, RAA 12, 1197)."""


def _column(
    name: str, datatype: Datatype, computed: str, *, ucd: str, utype: str, text: str,
    unit: str | None = None, indexed: bool = False, principal: bool = True, xtype: str | None = None,
) -> Column:  # fmt: skip
    return Column(
        name=name, datatype=datatype, arraysize="*" if datatype == "char" else None, unit=unit, ucd=ucd,
        utype=f"obscore:{utype}", xtype=xtype, description=text, principal=principal, indexed=indexed,
        std=True, computed=computed,
    )  # fmt: skip


_LAMOST = "starts_with(collection, 'LAMOST')"
_ONDREJOV = "starts_with(collection, 'Ondrejov')"

_DATASET = (
    _column("dataproduct_type", "char", "'spectrum'", ucd="meta.code.class",
            utype="ObsDataset.dataProductType", text="Kind of data: always spectrum"),
    _column("calib_level", "short", "2", ucd="meta.code;obs.calib",
            utype="ObsDataset.calibLevel", text="Calibration level: 2, science ready"),
    _column("obs_collection", "char", "coalesce(nullif(collection, ''), 'spectra')", ucd="meta.id",
            utype="DataID.collection", text="Survey or archive the spectrum belongs to"),
    _column("obs_id", "char", "coalesce(obsid::VARCHAR, regexp_extract(obs_publisher_did, '[^?/]+$'))",
            ucd="meta.id", utype="DataID.observationID", text="Identifier of the observation in its archive"),
    _column("obs_publisher_did", "char", "obs_publisher_did", ucd="meta.ref.ivoid",
            utype="Curation.publisherDID", text="Publisher dataset identifier", indexed=True),
)  # fmt: skip

_ACCESS = (
    _column("access_url", "char", "'{base_url}/spectrum?ID=' || url_encode(obs_publisher_did)",
            ucd="meta.ref.url", utype="Access.reference", text="The spectrum, as a VOTable"),
    _column("access_format", "char", "'application/x-votable+xml'", ucd="meta.code.mime",
            utype="Access.format", text="Media type of access_url"),
    _column("access_estsize", "long", "CAST(ceil(n_pixels * 0.024) AS BIGINT) + 4", unit="kbyte",
            ucd="phys.size;meta.file", utype="Access.size", text="Estimated size of the download"),
)  # fmt: skip

_POSITION = "Char.SpatialAxis.Coverage"
_FIBRE = f"'CIRCLE ICRS ' || ra || ' ' || dec || ' {LAMOST_FIBRE_DEG / 2:.7f}'"
_SPATIAL = (
    _column("target_name", "char", "target_name", ucd="meta.id;src", utype="Target.name",
            text="Designation or name of the target"),
    _column("s_ra", "double", "ra", unit="deg", ucd="pos.eq.ra", indexed=True,
            utype=f"{_POSITION}.Location.Coord.Position2D.Value2.C1", text="Right ascension, ICRS"),
    _column("s_dec", "double", "dec", unit="deg", ucd="pos.eq.dec", indexed=True,
            utype=f"{_POSITION}.Location.Coord.Position2D.Value2.C2", text="Declination, ICRS"),
    _column("s_fov", "double", f"CASE WHEN {_LAMOST} THEN {LAMOST_FIBRE_DEG!r} END", unit="deg",
            ucd="phys.angSize;instr.fov", utype=f"{_POSITION}.Bounds.Extent.diameter",
            text="Diameter of the fibre on the sky"),
    _column("s_region", "char", f"CASE WHEN {_LAMOST} THEN {_FIBRE} END", ucd="pos.outline;obs.field",
            utype=f"{_POSITION}.Support.Area", xtype="adql:REGION",
            text="The fibre on the sky, STC-S; NULL where the spectrum was taken through a slit"),
    _column("s_resolution", "double", "NULL", unit="arcsec", ucd="pos.angResolution",
            utype="Char.SpatialAxis.Resolution.Refval.value", text="Spatial resolution; NULL"),
    _column("s_xel1", "long", "1", ucd="meta.number", utype="Char.SpatialAxis.numBins1",
            text="Elements along the first spatial axis: 1"),
    _column("s_xel2", "long", "1", ucd="meta.number", utype="Char.SpatialAxis.numBins2",
            text="Elements along the second spatial axis: 1"),
)  # fmt: skip

_TIME = (
    _column("t_min", "double", "start_mjd", unit="d", ucd="time.start;obs.exposure",
            utype="Char.TimeAxis.Coverage.Bounds.Limits.StartTime", text="Start of the exposure, MJD"),
    _column("t_max", "double", f"start_mjd + exposure_s / {SECONDS_PER_DAY}", unit="d",
            ucd="time.end;obs.exposure", utype="Char.TimeAxis.Coverage.Bounds.Limits.StopTime",
            text="Start plus total exposure time, MJD"),
    _column("t_exptime", "double", "exposure_s", unit="s", ucd="time.duration;obs.exposure",
            utype="Char.TimeAxis.Coverage.Support.Extent", text="Total exposure time"),
    _column("t_resolution", "double", "exposure_s", unit="s", ucd="time.resolution",
            utype="Char.TimeAxis.Resolution.Refval.value", text="Time resolution: the exposure time"),
    _column("t_xel", "long", "1", ucd="meta.number", utype="Char.TimeAxis.numBins",
            text="Elements along the time axis: 1"),
)  # fmt: skip

_SPECTRAL_AXIS = "Char.SpectralAxis"
_SPECTRAL = (
    _column("em_min", "double", "wave_min", unit="m", ucd="em.wl;stat.min",
            utype=f"{_SPECTRAL_AXIS}.Coverage.Bounds.Limits.LoLimit", text="First wavelength, vacuum"),
    _column("em_max", "double", "wave_max", unit="m", ucd="em.wl;stat.max",
            utype=f"{_SPECTRAL_AXIS}.Coverage.Bounds.Limits.HiLimit", text="Last wavelength, vacuum"),
    _column("em_res_power", "double", "resolving_power", ucd="spect.resolution",
            utype=f"{_SPECTRAL_AXIS}.Resolution.ResolPower.refVal", text="Resolving power near H-alpha"),
    _column("em_xel", "long", "n_pixels", ucd="meta.number", utype=f"{_SPECTRAL_AXIS}.numBins",
            text="Number of pixels"),
)  # fmt: skip

_OBSERVABLE = (
    _column("o_ucd", "char", "CASE WHEN normalised THEN 'phot.flux;arith.ratio' ELSE 'phot.flux' END",
            ucd="meta.ucd", utype="Char.ObservableAxis.ucd", text="UCD of the flux"),
    _column("pol_states", "char", "NULL", ucd="meta.code;phys.polarization",
            utype="Char.PolarizationAxis.stateList", text="Polarisation states; NULL: not measured"),
    _column("pol_xel", "long", "NULL", ucd="meta.number", utype="Char.PolarizationAxis.numBins",
            text="Polarisation elements; NULL: not measured"),
    _column("facility_name", "char",
            f"CASE WHEN {_LAMOST} THEN 'LAMOST' WHEN {_ONDREJOV} THEN 'Perek 2-m telescope, Ondrejov' END",
            ucd="meta.id;instr.tel", utype="Provenance.ObsConfig.Facility.name", text="Telescope"),
    _column("instrument_name", "char", "nullif(regexp_extract(collection, ' (.+)$', 1), '')",
            ucd="meta.id;instr", utype="Provenance.ObsConfig.Instrument.name", text="Instrument"),
)  # fmt: skip

_PIXEL = replace(SPECTRA["hpx10"], computed="hpx10")

OBSCORE: Final = Table(
    schema="ivoa", name="obscore",
    description="The spectra of this service in the ObsCore 1.1 data model",
    utype="ivo://ivoa.net/std/obscore#obscore-1.1",
    columns=(*_DATASET, *_ACCESS, *_SPATIAL, *_TIME, *_SPECTRAL, *_OBSERVABLE, _PIXEL),
)  # fmt: skip
"""The ObsCore view; all columns are computed from ``internal.spectra``."""

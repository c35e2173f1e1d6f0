from __future__ import annotations

import pytest
from astropy.io.votable.tree import Param, VOTableFile

from vo_emline.spectra.votable_identity import parameters, votable_identity


def param(
    name: str, value: str, *, utype: str = "", datatype: str = "char", arraysize: str | None = "*"
) -> Param:
    if datatype != "char" and arraysize == "*":
        arraysize = None
    return Param(
        VOTableFile(), name=name, value=value, utype=utype or None, datatype=datatype, arraysize=arraysize
    )


def test_utypes_of_sdm_and_names_of_ssa_mean_the_same() -> None:
    sdm = [
        param("a", "Vega", utype="spec:Spectrum.Target.Name"),
        param("b", "279.23 38.78", utype="spec:Spectrum.Target.Pos", datatype="double", arraysize="2"),
        param("c", "ivo://asu.cas.cz/stel/ccd700/x1", utype="spec:Spectrum.Curation.PublisherDID"),
        param("d", "55000.5", utype="spec:Spectrum.Char.TimeAxis.Coverage.Location.Value", datatype="double"),
        param("e", "600", utype="ssa:Char.TimeAxis.Coverage.Bounds.Extent", datatype="float"),
    ]
    ssa = [
        param("ssa_targname", "Vega"),
        param("ssa_location", "279.23 38.78", datatype="double", arraysize="2"),
        param("ssa_pubDID", "ivo://asu.cas.cz/stel/ccd700/x1"),
        param("ssa_dateObs", "55000.5", datatype="double"),
        param("ssa_timeExt", "600", datatype="float"),
    ]
    identity = votable_identity(parameters(sdm), source="x")
    assert identity == votable_identity(parameters(ssa), source="x")
    assert (identity.object_name, identity.ra, identity.dec) == ("Vega", 279.23, 38.78)
    assert (identity.survey, identity.epoch_mjd, identity.exposure_s) == ("Ondrejov CCD700", 55000.5, 600)


@pytest.mark.parametrize("value", ["55000.5", "2455001.0", "2009-06-18T12:00:00"])
def test_epochs_in_mjd_julian_date_and_iso(value: str) -> None:
    assert votable_identity({"ssa_dateobs": value}, source="x").epoch_mjd == pytest.approx(55000.5)


def test_an_empty_target_position_is_no_position() -> None:
    """Ondřejov leaves it empty and fills the location."""
    empty = param("ssa_targetpos", "", datatype="double", arraysize="2")
    filled = param("ssa_location", "1.5 2.5", datatype="double", arraysize="2")
    assert votable_identity(parameters([empty]), source="x").ra is None
    assert votable_identity(parameters([empty, filled]), source="x").ra == 1.5


def test_another_archive_is_named_by_its_collection() -> None:
    assert votable_identity({"dataid.collection": "ELODIE"}, source="x").survey == "ELODIE"

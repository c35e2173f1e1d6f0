"""SSA over real HTTP, asked by the clients people use."""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import pyvo
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.io.votable import parse
from astropy.io.votable.tree import VOTableFile
from astropy.time import Time
from astropy.units import UnitsWarning
from pyvo.dal.exceptions import DALOverflowWarning, DALQueryError

from service.ssa import PARAMETERS, SSA
from vo_emline.archives import FetchOptions, SpectrumRequest, SsaArchive, SsaQuery, fetch_spectra
from vo_emline.spectra import find_spectra, read, read_bytes


def query(archive: Any, **parameters: Any) -> VOTableFile:
    answer = archive.get("ssa", **({"REQUEST": "queryData"} | parameters))
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/x-votable+xml"
    return parse(io.BytesIO(answer.content), verify="exception")


def found(archive: Any, **parameters: Any) -> list[str]:
    """Give the short names of the spectra of an answer, in its order."""
    document = query(archive, **parameters)
    assert status(document) == "OK", document.resources[0].infos[0].content
    names = {did: name for name, did in archive.dids.items()}
    return [names[str(did)] for did in document.get_first_table().array["ssa_pubDID"]]


def status(document: VOTableFile) -> str:
    infos = (
        [*document.resources[0].infos, *document.get_first_table().infos]
        if list(document.iter_tables())
        else []
    )
    values = [info.value for info in infos or document.resources[0].infos if info.name == "QUERY_STATUS"]
    return str(values[-1])


ALL = {"ondrejov", "vanished", "raw", "dr1", "dr7", "dr10"}


def test_a_query_without_constraints_gives_every_spectrum_once(archive: Any) -> None:
    assert sorted(found(archive)) == sorted(ALL)


@pytest.mark.parametrize(
    ("parameters", "names"),
    [
        ({"POS": "25.9151,50.6887", "SIZE": "0.01"}, {"ondrejov"}),
        ({"POS": "25.9151,50.6887"}, {"ondrejov"}),
        ({"POS": "121.18,-2.88;ICRS", "SIZE": "2.2"}, {"dr1", "dr7", "dr10"}),
        ({"POS": "131.3,-45.0", "SIZE": "0.1"}, set()),
        ({"BAND": "6.5e-7/6.6e-7"}, ALL),
        ({"BAND": "4e-7"}, {"dr1", "dr7", "dr10"}),
        ({"BAND": "6.76e-7/6.9e-7"}, {"raw", "dr1", "dr7", "dr10"}),
        ({"BAND": "/1e-7,1e-6/"}, set()),
        ({"BAND": "B"}, {"dr1", "dr7", "dr10"}),
        ({"BAND": "h-alpha;observer"}, ALL),
        ({"TIME": "2005"}, {"raw"}),
        ({"TIME": "2011-11-22"}, {"ondrejov", "vanished"}),
        ({"TIME": "2011-11-22T12:05:00"}, {"ondrejov", "vanished"}),  # in the middle of the exposure
        ({"TIME": "2011-11-22T12:15:00"}, set()),  # just after it
        ({"TIME": "2012-12-01/"}, {"dr1", "dr7", "dr10"}),
        ({"TARGETNAME": "phiper"}, {"ondrejov"}),
        ({"TARGETNAME": "PHI PER, hd208905"}, {"ondrejov", "raw"}),
        ({"TARGETCLASS": "star"}, {"dr1", "dr7", "dr10"}),
        ({"COLLECTION": "lamost"}, {"dr1", "dr7", "dr10"}),
        ({"COLLECTION": "ccd700,MRS"}, {"ondrejov", "vanished", "raw"}),
        ({"SPECRP": "5000"}, {"ondrejov", "vanished", "raw"}),
        ({"SPECRP": "/2000"}, {"dr1", "dr7", "dr10"}),
        ({"SPATRES": "0.0005"}, {"ondrejov", "vanished", "raw"}),
        ({"FLUXCALIB": "normalized"}, {"ondrejov", "vanished"}),
        ({"FLUXCALIB": "RELATIVE"}, {"dr1", "dr7", "dr10"}),
        ({"FLUXCALIB": "any"}, ALL),
        ({"CREATORDID": "ivo://x/y"}, set()),
        ({"COLLECTION": ","}, set()),
        ({"TARGETNAME": ","}, set()),
        ({"MTIME": "2020-01-01/"}, ALL),
        ({"MTIME": "/2020-01-01"}, set()),
        ({"FORMAT": "image/jpeg"}, set()),
        ({"WILDTARGET": "anything", "COMPRESS": "true", "RUNID": "r1"}, ALL),
        ({"pos": "25.9151,50.6887", "Size": "0.01"}, {"ondrejov"}),
        ({"REQUEST": "QUERYDATA"}, ALL),
    ],
    ids=lambda value: " ".join(sorted(value)) if isinstance(value, set) else str(value),
)
def test_parameters_constrain(archive: Any, parameters: dict[str, str], names: set[str]) -> None:
    assert set(found(archive, **parameters)) == names


def test_constraints_are_all_met(archive: Any) -> None:
    assert found(archive, COLLECTION="LAMOST", TIME="2012-12-22", BAND="V", SPECRP="1000/2000") == ["dr1"]


def test_a_publisher_did_gives_its_spectrum(archive: Any) -> None:
    assert found(archive, PUBDID=archive.dids["dr7"]) == ["dr7"]


def test_the_nearest_comes_first_and_has_the_best_score(archive: Any) -> None:
    document = query(archive, POS="120.3,-2.88", SIZE="6")
    assert found(archive, POS="120.3,-2.88", SIZE="6") == ["dr1", "dr7", "dr10"]
    scores = document.get_first_table().array["ssa_score"]
    assert scores[0] == pytest.approx(1 - 0.12 / 3, abs=1e-3)
    assert list(scores) == sorted(scores, reverse=True)


def test_request_may_be_missing_but_not_wrong(archive: Any) -> None:
    assert archive.get("ssa", POS="1,1").status_code == 200
    document = query(archive, REQUEST="getCapabilities")
    assert status(document) == "ERROR"
    assert "REQUEST=getCapabilities is not offered" in document.resources[0].infos[0].content


@pytest.mark.parametrize(
    "parameters",
    [
        {"POS": "hello"}, {"POS": "1,1", "SIZE": "-1"}, {"SIZE": "1000"}, {"BAND": "7e-7/6e-7"},
        {"TIME": "soon"}, {"MAXREC": "-1"}, {"MAXREC": "many"}, {"TOP": "1.5"}, {"SPECRP": "high"},
        {"VERSION": "2.0"}, {"POS": ["1,1", "2,2"]}, {"FLUXCALIB": "absolute"}, {"BAND": "5e-7;source"},
    ],
)  # fmt: skip
def test_mistakes_are_answers_with_a_reason(archive: Any, parameters: dict[str, Any]) -> None:
    document = query(archive, **parameters)
    info = document.resources[0].infos[0]
    assert (info.name, info.value) == ("QUERY_STATUS", "ERROR")
    name = next(iter(parameters)) if parameters.get("SIZE") is None else "SIZE"
    assert info.content.startswith(name) or name in info.content or name == "TIME"
    assert not list(document.iter_tables())


def test_sql_in_a_value_is_a_value(archive: Any) -> None:
    assert found(archive, TARGETNAME="x') OR true --") == []
    assert found(archive, COLLECTION="' OR '1'='1") == []


def test_overflow_is_told_only_where_there_is_more(archive: Any) -> None:
    for limit, expected in ((0, "OVERFLOW"), (5, "OVERFLOW"), (6, "OK"), (7, "OK")):
        document = query(archive, MAXREC=limit)
        assert status(document) == expected
        assert len(document.get_first_table().array) == min(limit, 6)


def test_top_is_a_wish_and_no_overflow(archive: Any) -> None:
    document = query(archive, TOP=2, POS="120.3,-2.88", SIZE="6")
    assert status(document) == "OK"
    assert len(document.get_first_table().array) == 2


@pytest.mark.parametrize(
    ("wanted", "types"),
    [
        ("", ["application/x-votable+xml"]),
        ("compliant", ["application/x-votable+xml"]),
        ("VOTable", ["application/x-votable+xml"]),
        ("application/x-votable+xml", ["application/x-votable+xml"]),
        ("fits", ["application/fits"]),
        ("all", ["application/x-votable+xml", "application/fits"]),
        ("fits,votable", ["application/fits", "application/x-votable+xml"]),
        ("native", ["image/fits"]),
        ("graphic", ["image/png"]),
    ],
)
def test_rows_are_in_the_formats_asked_for_and_lead_to_them(
    archive: Any, wanted: str, types: list[str]
) -> None:
    table = query(archive, FORMAT=wanted, PUBDID=archive.dids["dr7"]).get_first_table().to_table()
    assert list(table["mime"]) == types
    for row in table:
        answer = archive.get(row["accref"].removeprefix(archive.url + "/"))
        assert answer.headers["content-type"].partition(";")[0] == row["mime"]
        assert len(answer.content) == pytest.approx(row["accsize"], rel=0.6)


def test_the_access_reference_of_every_spectrum_is_the_spectrum(archive: Any) -> None:
    table = query(archive, FORMAT="fits").get_first_table().to_table()
    for row in table[table["ssa_pubDID"] != archive.dids["vanished"]]:
        seen = read_bytes(archive.get(row["accref"].removeprefix(archive.url + "/")).content, source="x")
        assert seen.identity.publisher_did == row["ssa_pubDID"]
        assert len(seen) == row["ssa_length"]
        assert seen.wavelength_vac[0] * 1e-10 == pytest.approx(row["ssa_specstart"])
        assert seen.wavelength_vac[-1] * 1e-10 == pytest.approx(row["ssa_specend"])
        assert seen.identity.ra == pytest.approx(row["ssa_location"][0])


def test_the_fields_of_the_standard_have_its_utypes_and_units(archive: Any) -> None:
    fields = {field.utype: field for field in query(archive, MAXREC=1).get_first_table().fields}
    for utype, unit in {
        "ssa:Access.Reference": None, "ssa:Access.Format": None, "ssa:Dataset.DataModel": None,
        "ssa:Dataset.Length": None, "ssa:DataID.Title": None, "ssa:Curation.Publisher": None,
        "ssa:Curation.PublisherDID": None, "ssa:Target.Name": None, "ssa:Target.Pos": "deg",
        "ssa:Char.SpatialAxis.Coverage.Location.Value": "deg",
        "ssa:Char.SpatialAxis.Coverage.Bounds.Extent": "deg",
        "ssa:Char.SpectralAxis.Coverage.Location.Value": "m",
        "ssa:Char.SpectralAxis.Coverage.Bounds.Extent": "m",
        "ssa:Char.SpectralAxis.Coverage.Bounds.Start": "m",
        "ssa:Char.SpectralAxis.Coverage.Bounds.Stop": "m",
        "ssa:Char.TimeAxis.Coverage.Location.Value": "d",
        "ssa:Char.TimeAxis.Coverage.Bounds.Extent": "s",
    }.items():  # fmt: skip
        assert str(fields[utype].unit or "") == (unit or ""), utype
    assert fields["ssa:Target.Pos"].arraysize == "2"


def test_the_answer_names_the_protocol_as_clients_expect_it(archive: Any) -> None:
    text = archive.get("ssa", MAXREC=1).text
    assert '<INFO name="SERVICE_PROTOCOL" value="1.1">SSAP</INFO>' in text
    assert 'xmlns:ssa="http://www.ivoa.net/xml/DalSsap/v1.0"' in text


def test_the_same_fields_as_the_archive_of_ondrejov(archive: Any, shared_data: Path) -> None:
    # its recorded answer is not valid (arraysize="m"), so it is searched as text
    recorded = (shared_data / "services" / "ondrejov" / "ssap1.xml").read_text()
    ours = {column.utype.lower() for column in SSA.columns if column.utype}
    theirs = {part.split('"')[0].lower() for part in recorded.split('utype="')[1:]}
    missing = {utype for utype in theirs if utype.startswith("ssa:")} - ours
    assert missing == {
        "ssa:char.spatialaxis.coverage.location.value.c1", "ssa:char.spatialaxis.coverage.location.value.c2",
        "ssa:target.redshift", "ssa:target.pos.spoint",  # not in the index; DaCHS's own
        "ssa:dataset.timesi", "ssa:dataset.fluxsi", "ssa:curation.reference",  # empty there
        "ssa:char.fluxaxis.unit",
        "ssa:char.fluxaxis.accuracy.staterror", "ssa:char.fluxaxis.accuracy.syserror",
        "ssa:char.spatialaxis.accuracy.staterror",
        "ssa:char.spectralaxis.accuracy.staterror", "ssa:char.spectralaxis.accuracy.syserror",
    }  # fmt: skip


def test_metadata_describes_parameters_and_columns(archive: Any) -> None:
    document = query(archive, FORMAT="METADATA")
    names = {param.name for param in document.resources[0].params}
    assert {f"INPUT:{item.name}" for item in PARAMETERS} <= names
    assert {f"OUTPUT:{column.name}" for column in SSA.columns} <= names
    assert len(document.get_first_table().array) == 0
    assert status(document) == "OK"


def test_pyvo_finds_reads_and_follows(archive: Any) -> None:
    service = pyvo.dal.SSAService(f"{archive.url}/ssa")
    results = service.search(pos=SkyCoord(25.9151, 50.6887, unit="deg"), diameter=0.1 * u.deg)
    [record] = results
    assert (record.ra, record.dec) == (25.9151, 50.6887)
    assert record.dateobs == Time("2011-11-22")
    assert record.title == "phi Per (Ondrejov CCD700)"
    assert record.instr == "Ondrejov CCD700"
    # record.getdataset() would look the terms up on the network
    [dataset, _] = record.getdatalink().bysemantics("#this", include_narrower=False)
    seen = read_bytes(dataset.getdataset().read(), source="pyvo")
    assert len(seen) == 1757
    assert seen.identity.object_name == "phi Per"


def test_pyvo_cuts_out_straight_from_the_answer(archive: Any) -> None:
    [record] = pyvo.dal.SSAService(f"{archive.url}/ssa").search(pubdid=archive.dids["dr7"])
    content = record.processed(band=(6.5e-7, 6.6e-7) * u.m).read()
    seen = read_bytes(content, source="cut-out")
    assert len(seen) == 66
    assert seen.wavelength_vac[0] > 6500


def test_pyvo_constrains_band_and_time(archive: Any) -> None:
    service = pyvo.dal.SSAService(f"{archive.url}/ssa")
    results = service.search(band=(4000, 5000) * u.AA, time=Time(["2012-12-01", "2012-12-23T12:00:00"]))
    assert {str(name) for name in results["ssa_targname"]} == {"J080043.30-025243.9"}
    assert len(results) == 1


def test_pyvo_shows_the_reason_of_a_mistake_and_the_overflow(archive: Any) -> None:
    service = pyvo.dal.SSAService(f"{archive.url}/ssa")
    with pytest.raises(DALQueryError, match="SIZE=1000 is not a diameter"):
        service.search(pos=(1, 1), diameter=1000)
    with pytest.warns(DALOverflowWarning):
        assert len(service.search(maxrec=2)) == 2


def test_pyvo_lists_the_columns(archive: Any) -> None:
    names = {column.name for column in pyvo.dal.SSAService(f"{archive.url}/ssa").columns}
    assert {column.name for column in SSA.columns} <= names


def run(program: str, *arguments: str | Path) -> str:
    path = shutil.which(program) or shutil.which(program, path=str(Path(sys.executable).parent))
    assert path is not None
    command = [path, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout.strip()


@pytest.mark.stilts
@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"FORMAT": "METADATA"},
        {"FORMAT": "native"},
        {"POS": "x"},
        {"MAXREC": "0"},
        {"POS": "120.3,-2.88", "SIZE": "6"},
    ],
)
def test_validators_are_silent(archive: Any, tmp_path: Path, parameters: dict[str, str]) -> None:
    path = tmp_path / "answer.vot"
    path.write_bytes(archive.get("ssa", **parameters).content)
    assert run("stilts", "votlint", path) == ""
    assert "found no violations" in run("volint", path)


@pytest.mark.stilts
def test_stilts_matches_a_list_of_positions(archive: Any, tmp_path: Path) -> None:
    positions = tmp_path / "positions.csv"
    positions.write_text("name,ra,dec\nphi Per,25.9151,50.6887\nHR 3135,120.18,-2.88\nnothing,200,-80\n")
    text = run(
        "stilts", "coneskymatch", "servicetype=ssa", f"serviceurl={archive.url}/ssa?", f"in={positions}",
        "ifmt=csv", "ra=ra", "dec=dec", "sr=0.1", "find=all", "ofmt=csv", "ocmd=keepcols 'name ssa_pubDID'",
    )  # fmt: skip
    assert text.splitlines() == [
        "name,ssa_pubDID",
        f"phi Per,{archive.dids['ondrejov']}",
        f"HR 3135,{archive.dids['dr1']}",
    ]


def test_unknown_positions_and_dates_are_empty_cells(served: Any) -> None:
    # of the 200 spectra some have no position, no date, no length of exposure
    answer = parse(io.BytesIO(httpx.get(f"{served.url}/ssa", timeout=60).content), verify="exception")
    table = answer.get_first_table().to_table()
    assert len(table) == 200
    unknown = table[np.isnan(np.ma.filled(table["ra"], np.nan))]
    assert len(unknown) >= 1
    assert all(np.isnan(np.ma.filled(row["ssa_targetpos"], np.nan)).all() for row in unknown)


def test_the_spectrum_of_an_answer_has_the_unit_it_states(archive: Any) -> None:
    table = query(archive, PUBDID=archive.dids["raw"]).get_first_table().to_table()
    content = archive.get(table["accref"][0].removeprefix(archive.url + "/")).content
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnitsWarning)  # VOUnit deprecates the Angstrom
        field = parse(io.BytesIO(content)).get_first_table().fields[0]
    assert str(field.unit) == table["ssa_spectralunit"][0] == "Angstrom"


def test_our_own_harvester_takes_the_whole_archive(archive: Any, tmp_path: Path) -> None:
    service = SsaArchive(url=f"{archive.url}/ssa", concurrency=2, delay=0.0)
    report = fetch_spectra(
        service,
        SsaQuery(band=(6500, 6600) * u.AA, target="phi Per"),
        tmp_path,
        options=FetchOptions(request=SpectrumRequest(calibration="normalized")),
    )
    assert report.complete
    [path] = find_spectra([tmp_path])
    fetched = read(path)
    assert fetched.identity.publisher_did == archive.dids["ondrejov"]
    assert fetched.identity.epoch_mjd == pytest.approx(55887.5, abs=1e-8)
    assert fetched.resolving_power == 13000
    assert fetched.normalised
    np.testing.assert_allclose(fetched.wavelength_vac, np.linspace(6284.0, 6734.0, 1757), atol=2e-6)

"""Side by side with DaCHS, the software of the real archives, over the same spectra of Ondřejov."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from astropy.io import fits
from astropy.io.votable import parse
from astropy.io.votable.tree import Param, Resource, VOTableFile

from service.parameters import Parameters
from service.products.request import parse_request
from vo_emline.candidates import build_release, index_spectra
from vo_emline.spectra import vacuum_to_air

PEER = os.environ.get("VO_EMLINE_PEER", "http://localhost:8080")
GAMMA_CAS = "uk220017"
LEFT_OUT_BY_PEER = ("oe270005", "ua280060")
"""Raw images, which the peer does not serve."""

pytestmark = [
    pytest.mark.peer,
    pytest.mark.filterwarnings("ignore::astropy.utils.exceptions.AstropyWarning"),  # the peer's VOTables
]


@dataclass(frozen=True)
class Side:
    """One of the two services."""

    ssa: str
    datalink: str
    spectra: str
    authority: str

    def did(self, name: str) -> str:
        return f"ivo://{self.authority}/stel/ccd700/{name}"

    def search(self, **parameters: str) -> VOTableFile:
        answer = httpx.get(self.ssa, params={"REQUEST": "queryData"} | parameters, timeout=30)
        return parse(io.BytesIO(answer.content), verify="ignore")

    def spectrum(self, name: str, **parameters: str) -> httpx.Response:
        return httpx.get(self.spectra, params={"ID": self.did(name)} | parameters, timeout=30)


@pytest.fixture(scope="module")
def peer() -> Side:
    try:
        httpx.get(f"{PEER}/tap/availability", timeout=5).raise_for_status()
    except httpx.HTTPError as error:
        pytest.skip(f"no DaCHS peer at {PEER}: {error}")
    base = f"{PEER}/ccd700/q"
    return Side(f"{base}/ssa/ssap.xml", f"{base}/sdl/dlmeta", f"{base}/sdl/dlget", "x-local.test")


@pytest.fixture(scope="module")
def ours(peer: Side, shared_data: Path, start_service: Any, tmp_path_factory: pytest.TempPathFactory) -> Side:
    """Our service over the files that the peer has."""
    paths = sorted((shared_data / "ondrejov").glob("*.fits"))
    table, _ = index_spectra([path for path in paths if path.stem not in LEFT_OUT_BY_PEER])
    release = tmp_path_factory.mktemp("peer") / "release.duckdb"
    build_release(release, spectra=table)
    url = start_service(release).url
    return Side(f"{url}/ssa", f"{url}/datalink/links", f"{url}/spectrum", "asu.cas.cz")


def values(answer: VOTableFile) -> dict[str, list[Any]]:
    """Give the values of an answer by utype: those of its columns, and of its parameters for every row."""
    table = answer.get_first_table()
    rows = table.to_table()
    columns = {field.utype: list(rows[field.name]) for field in table.fields if field.utype}
    constants = {param.utype: [param.value] * len(rows) for param in table.params if param.utype}
    return {utype.lower(): cells for utype, cells in (constants | columns).items()}


def names(answer: VOTableFile) -> set[str]:
    """Give the last parts of the publisher DIDs: the peer has two rows, image and VOTable, of each."""
    return {str(did).rpartition("/")[2] for did in values(answer)["ssa:curation.publisherdid"]}


def status(answer: VOTableFile) -> str:
    return next(str(i.value) for i in reversed(answer.resources[0].infos) if i.name == "QUERY_STATUS")


def descriptor(resources: list[Resource]) -> dict[str, Param]:
    """Give the input parameters of the service that cuts out spectra, by name."""
    for resource in resources:
        if any("SODA#sync" in str(param.value) for param in resource.params):
            return {entry.name: entry for entry in resource.groups[0].entries}
    raise AssertionError("no descriptor of a SODA service")


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({"POS": "14.177,60.717", "SIZE": "0.1"}, 1),
        ({"POS": "14.177,60.717", "SIZE": "0.1", "BAND": "6.5e-7/6.6e-7"}, 1),
        ({"BAND": "4e-7/5e-7"}, 0),
        ({"TARGETNAME": "gamma Cas"}, 1),
        ({"TIME": "2012-01-01/2013-12-31"}, None),
        ({"POS": "0,90", "SIZE": "1"}, 0),
        ({}, 21),
    ],
    ids=str,
)
def test_both_find_the_same_spectra(peer: Side, ours: Side, query: dict[str, str], count: int | None) -> None:
    theirs, found = names(peer.search(**query)), names(ours.search(**query))
    assert found == theirs
    assert len(found) == count if count is not None else 1 < len(found) < 21


def test_both_tell_when_there_is_more(peer: Side, ours: Side) -> None:
    assert status(peer.search(MAXREC="4")) == status(ours.search(MAXREC="4")) == "OVERFLOW"


def test_what_the_peer_says_of_a_spectrum_we_say_too(peer: Side, ours: Side) -> None:
    theirs = values(peer.search(TARGETNAME="gamma Cas"))
    said = {
        utype
        for utype, (value, *_) in theirs.items()
        if np.size(value) and str(value) not in ("", "--", "nan")
    }
    assert said - set(values(ours.search(TARGETNAME="gamma Cas"))) == {
        "ssa:char.fluxaxis.unit",  # "count", of flux that is normalised
        "ssa:char.spatialaxis.coverage.location.value.c1",  # of DaCHS, not of the standard
        "ssa:char.spatialaxis.coverage.location.value.c2",
        "ssa:target.pos.spoint",  # empty there, and ssa:Target.Pos in the standard
    }


def test_both_say_the_same_of_it(peer: Side, ours: Side) -> None:
    theirs, found = values(peer.search(TARGETNAME="gamma Cas")), values(ours.search(TARGETNAME="gamma Cas"))
    for utype in ("ssa:target.name", "ssa:dataset.type", "ssa:dataset.length", "ssa:dataid.creationtype",
                  "ssa:dataid.datasource", "ssa:coordsys.spaceframe.name", "ssa:char.spectralaxis.ucd",
                  "ssa:char.spectralaxis.unit"):  # fmt: skip
        assert str(found[utype][0]) == str(theirs[utype][0]), utype
    place = "ssa:char.spatialaxis.coverage.location.value"
    np.testing.assert_allclose(found[place][0], theirs[place][0], atol=1e-9)
    exposure = "ssa:char.timeaxis.coverage.bounds.extent"
    assert found[exposure][0] == pytest.approx(theirs[exposure][0])
    # the peer gives out TMID as the middle; it is the start (vo_emline.spectra.ondrejov)
    middle = "ssa:char.timeaxis.coverage.location.value"
    assert found[middle][0] - theirs[middle][0] == pytest.approx(found[exposure][0] / 2 / 86400, abs=1e-8)
    for end in ("start", "stop"):  # theirs are wavelengths in air
        utype = f"ssa:char.spectralaxis.coverage.bounds.{end}"
        in_air = vacuum_to_air(np.array([found[utype][0] * 1e10]))[0]
        assert in_air == pytest.approx(float(theirs[utype][0]) * 1e10, abs=1e-3)


def test_both_describe_the_same_parameters(peer: Side, ours: Side) -> None:
    found, theirs = (
        descriptor(
            parse(io.BytesIO(httpx.get(side.datalink, params={"ID": side.did(GAMMA_CAS)}).content)).resources
        )
        for side in (ours, peer)
    )
    older = {"LAMBDA_MIN", "LAMBDA_MAX"}  # of 2015, before BAND
    assert set(theirs) - older == {"ID", "BAND", "FLUXCALIB", "FORMAT"}
    assert set(found) - set(theirs) == {"MEDIUM"}
    for name in ("ID", "BAND", "FLUXCALIB", "FORMAT"):
        assert (found[name].datatype, found[name].arraysize) == (
            theirs[name].datatype,
            theirs[name].arraysize,
        )
        assert (str(found[name].unit), found[name].xtype) == (str(theirs[name].unit), theirs[name].xtype)
    calibrations = [{value for _, value in side["FLUXCALIB"].values.options} for side in (found, theirs)]
    assert calibrations[0] == calibrations[1]
    for _, media_type in theirs["FORMAT"].values.options:
        parse_request(Parameters({"ID": ["ivo://a"], "FORMAT": [media_type]}))  # each is one of ours


def test_both_link_to_the_spectrum_first(peer: Side, ours: Side) -> None:
    for side in (ours, peer):
        answer = httpx.get(side.datalink, params={"ID": side.did(GAMMA_CAS)})
        rows = parse(io.BytesIO(answer.content)).get_first_table().to_table()
        assert set(rows["ID"]) == {side.did(GAMMA_CAS)}
        assert "#this" in rows["semantics"]


@pytest.mark.parametrize("name", [GAMMA_CAS, "td240024", "a201504150031"])
@pytest.mark.parametrize(
    "options",
    [{"FLUXCALIB": "normalized"}, {"FLUXCALIB": "normalized", "BAND": "6.52e-7 6.73e-7"}],
    ids=["whole", "cut out"],
)
def test_both_deliver_the_same_numbers(peer: Side, ours: Side, name: str, options: dict[str, str]) -> None:
    asked = {"FORMAT": "application/fits"} | options
    theirs = fits.getdata(io.BytesIO(peer.spectrum(name, **asked).content), 1)
    found = fits.getdata(io.BytesIO(ours.spectrum(name, MEDIUM="air", **asked).content), 1)
    # the limits of a cut-out are vacuum wavelengths here and those of the file, in air, there
    shared = np.isin(np.round(theirs["spectral"], 4), np.round(found["wavelength"], 4))
    assert shared.sum() >= theirs["spectral"].size - 8
    inside = np.isin(np.round(found["wavelength"], 4), np.round(theirs["spectral"], 4))
    np.testing.assert_allclose(found["wavelength"][inside], theirs["spectral"][shared], rtol=1e-9)
    np.testing.assert_array_equal(found["flux"][inside], theirs["flux"][shared])


def test_both_have_nothing_outside(peer: Side, ours: Side) -> None:
    statuses = [side.spectrum(GAMMA_CAS, BAND="4e-7 4.1e-7").status_code for side in (ours, peer)]
    assert statuses == [204, 204]


def test_both_know_no_stranger(peer: Side, ours: Side) -> None:
    assert [side.spectrum("nosuch").status_code for side in (ours, peer)] == [404, 404]

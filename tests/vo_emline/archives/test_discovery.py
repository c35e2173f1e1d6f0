"""Discovery by SSA, TAP and lists, against replayed answers over real HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord

from vo_emline.archives import ArchiveRecord, SsaArchive, SsaQuery, TapQuery, discover, search_ssa, search_tap
from vo_emline.archives.search import COLUMNS, find_spectrum_tables
from vo_emline.errors import ArchiveError
from vo_emline.net.session import Politeness, Session

TAP_ANSWER = """<VOTABLE><RESOURCE type="results">
<INFO name="QUERY_STATUS" value="{status}">{said}</INFO><TABLE>
{fields}<DATA><TABLEDATA>{rows}</TABLEDATA></DATA></TABLE></RESOURCE></VOTABLE>"""


def tap_answer(names: list[str], rows: list[list[str]], status: str = "OK", said: str = "") -> bytes:
    fields = "".join(f'<FIELD name="{name}" datatype="char" arraysize="*"/>' for name in names)
    cells = "".join("<TR>" + "".join(f"<TD>{cell}</TD>" for cell in row) + "</TR>" for row in rows)
    return TAP_ANSWER.format(fields=fields, rows=cells, status=status, said=said).encode()


@pytest.fixture
def replayed(serve: Any, reply: Any, shared_data: Path) -> Any:
    """The recorded Ondřejov service, at an address of this machine."""
    recorded = (shared_data / "services/ondrejov/ssap1.xml").read_text()
    refusal = (shared_data / "services/ondrejov/ssap2.xml").read_bytes()

    def respond(request: Any) -> Any:
        if request.path == "/ssa" and request.query.get("REQUEST") == "queryData":
            body = recorded.replace("http://voarchive.asu.cas.cz", f"http://127.0.0.1:{server.port}").encode()
            return reply(body, headers={"Content-Type": "application/x-votable+xml"})
        return reply(refusal)

    server = serve(respond)
    return server


def test_the_recorded_ssa_service(replayed: Any) -> None:
    query = SsaQuery(
        position=SkyCoord(345.02125, 56.94536, unit="deg"),
        size=6 * u.arcmin,
        band=[6500, 6600] * u.AA,
        time=("2010-01-01", "2012-01-01"),
        target="HD217476",
        maxrec=40,
    )
    answer = search_ssa(f"{replayed.url}/ssa", query)
    assert len(answer.records) == len({record.publisher_did for record in answer.records}) > 10
    assert not answer.truncated
    assert "PARAM BAND had arraysize 'm': read as *" in answer.repairs
    assert answer.descriptor is not None
    assert all(record.descriptor is answer.descriptor for record in answer.records)
    asked = dict(replayed.requests[0].query)
    assert [float(edge) for edge in asked.pop("BAND").split("/")] == pytest.approx([6.5e-7, 6.6e-7])
    assert asked == {
        "REQUEST": "queryData",
        "POS": "345.02125,56.94536",
        "SIZE": "0.1",
        "TIME": "2010-01-01T00:00:00/2012-01-01T00:00:00",
        "TARGETNAME": "HD217476",
        "MAXREC": "40",
    }


def test_a_refused_query_says_what_the_service_said(replayed: Any) -> None:
    with pytest.raises(ArchiveError, match="Missing or invalid value for REQUEST") as caught:
        search_ssa(f"{replayed.url}/other", SsaQuery(target="x"))
    assert not caught.value.retry


def test_a_busy_service_is_asked_again(serve: Any, reply: Any, fake_archive: Any) -> None:
    archive = fake_archive(2)
    replies = [reply(b"busy", 503, {"Retry-After": "0"}), reply(b"busy", 502)]
    server = serve(lambda request: replies.pop() if replies else reply(archive.answer(9)))
    answer = search_ssa(f"{server.url}/ssa", SsaQuery(maxrec=9), session=Session(Politeness(backoff=0.01)))
    assert len(answer.records) == 2
    assert len(server.requests) == 3


@pytest.mark.parametrize(("status", "retry"), [(404, False), (403, False), (500, True)])
def test_http_errors_say_whether_to_ask_again(serve: Any, reply: Any, status: int, retry: bool) -> None:
    server = serve(lambda request: reply(b"<html><title>No</title></html>", status))
    with pytest.raises(ArchiveError, match=str(status)) as caught:
        search_ssa(f"{server.url}/ssa?token=s3cret", SsaQuery(), session=Session(Politeness(attempts=1)))
    assert caught.value.retry == retry
    assert "s3cret" not in str(caught.value)


def test_silence_is_an_error(serve: Any, reply: Any) -> None:
    server = serve(lambda request: reply(b"", delay=1.0))
    session = Session(Politeness(attempts=1, timeout=0.2))
    with pytest.raises(ArchiveError, match="did not answer in time"):
        search_ssa(server.url, SsaQuery(), session=session)


def spectra_by_tap(request: Any, url: str) -> bytes:
    query = parse_qs(request.body.decode())["QUERY"][0]
    if "TAP_SCHEMA.columns" in query:
        rows = [["ccd700.data", name.upper()] for name in COLUMNS]
        return tap_answer(
            ["table_name", "column_name"], [*rows, ["other.stars", "ra"], ["other.stars", "mime"]]
        )
    did = "ivo://example.test/spectra/s0001"
    names = ["ssa_pubDID", "ssa_targname", "ssa_location", "accref", "mime"]
    return tap_answer(names, [[did, "gam Cas", "Position ICRS 14.177 60.717", f"{url}/file", "image/fits"]])


@pytest.fixture
def with_tap(serve: Any, reply: Any, fake_archive: Any) -> Any:
    archive = fake_archive(3)
    server = serve(lambda request: reply(spectra_by_tap(request, archive.server.url)))
    described = SsaArchive(
        url=archive.ssa, tap=f"{server.url}/tap", table="ccd700.data", where="mime = 'image/fits'"
    )
    return described, server, archive


def test_discovery_by_tap_filters_on_the_media_type(with_tap: Any) -> None:
    described, server, archive = with_tap
    found = discover(described, TapQuery(where="ssa_targname = 'gam Cas'"), limit=5)
    (record,) = found.records
    assert (record.target, record.ra, record.dec) == ("gam Cas", 14.177, 60.717)
    # the processing service is found in an SSA answer where the TAP answer describes none
    assert record.descriptor is not None
    assert record.descriptor.access_url == f"{archive.server.url}/dlget"
    (asked,) = [parse_qs(request.body.decode())["QUERY"][0] for request in server.requests]
    assert asked.startswith("SELECT TOP 5 ssa_pubDID,")
    assert asked.endswith("FROM ccd700.data WHERE (mime = 'image/fits') AND (ssa_targname = 'gam Cas')")


def test_a_list_gets_its_names_by_tap(with_tap: Any) -> None:
    described, _, archive = with_tap
    wanted = [archive.dids[1], "ivo://another.authority/spectra/s0001", "ivo://unknown/x9", archive.dids[1]]
    records = discover(described, wanted).records
    assert [record.publisher_did for record in records] == wanted[:3]
    assert [record.target for record in records] == ["gam Cas", "gam Cas", ""]
    assert archive.server.requests[0].query["MAXREC"] == "1"


def test_a_list_does_without_tap(with_tap: Any, caplog: pytest.LogCaptureFixture) -> None:
    described, _, archive = with_tap
    deaf = described.model_copy(update={"tap": "http://127.0.0.1:9/tap"})
    records = discover(deaf, archive.dids, session=Session(Politeness(attempts=1))).records
    assert [record.target for record in records] == ["", "", ""]
    assert all(record.descriptor for record in records)
    assert "left out of the index" in caplog.text


def test_an_archive_without_tap_says_so(fake_archive: Any) -> None:
    with pytest.raises(ArchiveError, match="no TAP service is known"):
        discover(SsaArchive(url=fake_archive(1).ssa), TapQuery())


def test_tables_of_spectra_are_found(with_tap: Any) -> None:
    _, server, _ = with_tap
    assert find_spectrum_tables(f"{server.url}/tap") == ["ccd700.data"]


def test_a_tap_error_says_what_the_service_said(serve: Any, reply: Any) -> None:
    body = tap_answer(["a"], [], status="ERROR", said="no such column: x")
    server = serve(lambda request: reply(body, 400))
    with pytest.raises(ArchiveError, match="no such column: x"):
        search_tap(f"{server.url}/tap", "SELECT x FROM t")


def test_the_service_is_found_behind_links(serve: Any, reply: Any, fake_archive: Any) -> None:
    archive = fake_archive(2, service=False)
    links = """<RESOURCE type="meta" utype="adhoc:service"><GROUP name="inputParams">
      <PARAM name="ID" ref="ssa_pubDID" datatype="char" arraysize="*" value=""/></GROUP>
      <PARAM name="accessURL" datatype="char" arraysize="*" value="{url}/links"/>
      <PARAM name="standardID" datatype="char" arraysize="*" value="ivo://ivoa.net/std/DataLink#links-1.1"/>
      </RESOURCE></VOTABLE>"""
    soda = """<RESOURCE type="meta" utype="adhoc:service" ID="soda"><GROUP name="inputParams">
      <PARAM name="ID" datatype="char" arraysize="*" value="{did}"/>
      <PARAM name="BAND" unit="m" datatype="double" arraysize="2" xtype="interval" value=""/></GROUP>
      <PARAM name="accessURL" datatype="char" arraysize="*" value="{url}/soda"/>
      <PARAM name="standardID" datatype="char" arraysize="*" value="ivo://ivoa.net/std/SODA#sync-1.0"/>
      </RESOURCE></VOTABLE>"""

    def respond(request: Any) -> Any:
        if request.path == "/links":
            did = request.query["ID"]
            answer = tap_answer(
                ["ID", "access_url", "service_def", "semantics"], [[did, "", "soda", "#proc"]]
            )
            return reply(answer.replace(b"</VOTABLE>", soda.format(url=server.url, did=did).encode()))
        return reply(archive.answer(9).replace(b"</VOTABLE>", links.format(url=server.url).encode()))

    server = serve(respond)
    records = discover(SsaArchive(url=f"{server.url}/ssa"), SsaQuery(maxrec=9)).records
    assert {record.descriptor.access_url for record in records if record.descriptor} == {f"{server.url}/soda"}
    descriptor = records[1].descriptor
    assert descriptor is not None
    assert [parameter.value for parameter in descriptor.parameters if parameter.name == "BAND"] == [""]


def test_records_compare_by_value() -> None:
    assert ArchiveRecord(publisher_did="a") == ArchiveRecord(publisher_did="a")

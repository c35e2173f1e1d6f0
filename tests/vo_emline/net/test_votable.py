"""The tolerant reader, on the recorded answers of the live services."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from astropy.io.votable import parse
from pyvo.dal import SSAResults
from pyvo.dal.adhoc import DatalinkQuery
from pyvo.dal.exceptions import DALQueryError

from vo_emline.errors import ArchiveError
from vo_emline.net.votable import read_votable


@pytest.fixture
def ondrejov(shared_data: Path) -> bytes:
    return (shared_data / "services/ondrejov/ssap1.xml").read_bytes()


@pytest.fixture
def lamost(shared_data: Path) -> bytes:
    return (shared_data / "services/lamost/ssap_response.xml").read_bytes()


def document(fields: str, cells: str = "", extra: str = "") -> bytes:
    return (
        '<VOTABLE version="1.3" xmlns="http://www.ivoa.net/xml/VOTable/v1.3"><RESOURCE type="results"><TABLE>'
        f"{fields}<DATA><TABLEDATA>{cells}</TABLEDATA></DATA></TABLE></RESOURCE>{extra}</VOTABLE>"
    ).encode()


def test_astropy_alone_cannot_read_the_live_answers(shared_data: Path) -> None:
    for name in ("ondrejov/ssap1.xml", "lamost/ssap_response.xml"):
        with pytest.raises(Exception, match=r"E13|E06|E10|W"):
            parse(str(shared_data / "services" / name), verify="exception")


def test_ondrejov_is_read_by_pyvo_after_repair(ondrejov: bytes) -> None:
    clean = read_votable(ondrejov, "http://voarchive.asu.cas.cz/ccd700/q/ssa/ssap.xml")
    results = SSAResults(clean.votable)
    assert len(results) == 30
    first = results[0]
    assert first.acref.endswith("tg160037.fit")
    assert first.ra == pytest.approx(345.02125, abs=1e-4)
    assert first.dec == pytest.approx(56.94536, abs=1e-4)
    assert first.dateobs.isot == "2010-07-17T04:58:05.000"
    assert "PARAM BAND had arraysize 'm': read as *" in clean.repairs


def test_the_old_service_descriptor_works_with_pyvo_after_repair(ondrejov: bytes) -> None:
    results = SSAResults(read_votable(ondrejov, "x").votable)
    service = results.get_adhocservice_by_ivoid("ivo://ivoa.net/std/SSDP#sync")
    query = DatalinkQuery.from_resource(results[0], service, FLUXCALIB="normalized")
    # nothing but what was asked for is preset, the empty LAMBDA_MIN least of all
    assert dict(query) == {"ID": "ivo://asu.cas.cz/stel/ccd700/tg160037", "FLUXCALIB": "normalized"}


def test_lamost_is_read_by_pyvo_after_repair(lamost: bytes) -> None:
    clean = read_votable(lamost, "https://www.lamost.org/openapi/dr10/v2.0/lrs/voservice/ssap")
    results = SSAResults(clean.votable)
    assert len(results) == 225
    first = results[0]
    assert (first.ra, first.dec) == pytest.approx((9.7790685, 40.091383))
    assert first.format == "application/gzip"  # it said "fits", and the file ends with .fits.gz
    assert first["obsid"] == 403028
    assert first["obsdate"] == 55858.0  # 2011-10-24, where SSA wants MJD
    assert first["lmjd"] == 55859
    for said in (
        "FIELD obsdate had datatype 'date': read as char",
        "FIELD gaia_vari_type_sos_arr had no datatype: read as char",
        "FIELD ssa_aperture had arraysize '': read as one value",
        "FIELD obsdate held ISO dates: converted to MJD",
        "FIELD mime said 'fits': read as application/gzip",
    ):
        assert said in clean.repairs


def test_other_columns_keep_their_values(lamost: bytes) -> None:
    row = SSAResults(read_votable(lamost, "x").votable)[0]
    assert row["designation"] == "J003906.97+400528.9"
    assert row["snrr"] == 10.76
    assert row["subclass"] == "K5"


def test_an_error_answer_stays_an_error(shared_data: Path) -> None:
    content = (shared_data / "services/ondrejov/ssap2.xml").read_bytes()
    with pytest.raises(DALQueryError, match="Missing or invalid value for REQUEST"):
        SSAResults(read_votable(content, "x").votable)


def test_a_valid_document_needs_no_repair() -> None:
    content = document('<FIELD name="a" datatype="int"/>', "<TR><TD>7</TD></TR>")
    clean = read_votable(content, "x")
    assert clean.repairs == ()
    assert clean.votable.get_first_table().array["a"][0] == 7


def test_iso_dates_in_a_number_column_become_mjd() -> None:
    fields = '<FIELD name="t" datatype="double"/><FIELD name="note" datatype="char" arraysize="*"/>'
    rows = (("2011-12-07T21:29:00", "2011-12-07"), ("", ""), ("55903.5", ""))
    cells = "".join(f"<TR><TD>{date}</TD><TD>{note}</TD></TR>" for date, note in rows)
    array = read_votable(document(fields, cells), "x").votable.get_first_table().array
    assert array["t"][2] == 55903.5
    assert array["t"][0] == pytest.approx(55902.8951, abs=1e-4)
    assert array["note"][0] == "2011-12-07"  # text stays text


def test_an_empty_number_that_describes_data_is_unknown_not_zero() -> None:
    param = '<PARAM name="err" datatype="double" value=""/>'
    content = document(f'{param}<FIELD name="a" datatype="int"/>')
    (table,) = read_votable(content, "x").votable.iter_tables()
    assert str(table.params[0].value) == "nan"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'<?xml version="1.0"?><!DOCTYPE VOTABLE [<!ENTITY a "b">]><VOTABLE/>', "DOCTYPE"),
        (b"<VOTABLE><RESOURCE>", "not well-formed"),
        (b"<html><head><title>Down for maintenance</title></head></html>", "web page.*Down for maintenance"),
        (b"<!DOCTYPE html><html><h1>Bad Gateway</h1>", "web page.*Bad Gateway"),
        (b"<availability/>", "<availability>"),
        (b"", "not well-formed"),
    ],
)
def test_what_is_no_votable_is_refused(content: bytes, said: str) -> None:
    with pytest.raises(ArchiveError, match=said) as caught:
        read_votable(content, "http://example.test/ssa")
    assert caught.value.url == "http://example.test/ssa"


def test_data_elsewhere_are_refused(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"\x00")
    content = document('<FIELD name="a" datatype="unsignedByte"/>').replace(
        b"<TABLEDATA></TABLEDATA>", f'<BINARY><STREAM href="{secret.as_uri()}"/></BINARY>'.encode()
    )
    with pytest.raises(ArchiveError, match="data elsewhere"):
        read_votable(content, "x")


def test_repairs_are_logged_once_per_service(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "vo_emline.net")
    content = document('<FIELD name="odd" datatype="quaternion"/>')
    for service in ("http://one.test/ssa?POS=1", "http://one.test/ssa?POS=2", "http://two.test/ssa"):
        read_votable(content, service)
    told = [record.message for record in caplog.records if "quaternion" in record.message]
    assert [message.partition(": ")[0] for message in told] == ["http://one.test/ssa", "http://two.test/ssa"]

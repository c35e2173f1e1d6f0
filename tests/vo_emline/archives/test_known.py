"""Known objects, on the published tables of Hou et al. 2016 and Lin et al. 2015."""

from __future__ import annotations

import os
import shutil
import ssl
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import Table

from vo_emline.archives.catalogues import known_from_table, read_known, tap_known, vizier_known
from vo_emline.archives.known import (
    KnownMatch,
    KnownObjects,
    describe_known,
    match_each,
    plain_designation,
    position_of_designation,
    surest,
)
from vo_emline.errors import ArchiveError, UserError
from vo_emline.net.session import Politeness, Session


def match_known(*asked: Any) -> list[KnownMatch | None]:
    return [surest(each) for each in match_each(*asked)]


@pytest.fixture
def hou(shared_data: Path) -> KnownObjects:
    return read_known(shared_data / "catalogues/hou2016-subset.csv", catalogue="Hou et al. 2016")


@pytest.fixture
def lin(shared_data: Path) -> KnownObjects:
    path = shared_data / "catalogues/lin2015_lamost-dr1-be-stars.csv"
    return read_known(path, catalogue="Lin et al. 2015", kind="classical Be star")


def test_hou_by_designation_and_position(hou: KnownObjects) -> None:
    star = SkyCoord(98.568135, 2.5083942, unit="deg")
    shifted = star.directional_offset_by(0 * u.deg, [0, 3, 15, 60] * u.arcsec)
    said = describe_known(
        match_known(["LAMOST J063416.35+023030.2", "", "", ""], shifted, [hou]), asked=["Hou et al. 2016"]
    )
    assert said == [
        "known as J063416.35+023030.2, type CBe (Hou et al. 2016)",
        "known as J063416.35+023030.2, type CBe (Hou et al. 2016)",
        "possibly known as J063416.35+023030.2, type CBe (Hou et al. 2016, 15.0 arcsec away)",
        "not in Hou et al. 2016",
    ]


def test_a_designation_decides_against_a_nearer_neighbour() -> None:
    catalogue = KnownObjects(
        catalogue="c",
        names=["J000000.00+000000.0", "J000000.20+000000.0"],
        types=["far", "near"],
        positions=SkyCoord([0.0, 3 / 3600], [0.0, 0.0], unit="deg"),
    )
    here = SkyCoord([3 / 3600], [0.0], unit="deg")
    (match,) = match_known(["J000000.00+000000.0"], here, [catalogue])
    assert match is not None
    assert (match.type, match.how) == ("far", "designation")
    assert match.separation == pytest.approx(3.0)


def test_the_surest_catalogue_wins(hou: KnownObjects, lin: KnownObjects) -> None:
    by_name = dict(zip(lin.names, range(len(lin)), strict=True))
    both = sorted(set(hou.names) & set(by_name))
    positions = lin.positions[[by_name[name] for name in both]]
    matches = match_known(both, positions, [lin, hou])
    assert {match.catalogue for match in matches if match} <= {"Lin et al. 2015"}
    assert all(match and match.type == "classical Be star" for match in matches)


def test_positions_are_read_from_designations(lin: KnownObjects) -> None:
    assert len(lin) == 203
    first = lin.positions[0]
    assert (first.ra.deg, first.dec.deg) == pytest.approx((98.247375, 4.939583), abs=1e-5)


def test_designations_agree_with_positions_in_the_table(hou: KnownObjects) -> None:
    told = SkyCoord([position_of_designation(name) for name in hou.names])
    assert np.percentile(told.separation(hou.positions).arcsec, 95) < 1.0


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("LAMOST J063416.35+023030.2", "J063416.35+023030.2"),
        ("J003906-400528", "J003906-400528"),
        ("gam Cas", ""),
    ],
)
def test_designation_in_a_name(text: str, plain: str) -> None:
    assert plain_designation(text) == plain


def test_a_southern_designation() -> None:
    position = position_of_designation("J120000.00-003000.0")
    assert (position.ra.deg, position.dec.deg) == pytest.approx((180.0, -0.5))
    with pytest.raises(ValueError, match="tells no position"):
        position_of_designation("HD 34452")


def test_no_candidates_and_no_objects() -> None:
    empty = KnownObjects(catalogue="c", names=[], types=[], positions=SkyCoord([], [], unit="deg"))
    assert match_known([], SkyCoord([], [], unit="deg"), [empty]) == []
    assert match_known([""], SkyCoord([1.0], [1.0], unit="deg"), [empty]) == [None]


def test_rows_without_position_are_left_out() -> None:
    table = Table({"Name": ["a", "b"], "ra": [10.0, np.nan], "dec": [1.0, 2.0], "otype": ["Be*", ""]})
    objects = known_from_table(table, catalogue="c", kind="Em*")
    assert (list(objects.names), list(objects.types)) == (["a"], ["Be*"])


def test_sexagesimal_columns() -> None:
    table = Table({"main_id": ["gam Cas"], "RAJ2000": ["00 56 42.5"], "DEJ2000": ["+60 43 00"]})
    (position,) = known_from_table(table, catalogue="c").positions
    assert position.ra.deg == pytest.approx(14.177, abs=1e-3)


@pytest.mark.parametrize(
    ("text", "said"),
    [("ra,dec\n1,2\n", "no column with names"), ("name\ngam Cas\n", "no columns with positions")],
)
def test_a_table_that_does_not_do_says_why(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "mine.csv"
    path.write_text(text)
    with pytest.raises(UserError, match=said):
        read_known(path)


def test_only_tables_are_read(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="a catalogue is one of"):
        read_known(tmp_path / "mine.xlsx")
    with pytest.raises(UserError, match="cannot read"):
        read_known(tmp_path / "none.csv")


VIZIER = """<?xml version="1.0" encoding="UTF-8"?>
<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3">
<RESOURCE ID="yCat_22590038" name="J/ApJS/259/38">
<TABLE ID="J_ApJS_259_38_table3" name="J/ApJS/259/38/table3">
<FIELD name="_RAJ2000" datatype="double" unit="deg"/><FIELD name="_DEJ2000" datatype="double" unit="deg"/>
<FIELD name="LAMOST" datatype="char" arraysize="*"/><FIELD name="Type" datatype="char" arraysize="*"/>
<DATA><TABLEDATA><TR><TD>98.568125</TD><TD>2.508389</TD><TD>J063416.35+023030.2</TD><TD>I-1</TD></TR>
</TABLEDATA></DATA>
</TABLE></RESOURCE></VOTABLE>"""

SIMBAD = """<?xml version="1.0" encoding="UTF-8"?>
<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3"><RESOURCE type="results">
<INFO name="QUERY_STATUS" value="OK"/><TABLE>
<FIELD name="main_id" datatype="char" arraysize="*"/><FIELD name="otype" datatype="char" arraysize="*"/>
<FIELD name="ra" datatype="double" unit="deg"/><FIELD name="dec" datatype="double" unit="deg"/>
<FIELD name="gaia_source_id" datatype="char" arraysize="*"/>
<DATA><TABLEDATA><TR><TD>* gam Cas</TD><TD>Be*</TD><TD>14.1772154</TD><TD>60.7167403</TD>
<TD>Gaia DR3 426558460884582016</TD></TR>
</TABLEDATA></DATA>
</TABLE></RESOURCE></VOTABLE>"""


CAPABILITIES = """<?xml version="1.0"?>
<vosi:capabilities xmlns:vosi="http://www.ivoa.net/xml/VOSICapabilities/v1.0"
 xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:tr="http://www.ivoa.net/xml/TAPRegExt/v1.0"
 xmlns:vs="http://www.ivoa.net/xml/VODataService/v1.1">
<capability standardID="ivo://ivoa.net/std/TAP" xsi:type="tr:TableAccess">
<interface role="std" xsi:type="vs:ParamHTTP"><accessURL use="base">http://localhost/tap</accessURL></interface>
<language><name>ADQL</name><version>2.0</version></language>
<outputFormat><mime>application/x-votable+xml</mime></outputFormat>
<outputLimit><hard unit="row">2000000</hard></outputLimit>
</capability></vosi:capabilities>"""


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """A certificate for this machine that the clients trust: astroquery insists on https."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed")
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    command = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", *subject]
    subprocess.run([*command, "-keyout", key, "-out", cert], check=True, capture_output=True)
    monkeypatch.setitem(os.environ, "REQUESTS_CA_BUNDLE", str(cert))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return context


def test_vizier_by_astroquery(serve: Any, reply: Any, certificate: ssl.SSLContext) -> None:
    server = serve(
        lambda request: reply(VIZIER.encode(), headers={"Content-Type": "text/xml"}), tls=certificate
    )
    (objects,) = vizier_known("zhang2022", server=f"localhost:{server.port}")
    assert objects.catalogue == "Zhang et al. 2022"
    position = SkyCoord([98.568135], [2.5083942], unit="deg")
    assert describe_known(match_known([""], position, [objects])) == [
        "known as J063416.35+023030.2, type I-1 (Zhang et al. 2022)"
    ]
    (request,) = server.requests
    assert request.path == "/viz-bin/votable"
    assert b"-source=J/ApJS/259/38" in request.body or b"J%2FApJS%2F259%2F38" in request.body


def test_tan_2024_is_asked_at_vizier(serve: Any, reply: Any, certificate: ssl.SSLContext) -> None:
    answer = VIZIER.replace("259/38", "273/34").encode()
    server = serve(lambda request: reply(answer, headers={"Content-Type": "text/xml"}), tls=certificate)
    (objects,) = vizier_known("tan2024", server=f"localhost:{server.port}")
    assert (objects.catalogue, len(objects)) == ("Tan et al. 2024", 1)
    (request,) = server.requests
    assert b"-source=J/ApJS/273/34" in request.body or b"J%2FApJS%2F273%2F34" in request.body


def test_catalogues_that_vizier_lacks_say_where_they_are() -> None:
    with pytest.raises(UserError, match=r"HouEmission2016.*local table"):
        vizier_known("hou2016")
    with pytest.raises(UserError, match="zhang2022, skoda2020"):
        vizier_known("nobody1999")


def test_simbad_by_tap(serve: Any, reply: Any) -> None:
    def respond(request: Any) -> Any:
        body = CAPABILITIES if request.path.endswith("/capabilities") else SIMBAD
        return reply(body.encode(), headers={"Content-Type": "text/xml"})

    server = serve(respond)
    here = SkyCoord([14.1772], [60.7167], unit="deg")
    objects = tap_known("simbad", here, tap_url=f"{server.url}/simbad/sim-tap")
    assert describe_known(match_known([""], here, [objects])) == ["known as * gam Cas, type Be* (SIMBAD)"]
    (request,) = [request for request in server.requests if request.method == "POST"]
    assert request.path == "/simbad/sim-tap/sync"
    assert b"TAP_UPLOAD.centres" in request.body  # all positions go in one upload
    assert b"14.1772" in request.body
    (gaia,) = objects.photometry.gaia_source_id if objects.photometry else ()
    assert gaia == 426558460884582016


def test_an_answer_that_was_cut_is_no_answer(serve: Any, reply: Any) -> None:
    cut = SIMBAD.replace("</TABLE>", '</TABLE><INFO name="QUERY_STATUS" value="OVERFLOW"/>')

    def respond(request: Any) -> Any:
        body = CAPABILITIES if request.path.endswith("/capabilities") else cut
        return reply(body.encode(), headers={"Content-Type": "text/xml"})

    here = SkyCoord([14.1772], [60.7167], unit="deg")
    with pytest.raises(ArchiveError, match="truncated at 1 records"):
        tap_known("simbad", here, tap_url=f"{serve(respond).url}/tap")


def test_in_a_dense_catalogue_only_what_is_close_counts() -> None:
    here = SkyCoord([10.0, 10.0], [1.0, 1.002], unit="deg")
    rare, dense = (
        KnownObjects(catalogue="c", names=["a"], types=[""], positions=here[:1], dense=each)
        for each in (False, True)
    )
    assert [len(each) for each in match_each(["", ""], here, [rare])] == [1, 1]
    assert [len(each) for each in match_each(["", ""], here, [dense])] == [1, 0]


def test_brightness_is_read_under_the_names_of_gaia_only() -> None:
    columns = {"name": ["a"], "ra": [1.0], "dec": [2.0]}
    found = known_from_table(
        Table(columns | {"Gmag": [12.5], "BP-RP": ["0.31"], "Plx": [1.5], "GaiaDR3": ["Gaia DR3 12345678"]}),
        catalogue="c",
    ).photometry
    assert found is not None
    assert (found.g[0], found.bp_rp[0], found.parallax[0]) == (12.5, 0.31, 1.5)
    assert found.gaia_source_id[0] == 12345678
    assert known_from_table(Table(columns | {"gmag": [12.5]}), catalogue="c").photometry is None  # SDSS


def test_simbad_out_of_reach() -> None:
    here = SkyCoord([1.0], [1.0], unit="deg")
    with pytest.raises(ArchiveError, match="SIMBAD"):
        tap_known(
            "simbad", here, tap_url="http://127.0.0.1:9/sim-tap", session=Session(Politeness(attempts=1))
        )

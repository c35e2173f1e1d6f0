"""Who made the data, and how they are cited: in every form of an answer and on the pages."""

from __future__ import annotations

import io
from typing import Any

import httpx
import pyarrow.parquet as pq
import pytest
from astropy.io import fits
from astropy.io.votable import parse
from astropy.io.votable.dataorigin import extract_data_origin
from lxml import etree

from service.config import Settings
from service.server import authority_hint

QUERY = "SELECT TOP 2 candidate_id FROM emline.candidates"


def ask(service: Any, form: str) -> bytes:
    answer = httpx.get(f"{service.tap}/sync", params={"LANG": "ADQL", "QUERY": QUERY, "RESPONSEFORMAT": form})
    assert answer.status_code == 200
    return answer.content


def test_astropy_finds_the_origin_of_the_data(registered: Any) -> None:
    found = extract_data_origin(parse(io.BytesIO(ask(registered, "votable"))))
    assert found.query.publisher == "Observatory of <Example>"
    assert found.query.contact == "vo@example.org"
    assert found.query.server_software.startswith("vo-emline/")
    assert found.query.request_date.startswith("20")
    (origin,) = found.origin
    assert origin.citation == ["doi:10.5281/zenodo.1"]
    assert origin.rights == ["CC-BY-4.0"]
    assert origin.rights_uri[0].startswith("https://")
    assert origin.creator == ["Ada Lovelace; Annie Jump Cannon"]
    assert origin.resource_version == ["DR2 <&>"]
    assert origin.publication_date == ["2026-11-30"]


@pytest.mark.parametrize(
    "address",
    [
        "/ssa?REQUEST=queryData&MAXREC=2",
        "/ssa?REQUEST=queryData&FORMAT=METADATA",
        "/ssa?REQUEST=queryData&POS=none",
        "/datalink/links?ID=ivo://example.org/none",
        "/datalink/links?ID=x&RESPONSEFORMAT=odd",
        "/scs/objects?RA=10&DEC=20&SR=5",
        "/scs/objects?RA=10&DEC=20",
        "/tap/sync?LANG=ADQL&QUERY=SELECT+none+FROM+nowhere",
        "/scs/nowhere?RA=1&DEC=1&SR=1",
    ],
)
def test_every_answer_says_where_it_comes_from(registered: Any, address: str) -> None:
    """Rows, descriptions and errors alike."""
    answer = httpx.get(f"{registered.url}{address}")
    found = extract_data_origin(parse(io.BytesIO(answer.content)))
    assert found.query.publisher == "Observatory of <Example>"
    assert found.query.request_date.startswith("20")
    assert [origin.citation for origin in found.origin] == [["doi:10.5281/zenodo.1"]]
    assert [origin.rights for origin in found.origin] == [["CC-BY-4.0"]]


def test_the_error_of_a_job_says_it_too(registered: Any) -> None:
    wrong = {"LANG": "ADQL", "QUERY": "SELECT none FROM nowhere", "PHASE": "RUN"}
    job = httpx.post(f"{registered.tap}/async", data=wrong)
    address = f"{registered.tap}/async/{job.headers['location'].rsplit('/', 1)[1]}"
    httpx.get(f"{address}?WAIT=20")
    found = extract_data_origin(parse(io.BytesIO(httpx.get(f"{address}/error").content)))
    assert found.query.publisher == "Observatory of <Example>"


def test_the_lists_of_tables_say_how_to_cite(registered: Any) -> None:
    said = (
        "Release DR2 <&>. Created by Ada Lovelace, Annie Jump Cannon. Licence CC-BY-4.0. "
        "Cite as https://doi.org/10.5281/zenodo.1."
    )
    document = etree.fromstring(httpx.get(f"{registered.tap}/tables?detail=min").content)
    described = {one.findtext("name"): one.findtext("description") for one in document.iter("schema")}
    assert said in described["emline"]
    assert said not in described["tap_schema"]
    rows = registered.rows("SELECT schema_name, description FROM tap_schema.schemas")
    assert dict(rows) == described


def test_fits_and_parquet_say_it_too(registered: Any) -> None:
    with fits.open(io.BytesIO(ask(registered, "fits"))) as hdus:
        header = hdus[1].header
    assert header["AUTHOR"] == "Ada Lovelace; Annie Jump Cannon"
    assert (header["REFERENC"], header["LICENSE"]) == ("doi:10.5281/zenodo.1", "CC-BY-4.0")
    schema = pq.read_schema(io.BytesIO(ask(registered, "parquet")))
    assert any(b"10.5281/zenodo.1" in value for value in (schema.metadata or {}).values())


def test_pages_say_how_to_cite(registered: Any) -> None:
    page = httpx.get(registered.url).text
    assert (
        "Ada Lovelace, Annie Jump Cannon 2026: Stars &amp; lines, release DR2 &lt;&amp;&gt;, "
        "Observatory of &lt;Example&gt;, https://doi.org/10.5281/zenodo.1" in page
    )
    assert "CC-BY-4.0" in page


def test_without_an_operator_s_word_nothing_is_invented(served: Any) -> None:
    found = extract_data_origin(parse(io.BytesIO(ask(served, "votable"))))
    (origin,) = found.origin
    assert not origin.rights
    assert not origin.creator
    assert not origin.citation


def test_a_public_service_under_a_placeholder_is_warned(release_file: Any, named_release: Any) -> None:
    public = Settings(public_url="https://example.org")
    assert "placeholder authority" in (authority_hint(str(release_file), public) or "")
    assert authority_hint(str(release_file), Settings(public_url="http://localhost:8000")) is None
    assert authority_hint(str(named_release), public) is None
    own = Settings(public_url="https://example.org", authority="org.example")
    assert authority_hint(str(release_file), own) is None

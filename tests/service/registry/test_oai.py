"""The publishing registry: harvested by Sickle over HTTP, and asked wrongly."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from lxml import etree
from sickle import Sickle
from sickle.oaiexceptions import BadResumptionToken, CannotDisseminateFormat, IdDoesNotExist, NoRecordsMatch

IDS = ["ivo://example.org/org", "ivo://example.org", "ivo://example.org/registry", "ivo://example.org/emline"]
NS = {"o": "http://www.openarchives.org/OAI/2.0/", "ri": "http://www.ivoa.net/xml/RegistryInterface/v1.0"}
XSI_TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"


@pytest.fixture(scope="module")
def harvester(registered: Any) -> Sickle:
    return Sickle(f"{registered.url}/oai", timeout=30)


def ask(registered: Any, **arguments: str) -> Any:
    answer = httpx.get(f"{registered.url}/oai", params=arguments)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/xml")
    return etree.fromstring(answer.content)


def error_of(document: Any) -> str | None:
    found = document.find("o:error", NS)
    return None if found is None else found.get("code")


def test_sickle_harvests_all_records(harvester: Sickle) -> None:
    records = list(harvester.ListRecords(metadataPrefix="ivo_vor", set="ivo_managed"))
    assert [record.header.identifier for record in records] == IDS
    types = [record.xml.find(".//ri:Resource", NS).get(XSI_TYPE) for record in records]
    assert types == ["vr:Organisation", "vg:Authority", "vg:Registry", "vs:CatalogService"]
    for record in records:  # xsi:type is a name with a prefix, which must be declared where it stands
        for element in record.xml.iter():
            prefix = element.get(XSI_TYPE, "xsi:").partition(":")[0]
            assert prefix in element.nsmap


def test_sickle_asks_everything_else(harvester: Sickle) -> None:
    identity = harvester.Identify()
    assert (identity.repositoryName, identity.adminEmail) == ("Observatory of <Example>", "vo@example.org")
    assert identity.granularity == "YYYY-MM-DDThh:mm:ssZ"
    assert {each.metadataPrefix for each in harvester.ListMetadataFormats()} == {"ivo_vor", "oai_dc"}
    assert [each.setSpec for each in harvester.ListSets()] == ["ivo_managed"]
    headers = list(harvester.ListIdentifiers(metadataPrefix="oai_dc"))
    assert [header.identifier for header in headers] == IDS
    record = harvester.GetRecord(identifier=IDS[3].upper().replace("IVO", "ivo"), metadataPrefix="oai_dc")
    assert record.metadata["title"] == ["Stars & lines"]
    assert record.metadata["creator"] == ["Ada Lovelace", "Annie Jump Cannon"]
    assert record.metadata["rights"] == ["CC-BY-4.0"]
    since = {"metadataPrefix": "ivo_vor", "from": headers[0].datestamp, "until": headers[0].datestamp}
    assert len(list(harvester.ListRecords(**since))) == 4


def test_sickle_is_told_what_is_not_there(harvester: Sickle) -> None:
    with pytest.raises(IdDoesNotExist):
        harvester.GetRecord(identifier="ivo://example.org/nothing", metadataPrefix="ivo_vor")
    with pytest.raises(CannotDisseminateFormat):
        harvester.ListRecords(metadataPrefix="marc21")
    with pytest.raises(BadResumptionToken):
        harvester.ListRecords(resumptionToken="xyz")
    with pytest.raises(NoRecordsMatch):
        harvester.ListRecords(**{"metadataPrefix": "ivo_vor", "from": "2999-01-01"})
    with pytest.raises(NoRecordsMatch):
        harvester.ListRecords(metadataPrefix="ivo_vor", until="2001-01-01T00:00:00Z")
    with pytest.raises(NoRecordsMatch):
        harvester.ListIdentifiers(metadataPrefix="ivo_vor", set="else")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({}, "badVerb"),
        ({"verb": "Drop"}, "badVerb"),
        ({"verb": "Identify", "metadataPrefix": "oai_dc"}, "badArgument"),
        ({"verb": "ListRecords"}, "badArgument"),
        ({"verb": "GetRecord", "metadataPrefix": "oai_dc"}, "badArgument"),
        ({"verb": "ListRecords", "metadataPrefix": "oai_dc", "resumptionToken": "x"}, "badArgument"),
        ({"verb": "ListRecords", "metadataPrefix": "oai_dc", "from": "yesterday"}, "badArgument"),
        (
            {
                "verb": "ListRecords",
                "metadataPrefix": "oai_dc",
                "from": "2026-01-01",
                "until": "2026-01-02T00:00:00Z",
            },
            "badArgument",
        ),
        (
            {"verb": "ListRecords", "metadataPrefix": "oai_dc", "from": "2026-02-01", "until": "2026-01-02"},
            "badArgument",
        ),
        ({"verb": "ListMetadataFormats", "identifier": "ivo://x/y"}, "idDoesNotExist"),
        ({"verb": "ListSets", "resumptionToken": "x"}, "badResumptionToken"),
        ({"verb": "GetRecord", "metadataPrefix": "oai_dc", "identifier": "\x01<&"}, "idDoesNotExist"),
    ],
)
def test_a_wrong_request_has_the_error_of_the_protocol(
    registered: Any, arguments: dict[str, str], code: str
) -> None:
    document = ask(registered, **arguments)
    assert error_of(document) == code
    repeated = document.find("o:request", NS).attrib
    assert bool(repeated) == (code not in ("badVerb", "badArgument"))


def test_an_argument_twice_and_a_post(registered: Any) -> None:
    url = f"{registered.url}/oai"
    twice = httpx.get(f"{url}?verb=Identify&verb=Identify")
    assert error_of(etree.fromstring(twice.content)) == "badVerb"
    posted = httpx.post(url, data={"verb": "ListIdentifiers", "metadataPrefix": "ivo_vor"})
    assert len(etree.fromstring(posted.content).findall(".//o:header", NS)) == 4
    assert httpx.post(url, json={"verb": "Identify"}).status_code == 400


def test_the_registry_describes_itself_in_identify(registered: Any) -> None:
    own = ask(registered, verb="Identify").find("o:Identify/o:description/ri:Resource", NS)
    assert own.findtext("identifier") == "ivo://example.org/registry"
    assert own.findtext("capability/interface/accessURL") == "https://vo.example.org/emline/oai"
    assert own.findtext("managedAuthority") == "example.org"


def test_a_placeholder_has_no_registry(served: Any) -> None:
    answer = httpx.get(f"{served.url}/oai?verb=Identify")
    assert answer.status_code == 404
    assert "placeholder" in answer.text

"""The pages for people, as a browser gets them."""

from __future__ import annotations

import csv
import re
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urljoin
from xml.etree.ElementTree import Element

import html5lib
import httpx
import pyarrow as pa
import pytest

from service.web.home import STRIKING
from vo_emline.candidates import build_release
from vo_emline.candidates.columns import CANDIDATES, SCORES
from vo_emline.survey.flags import FLAGS


def parsed(answer: httpx.Response) -> Element:
    """Read a page as strictly as the standard says, its addresses as the browser takes them."""
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    page: Element = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(answer.text)
    for element in page.iter():
        for name in {"href", "src", "action"} & element.attrib.keys():
            element.attrib[name] = urljoin(str(answer.url), element.attrib[name])
    return page


def row_of(archive: Any, name: str) -> dict[str, Any]:
    query = f"SELECT * FROM emline.scores WHERE obs_publisher_did = '{archive.dids[name]}'"
    parameters = {"LANG": "ADQL", "QUERY": query, "RESPONSEFORMAT": "json"}
    answer = archive.get("tap/sync", **parameters).json()
    return dict(zip([column["name"] for column in answer["metadata"]], answer["data"][0], strict=True))


def page_of(archive: Any, name: str) -> httpx.Response:
    return httpx.get(row_of(archive, name)["page_url"])


def block(page: httpx.Response, identifier: str) -> str:
    """Give the text of a block to be copied."""
    found = re.search(rf'<pre tabindex="0" id="{identifier}">(.*?)</pre>', page.text, re.DOTALL)
    assert found is not None
    return unescape(found[1])


def test_topcat_recognises_the_column() -> None:
    """TOPCAT takes a column for URLs by its UCD, and for those of pages by their ending."""
    for table in (CANDIDATES, SCORES):
        assert table["page_url"].ucd == "meta.ref.url"
        assert str(table["page_url"].computed).endswith("'.html'")


@pytest.mark.parametrize("name", ["ondrejov", "raw", "dr1", "dr7", "dr10", "vanished"])
def test_every_classified_spectrum_has_a_page(archive: Any, name: str) -> None:
    row, page = row_of(archive, name), page_of(archive, name)
    assert page.status_code == 200
    text = "".join(parsed(page).itertext())
    for column in SCORES.stored:
        if column.name != "hpx10":
            assert column.name in text
            assert column.description in text
    for value in (row["label"], row["candidate_id"], row["obs_publisher_did"], f"{row['score']:.6g}"):
        assert value in text


def test_a_candidate_shows_its_measured_line(archive: Any) -> None:
    rows = {name: row_of(archive, name) for name in archive.dids}
    assert {row["label"] == "absorption" for row in rows.values()} == {True, False}
    for name, row in rows.items():
        page = "".join(parsed(page_of(archive, name)).itertext())
        measured = row["label"] != "absorption"
        assert ("The line" in page) == measured
        assert ("−4.13 ± 0.45 Å" in page) == measured
        assert ("477 ± 22 km/s" in page) == measured
        assert "0.1nm" not in page


def test_it_shows_what_is_null_as_such(archive: Any) -> None:
    row = row_of(archive, "dr1")
    assert row["obsid"] is None
    assert re.search(r"<code>obsid</code></td><td>–</td>", page_of(archive, "dr1").text)


def test_its_links_lead_somewhere(archive: Any) -> None:
    page = parsed(page_of(archive, "dr7"))
    links = {link.attrib["href"] for link in page.iter("a")}
    ours = sorted(link for link in links if link.startswith(archive.url))
    assert len(ours) >= 12
    types = {
        httpx.get(link, timeout=60).raise_for_status().headers["content-type"].split(";")[0] for link in ours
    }
    assert types == {
        "text/html", "image/png", "image/fits", "application/fits", "application/x-votable+xml", "text/csv",
        "text/plain", "text/x-ecsv", "application/json",
    }  # fmt: skip
    assert {link.split("/")[2] for link in links - set(ours)} == {
        "simbad.cds.unistra.fr",
        "vizier.cds.unistra.fr",
        "aladin.cds.unistra.fr",
        "www.lamost.org",
    }


def test_it_loads_nothing_from_elsewhere_and_holds_no_script(archive: Any) -> None:
    answer = page_of(archive, "dr7")
    page = parsed(answer)
    loaded = [item.attrib["src"] for item in page.iter("script")]
    loaded += [item.attrib["href"] for item in page.iter("link") if item.attrib["rel"] != "alternate"]
    assert all(address.startswith(f"{archive.url}/static/") for address in loaded)
    assert not [
        item for item in page.iter() if any(name.startswith("on") or name == "style" for name in item.attrib)
    ]
    assert [image.attrib["src"].startswith(f"{archive.url}/candidate/") for image in page.iter("img")] == [
        True,
        True,
    ]
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert not any("".join(item.itertext()).strip() for item in page.iter("script"))


def test_its_query_selects_it(archive: Any) -> None:
    query = block(page_of(archive, "dr7"), "adql")
    answer = archive.get("tap/sync", LANG="ADQL", QUERY=query, RESPONSEFORMAT="csv")
    rows = list(csv.DictReader(answer.text.splitlines()))
    assert [row["obs_publisher_did"] for row in rows] == [archive.dids["dr7"]]


@pytest.mark.filterwarnings(
    "ignore:The unit 'Angstrom' has been deprecated"
)  # as astropy says of any VOTable
def test_its_python_gives_row_and_spectrum(
    archive: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VO_EMLINE_CACHE", str(tmp_path))
    page = page_of(archive, "dr7")
    ours: dict[str, Any] = {}
    exec(block(page, "python"), ours)
    ours["service"].close()
    assert ours["row"]["obs_publisher_did"] == archive.dids["dr7"]
    plain: dict[str, Any] = {}
    exec(block(page, "astropy"), plain)
    assert len(plain["spectrum"]) == len(ours["spectrum"].flux) == 3909


def test_a_page_without_its_file_says_so(archive: Any) -> None:
    page = page_of(archive, "vanished")
    assert "is not here any more" in page.text
    assert not list(parsed(page).iter("img"))


def test_flags_are_explained(served: Any) -> None:
    ((url,),) = served.rows("SELECT TOP 1 page_url FROM emline.scores WHERE flags = 'low_snr'")
    assert FLAGS["low_snr"] in httpx.get(url).text
    ((url,),) = served.rows("SELECT TOP 1 page_url FROM emline.scores WHERE flags = ''")
    assert "No quality flag" in httpx.get(url).text


@pytest.mark.parametrize("identifier", ["EML-0", "%3Cscript%3Ealert(1)", "' OR 1=1 --", "x" * 2000])
def test_where_there_is_none_a_page_says_so(archive: Any, identifier: str) -> None:
    answer = httpx.get(f"{archive.url}/candidate/{identifier}.html")
    assert answer.status_code == 404
    page = parsed(answer)
    assert "No such candidate" in "".join(page.itertext())
    assert not any("".join(item.itertext()).strip() for item in page.iter("script"))
    assert len(answer.content) < 10_000
    links = {link.attrib["href"].partition("#")[0] for link in page.iter("a")} - {str(answer.url)}
    for link in links:
        assert httpx.get(link, timeout=60).status_code == 200


def test_the_first_page_shows_striking_candidates(served: Any) -> None:
    page = parsed(httpx.get(served.url))
    listed = [link.attrib["href"] for link in page.iter("a") if "/candidate/" in link.attrib["href"]]
    unflagged = {url for (url,) in served.rows("SELECT page_url FROM emline.candidates WHERE flags = ''")}
    assert 0 < len(listed) <= 2 * STRIKING
    assert len(listed) == len(set(listed))
    assert set(listed) <= unflagged
    assert all(httpx.get(url).status_code == 200 for url in listed[:2])


def test_the_first_page_counts_the_classes(served: Any) -> None:
    page = httpx.get(served.url).text
    for label, n in served.rows("SELECT label, COUNT(*) FROM emline.scores GROUP BY label"):
        assert re.search(rf"label={label}\"><b>{n:,}</b>", page)


def test_a_service_that_classified_nothing_has_no_candidates(
    start_service: Any, spectra_table: pa.Table, tmp_path: Path
) -> None:
    build_release(tmp_path / "release.duckdb", spectra=spectra_table)
    url = start_service(tmp_path / "release.duckdb").url
    assert "Nothing is classified here" in httpx.get(url).text
    assert "Nothing is classified" in httpx.get(f"{url}/candidates").text
    assert "Nothing is classified" in httpx.get(f"{url}/sky").text
    assert httpx.get(f"{url}/candidate/EML-0.html").status_code == 404

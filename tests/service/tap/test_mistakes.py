"""A mistake in the form of the first page is read, found and mended."""

from __future__ import annotations

from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from lxml import html

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
JAVA = {"Accept": "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2"}


def ask(served: Any, query: str, headers: dict[str, str], **more: Any) -> httpx.Response:
    values = {"LANG": "ADQL", "QUERY": query, "RESPONSEFORMAT": "votable"} | more
    return httpx.get(f"{served.tap}/sync", params=values, headers=headers, timeout=60)


@pytest.mark.parametrize("format", ["html", "votable", "csv"])
def test_a_browser_gets_a_page_with_message_query_and_place(served: Any, format: str) -> None:  # noqa: A002
    query = "SELECT ra,\n  nothing <b>\nFROM emline.scores"
    answer = ask(served, query, BROWSER, RESPONSEFORMAT=format, MAXREC=7)
    assert answer.status_code == 400
    assert answer.headers["content-type"].startswith("text/html")
    assert "form-action 'self'" in answer.headers["content-security-policy"]
    page = html.fromstring(answer.text)
    assert page.get_element_by_id("query").text == query
    assert "line 2" in page.get_element_by_id("message").text
    assert len(page.findall(".//mark")) == 1
    (form,) = page.xpath("//form[.//*[@id='query']]")
    kept = {field.get("name"): field.get("value") for field in form.iter("input")}
    assert kept == {"LANG": "ADQL", "RESPONSEFORMAT": format, "MAXREC": "7"}
    assert not list(page.iter("b"))  # nothing of the query becomes markup


@pytest.mark.parametrize("headers", [{}, JAVA, {"Accept": "*/*"}, {"Accept": "text/html"}])
def test_programs_get_a_votable(served: Any, headers: dict[str, str]) -> None:
    answer = ask(served, "SELECT nothing FROM emline.scores", headers)
    assert answer.status_code == 400
    assert b"QUERY_STATUS" in answer.content
    assert answer.headers["content-type"] == "application/x-votable+xml"


def test_the_page_works_under_any_name(served: Any) -> None:
    """The service is opened as 127.0.0.1, not as it calls itself: forms, links and pictures stay here."""
    here = served.url.replace("localhost", "127.0.0.1")
    assert here != served.url
    candidate = served.rows("SELECT TOP 1 candidate_id FROM emline.candidates")[0][0]
    for path in ("/", f"/candidate/{candidate}.html", "/candidate/none.html", "/tap/sync?LANG=ADQL&QUERY=x"):
        answer = httpx.get(f"{here}{path}", headers=BROWSER, timeout=60)
        page = html.fromstring(answer.text)
        found = [(element.tag, value) for element, name, value, _ in page.iterlinks()]
        assert found
        for tag, value in found:
            if tag in ("img", "form"):
                assert urljoin(f"{here}{path}", value).startswith(f"{here}/")
        forms = [urljoin(f"{here}{path}", form.action) for form in page.forms]
        assert forms
        assert {urlsplit(action).path for action in forms} <= {"/tap/sync", "/candidates.html", "/candidates"}


@pytest.mark.parametrize("format", ["csv", "tsv"])
def test_a_cut_text_says_so_in_a_header(served: Any, format: str) -> None:  # noqa: A002
    query = "SELECT ra FROM emline.scores"
    assert ask(served, query, {}, RESPONSEFORMAT=format, MAXREC=5).headers["x-query-status"] == "OVERFLOW"
    assert "x-query-status" not in ask(served, query, {}, RESPONSEFORMAT=format, MAXREC=1000).headers


def test_a_cut_parquet_file_says_so_at_its_end(served: Any) -> None:
    for limit, said in ((5, b"OVERFLOW"), (1000, None)):
        answer = ask(served, "SELECT ra FROM emline.scores", {}, RESPONSEFORMAT="parquet", MAXREC=limit)
        metadata = pq.read_metadata(pa.BufferReader(answer.content)).metadata
        assert metadata.get(b"QUERY_STATUS") == said

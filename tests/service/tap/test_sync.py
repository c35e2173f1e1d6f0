"""``/tap/sync`` over HTTP: parameters, limits, formats and errors."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from astropy.io.votable import parse, parse_single_table

if TYPE_CHECKING:
    from astropy.io.votable.tree import VOTableFile

ALL = "SELECT * FROM emline.scores"


def document(response: httpx.Response) -> VOTableFile:
    """Parse an answer strictly."""
    return parse(io.BytesIO(response.content), verify="exception")


def status(response: httpx.Response) -> tuple[str, str]:
    """Give the last QUERY_STATUS of a VOTable, and its text."""
    infos = [info for info in document(response).iter_info() if info.name == "QUERY_STATUS"]
    infos += [info for info in document(response).resources[0].infos if info.name == "QUERY_STATUS"]
    return infos[-1].value, infos[-1].content or ""


def refused(response: httpx.Response, http_status: int = 400) -> str:
    """Give the message of an error document."""
    assert response.status_code == http_status
    assert response.headers["content-type"] == "application/x-votable+xml"
    value, text = status(response)
    assert value == "ERROR"
    return text


def test_columns_carry_the_described_metadata(served: Any) -> None:
    answer = served.sync("SELECT ra, label, score FROM emline.candidates")
    table = parse_single_table(io.BytesIO(answer.content), verify="exception")
    ra, label, score = table.fields
    assert (ra.datatype, str(ra.unit), ra.ucd) == ("double", "deg", "pos.eq.ra;meta.main")
    assert (label.datatype, label.arraysize) == ("char", "*")
    assert score.description.startswith("Probability of emission")
    assert len(table.array) == served.services.store._current.release.counts["emline.candidates"]


def test_post_urlencoded_and_multipart_answer_like_get(served: Any) -> None:
    query = "SELECT TOP 7 obsid, ra FROM emline.scores ORDER BY obs_publisher_did"
    values = {"LANG": "ADQL", "QUERY": query, "RESPONSEFORMAT": "csv"}
    url = f"{served.tap}/sync"
    answers = {
        httpx.get(url, params=values).text,
        httpx.post(url, data=values, timeout=60).text,
        httpx.post(url, files={name: (None, value) for name, value in values.items()}, timeout=60).text,
    }
    assert len(answers) == 1
    assert answers.pop().count("\r\n") == 8


def test_parameter_names_have_any_case_and_unknown_ones_are_ignored(served: Any) -> None:
    values = {
        "lang": "adql",
        "Query": "SELECT TOP 1 ra FROM emline.scores",
        "format": "csv",
        "REQUEST": "doQuery",
    }
    answer = httpx.get(
        f"{served.tap}/sync", params=values | {"VERSION": "1.1", "color": "red", "RUNID": "me"}
    )
    assert answer.status_code == 200
    assert answer.text.startswith("ra\r\n")


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"QUERY": ALL}, "LANG is missing"),
        ({"LANG": "ADQL"}, "QUERY is missing"),
        ({"LANG": "SQL", "QUERY": ALL}, "LANG=SQL"),
        ({"LANG": "ADQL", "QUERY": ALL, "REQUEST": "getCapabilities"}, "REQUEST"),
        ({"LANG": "ADQL", "QUERY": ALL, "MAXREC": "-1"}, "MAXREC"),
        ({"LANG": "ADQL", "QUERY": ALL, "MAXREC": "ten"}, "MAXREC"),
        ({"LANG": "ADQL", "QUERY": ALL, "MAXREC": "١٢"}, "MAXREC"),
        ({"LANG": "ADQL", "QUERY": ALL, "FORMAT": "xlsx"}, "RESPONSEFORMAT=xlsx"),
        ({"LANG": "ADQL", "QUERY": ALL, "FORMAT": "csv", "RESPONSEFORMAT": "tsv"}, "differ"),
        ({"LANG": "ADQL", "QUERY": [ALL, ALL]}, "QUERY is given 2 times"),
        ({"LANG": "ADQL", "QUERY": ALL, "MAXREC": ["1", "2"]}, "MAXREC is given 2 times"),
        ({"LANG": "ADQL", "QUERY": "SELECT ra FROM emline.score"}, "emline.scores"),
        ({"LANG": "ADQL", "QUERY": "SELECT raa FROM emline.scores"}, "ra"),
        ({"LANG": "ADQL", "QUERY": "SELECT ra FROM emline.scores LIMIT 5"}, "TOP"),
        ({"LANG": "ADQL", "QUERY": "SELECT path FROM internal.spectra"}, "internal"),
        ({"LANG": "ADQL", "QUERY": "SELECT * FROM read_csv('/etc/passwd')"}, ""),
        ({"LANG": "ADQL", "QUERY": ALL, "UPLOAD": "t1"}, "name,uri"),
        ({"LANG": "ADQL", "QUERY": ALL, "UPLOAD": "t1,param:gone"}, "not sent"),
        ({"LANG": "ADQL", "QUERY": ALL, "UPLOAD": "../x,param:t"}, "table name"),
        ({"LANG": "ADQL", "QUERY": ALL, "UPLOAD": "t1,http://127.0.0.1:1/x"}, "not a public address"),
        ({"LANG": "ADQL", "QUERY": ALL, "UPLOAD": "t1,file:///etc/passwd"}, "no http"),
        ({"LANG": "ADQL", "QUERY": ALL, "UPLOAD": "t,param:a;T,param:b"}, "twice"),
    ],
)
def test_mistakes_are_named_in_a_votable_with_status_400(
    served: Any, parameters: dict[str, Any], said: str
) -> None:
    for answer in (
        httpx.get(f"{served.tap}/sync", params=parameters),
        httpx.post(f"{served.tap}/sync", data=parameters, timeout=60),
    ):
        assert said in refused(answer)


def test_a_post_that_is_no_form_is_refused(served: Any) -> None:
    answer = httpx.post(f"{served.tap}/sync", json={"QUERY": ALL}, timeout=60)
    assert "application/json" in refused(answer)


@pytest.mark.parametrize(
    ("maxrec", "rows", "value"), [(0, 0, "OVERFLOW"), (3, 3, "OVERFLOW"), (200, 200, "OK"), (201, 200, "OK")]
)
def test_maxrec_cuts_and_overflow_tells_only_of_what_is_missing(
    served: Any, maxrec: int, rows: int, value: str
) -> None:
    answer = served.sync(ALL, MAXREC=maxrec)
    assert len(parse_single_table(io.BytesIO(answer.content)).array) == rows
    assert status(answer)[0] == value


def test_top_is_no_overflow(served: Any) -> None:
    assert status(served.sync("SELECT TOP 5 ra FROM emline.scores", MAXREC=5))[0] == "OK"


def test_order_is_kept_behind_the_row_limit(served: Any) -> None:
    rows = served.rows(
        "SELECT snr_r FROM emline.scores WHERE snr_r IS NOT NULL ORDER BY snr_r DESC", MAXREC=20
    )
    assert rows == sorted(rows, reverse=True)
    best = served.rows("SELECT MAX(snr_r) AS m FROM emline.scores")
    assert rows[0] == best[0]


def test_the_default_limit_holds_and_the_hard_one_cannot_be_passed(
    start_service: Any, release_file: Any
) -> None:
    small = start_service(release_file, rows_default=10, rows_hard=20)
    assert (len(small.rows(ALL)), len(small.rows(ALL, MAXREC=15)), len(small.rows(ALL, MAXREC=10**30))) == (
        10,
        15,
        20,
    )


@pytest.mark.parametrize(
    ("format_name", "media_type"),
    [
        ("votable", "application/x-votable+xml"),
        (
            "application/x-votable+xml;serialization=TABLEDATA",
            "application/x-votable+xml;serialization=TABLEDATA",
        ),
        ("text/xml", "text/xml"),
        ("csv", "text/csv;header=present"),
        ("tsv", "text/tab-separated-values"),
        ("fits", "application/fits"),
        ("parquet", "application/vnd.apache.parquet"),
        ("json", "application/json"),
        ("html", "text/html"),
    ],
)
def test_every_format_is_delivered_with_its_media_type(
    served: Any, format_name: str, media_type: str
) -> None:
    answer = served.sync("SELECT * FROM emline.rejects", RESPONSEFORMAT=format_name)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == media_type
    assert len(answer.content) > 100


def test_texts_beyond_ascii_arrive(served: Any) -> None:
    answer = served.sync("SELECT message FROM emline.rejects ORDER BY source")
    table = parse_single_table(io.BytesIO(answer.content), verify="exception")
    assert table.fields[0].datatype == "unicodeChar"
    assert table.array["message"][0] == "kürzer als der Kopf verspricht – 2 < 3 & Schluß"


def test_nulls_arrive_as_nulls(served: Any) -> None:
    answer = served.sync(
        "SELECT TOP 5 obsid, snr_r, spectral_subclass FROM emline.scores WHERE obsid IS NULL"
    )
    table = parse_single_table(io.BytesIO(answer.content), verify="exception").array
    assert table["obsid"].mask.all()


def test_results_with_identifiers_lead_to_datalink(served: Any) -> None:
    answer = served.sync("SELECT TOP 1 obs_publisher_did FROM ivoa.obscore")
    meta = [resource for resource in document(answer).resources if resource.type == "meta"]
    assert any(param.value == served.services.urls.datalink for resource in meta for param in resource.params)
    without = served.sync("SELECT TOP 1 s_ra FROM ivoa.obscore")
    assert [resource.type for resource in document(without).resources] == ["results"]


def test_an_uploaded_table_is_matched(served: Any) -> None:
    rows = served.rows("SELECT TOP 3 ra, dec FROM emline.scores WHERE ra IS NOT NULL ORDER BY ra")
    upload = "name,ra,dec\n" + "".join(f"s{place},{ra!r},{dec!r}\n" for place, (ra, dec) in enumerate(rows))
    query = (
        "SELECT t.name, s.ra FROM TAP_UPLOAD.mine AS t JOIN emline.scores AS s "
        "ON DISTANCE(POINT(t.ra, t.dec), POINT(s.ra, s.dec)) < 1/3600. ORDER BY t.name"
    )
    values = {"LANG": "ADQL", "QUERY": query, "UPLOAD": "mine,param:part", "RESPONSEFORMAT": "json"}
    answer = httpx.post(
        f"{served.tap}/sync", data=values, files={"part": ("any.csv", upload.encode())}, timeout=60
    )
    assert answer.status_code == 200, answer.text
    assert {row[0] for row in answer.json()["data"]} == {"s0", "s1", "s2"}


def test_uploads_of_one_query_are_not_seen_by_another(served: Any) -> None:
    values = {"LANG": "ADQL", "QUERY": "SELECT * FROM TAP_UPLOAD.t", "UPLOAD": "t,param:p", "FORMAT": "csv"}
    first = httpx.post(f"{served.tap}/sync", data=values, files={"p": ("p", b"a\n1\n")}, timeout=60)
    assert first.text == "a\r\n1\r\n"
    assert served.sync("SELECT * FROM TAP_UPLOAD.t").status_code == 400


def test_browsers_of_other_origins_may_ask(served: Any) -> None:
    origin = {"Origin": "https://aladin.example"}
    answer = httpx.get(f"{served.tap}/capabilities", headers=origin)
    assert answer.headers["access-control-allow-origin"] == "*"
    wish = origin | {"Access-Control-Request-Method": "GET"}
    assert httpx.options(f"{served.tap}/async/x", headers=wish).status_code == 200
    harm = origin | {"Access-Control-Request-Method": "DELETE"}  # no other site removes a job
    assert httpx.options(f"{served.tap}/async/x", headers=harm).status_code == 400


def test_a_request_beyond_the_limit_is_refused_before_it_is_read(
    start_service: Any, release_file: Any
) -> None:
    small = start_service(release_file, upload_bytes=1000)
    big = b"a\n" + b"1\n" * 600_000
    values = {"LANG": "ADQL", "QUERY": "SELECT * FROM TAP_UPLOAD.t", "UPLOAD": "t,param:p"}
    answer = httpx.post(f"{small.tap}/sync", data=values, files={"p": ("p", big)}, timeout=60)
    assert "larger than" in refused(answer, 413)
    answer = httpx.post(
        f"{small.tap}/sync", data=values, files={"p": ("p", b"a\n" + b"1\n" * 600)}, timeout=60
    )
    assert "1000 bytes" in refused(answer)


def test_the_home_page_and_the_base_address_answer_people(served: Any) -> None:
    page = httpx.get(served.url + "/")
    assert page.status_code == 200
    assert "emline.candidates" in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    # scripts are files of ours: none stands in the page, none comes from elsewhere
    assert re.findall(r'<script(?![^>]*\bsrc="\./static/)', page.text) == []
    assert "//cdn" not in page.text
    assert httpx.get(served.tap).headers["location"] == served.url + "/"


def test_what_is_not_there_is_404_and_what_is_not_allowed_405(served: Any) -> None:
    assert httpx.get(f"{served.tap}/nothing").status_code == 404
    assert httpx.get(f"{served.tap}/tables/no.table").status_code == 404
    assert httpx.delete(f"{served.tap}/sync").status_code == 405


def test_regions_of_obscore_can_be_asked_for(served: Any) -> None:
    ra, dec = served.rows("SELECT TOP 1 s_ra, s_dec FROM ivoa.obscore WHERE s_region IS NOT NULL")[0]
    touched = f"1 = INTERSECTS(s_region, CIRCLE({ra}, {dec + 0.001}, 0.0006))"
    assert [ra, dec] in served.rows(f"SELECT s_ra, s_dec FROM ivoa.obscore WHERE {touched}")
    missed = touched.replace("0.0006", "0.0005")
    assert [ra, dec] not in served.rows(f"SELECT s_ra, s_dec FROM ivoa.obscore WHERE {missed}")


def test_a_long_text_says_beforehand_how_many_rows_it_has_at_most(served: Any) -> None:
    query = "SELECT a.ra FROM emline.scores AS a, emline.scores AS b, emline.scores AS c"
    answer = served.sync(query, MAXREC=20_001, RESPONSEFORMAT="tsv")
    assert answer.headers["x-query-maxrec"] == "20001"
    assert len(answer.text.splitlines()) == 1 + 20_001  # as many as that: there may be more

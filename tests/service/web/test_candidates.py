"""The list of candidates: filters that are ADQL, counts, twins, lists, mistakes."""

from __future__ import annotations

import io
from collections import Counter
from html import unescape
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import html5lib
import httpx
import pytest
from astropy.table import Table

from service.web.facets import count
from service.web.lists import read_list
from service.web.search import angle, read_position, search, sexagesimal
from service.web.view import FLAG_CONDITIONS, RANGES, View
from vo_emline.errors import UserError

VIEWS = (
    [],
    [("label", "double-peak")],
    [("label", "emission"), ("label", "double-peak"), ("score_min", "0.6"), ("sort", "-score")],
    [("type", "A"), ("type", "B"), ("all", "1")],
    [("flag", "low_snr")],
    [("flag", "none"), ("snr_r_min", "10"), ("sort", "snr")],
    [("known", "no"), ("known", "unasked")],
    [("q", "84.0 -10.0"), ("radius", "60"), ("unit", "deg"), ("all", "1")],
    [("q", "synthetic"), ("all", "1")],
    [("cell", "0/1"), ("all", "1")],
    [("survey", "LAMOST LRS"), ("sort", "ra")],
    [("list", "84 -10\nnobody"), ("all", "1")],
)


def page_of(served: Any, parameters: Any, status: int = 200) -> str:
    answer = httpx.get(f"{served.url}/candidates", params=parameters, timeout=60)
    assert answer.status_code == status
    html5lib.HTMLParser(strict=True).parse(answer.text)
    return answer.text


def listed(page: str) -> list[str]:
    """Give the identifiers on a page, in order."""
    return [part.split(".html")[0] for part in page.split('href="./candidate/')[1:]]


@pytest.mark.parametrize("parameters", VIEWS)
def test_the_rows_are_those_of_the_query_that_is_shown(served: Any, parameters: Any) -> None:
    page = page_of(served, [*parameters, ("size", "200")])
    query = unescape(page.split('id="adql">')[1].split("</pre>")[0])
    rows = served.rows(query.replace("SELECT *", "SELECT candidate_id"))
    assert listed(page) == [row[0] for row in rows][:200]
    twin = httpx.get(f"{served.url}/candidates.json", params=parameters, timeout=60).json()
    place = [column["name"] for column in twin["metadata"]].index("candidate_id")
    assert [row[place] for row in twin["data"]] == [row[0] for row in rows]


@pytest.mark.parametrize("parameters", VIEWS)
def test_counts_are_what_the_filter_would_find(served: Any, parameters: Any) -> None:
    view = View.read(parameters)
    with served.services.store.lease() as release:
        counts = count(served.services, release, view)
    rows = served.rows(view.adql(("label", "flags", "spectral_subclass")))
    assert counts.rows == len(rows)
    assert counts.labels == Counter(row[0] for row in rows)
    for name, n in counts.flags.items():
        found = served.rows(
            View.read([*(p for p in parameters if p[0] != "flag"), ("flag", name)]).adql(("label",))
        )
        assert n <= len(found)
    for (column, end, limit), n in counts.steps.items():
        sharper = View.read([*parameters, (f"{column}_{end}", str(limit))])
        assert n == len(served.rows(sharper.adql(("label",)))) or (column, end) in view.ranges
    for letter, n in counts.types.items():
        if not view.types:
            assert n == len(served.rows(View.read([*parameters, ("type", letter)]).adql(("label",))))


def test_an_address_means_the_same_when_it_is_written_again() -> None:
    for parameters in VIEWS:
        view = View.read(parameters)
        again = View.read(parse_qsl(urlsplit(view.link()).query))
        assert again == view


def test_pages_follow_each_other_without_a_gap(served: Any) -> None:
    pages = [listed(page_of(served, {"size": 25, "page": number, "all": 1})) for number in range(1, 9)]
    seen = [identifier for page in pages for identifier in page]
    assert len(seen) == len(set(seen)) == 200


@pytest.mark.filterwarnings("ignore:.*did not parse as fits unit", "ignore:The unit 'Angstrom'")
def test_each_format_holds_the_view(served: Any) -> None:
    base = f"{served.url}/candidates"
    expected = len(served.rows("SELECT label FROM emline.candidates WHERE label = 'emission'"))
    for ending, form in (("vot", "votable"), ("csv", "ascii.csv"), ("fits", "fits"), ("parquet", "parquet")):
        content = httpx.get(f"{base}.{ending}?label=emission", timeout=60).content
        if form == "parquet":
            import pyarrow.parquet as pq

            assert pq.read_table(io.BytesIO(content)).num_rows == expected
        else:
            assert len(Table.read(io.BytesIO(content), format=form)) == expected


@pytest.mark.parametrize(
    "parameters",
    [
        {"snr_r_min": "many"}, {"label": "nebula"}, {"q": "400 95"}, {"page": "0"}, {"page": "999999999"},
        {"cell": "11/3"}, {"sort": "score; DROP"}, {"radius": "-1"}, {"list": "x\n" * 101},
    ],
)  # fmt: skip
def test_a_mistake_is_said_and_the_form_kept(served: Any, parameters: Any) -> None:
    if "list" in parameters:
        parameters = {"list": "\n".join(f"x{number}" for number in range(101))}
    page = page_of(served, parameters, status=400)
    assert 'id="message"' in page
    assert 'id="filters"' in page


@pytest.mark.parametrize(
    "text", ["<script>alert(1)</script>", "' OR 1=1 --", '"><img src=x onerror=y>', "%_%", "\x00é"]
)
def test_what_is_typed_stays_text(served: Any, text: str) -> None:
    answer = httpx.get(f"{served.url}/candidates", params={"q": text}, timeout=60)
    assert answer.status_code in (200, 400)
    page = html5lib.HTMLParser(namespaceHTMLElements=False).parse(answer.text)
    assert not any("".join(item.itertext()).strip() for item in page.iter("script"))
    assert not [item for item in page.iter("img") if item.attrib.get("src") == "x"]


def test_a_list_becomes_an_address(served: Any) -> None:
    rows = served.rows("SELECT TOP 3 candidate_id FROM emline.scores ORDER BY candidate_id")
    names = "\n".join(row[0] for row in rows)
    sent = httpx.post(f"{served.url}/candidates", files={"list": ("mine.txt", f"# mine\n{names}\n")})
    assert sent.status_code == 303
    page = httpx.get(f"{served.url}/{sent.headers['location'].removeprefix('./')}").text
    assert sorted(listed(page)) == [row[0] for row in rows]
    assert httpx.post(f"{served.url}/candidates", data={"list": ""}).status_code == 400


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("HD 5394\n\n# no\n 84.4 21.1 ", ("HD 5394", "84.4 21.1")),
        ("ra;dec;mag\n84.4;21.1;9\n85;22;8", ("84.4 21.1", "85 22")),
        ("obsid,ra,dec\n101001,1,2", ("101001",)),
        ("\ufeffname\tv\ngam Cas\t2", ("gam Cas",)),
        ("", ()),
    ],
)
def test_lists_are_lines_or_tables(text: str, names: tuple[str, ...]) -> None:
    assert read_list(text) == names


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("84.411 21.143", (84.411, 21.143)),
        ("84.411,-21.143", (84.411, -21.143)),
        ("05:37:38.64 +21:08:34.8", (84.411, 21.143)),
        ("05 37 38.64 -21 08 34.8", (84.411, -21.143)),
        ("5h37m38.64s +21d08m34.8s", (84.411, 21.143)),
        ("05 37 38.64 −00 30 00", (84.411, -0.5)),
        ("02 20 +57 08", (35.0, 57.1333333)),
    ],
)
def test_positions_are_read(text: str, place: tuple[float, float]) -> None:
    assert read_position(text) == pytest.approx(place, abs=1e-6)


@pytest.mark.parametrize(
    "text", ["HD 5394", "NGC 869", "12345 678 9", "J053738.66+210833.2", "gam Cas", "1e5"]
)
def test_names_are_no_positions(text: str) -> None:
    assert read_position(text) is None


def test_a_position_on_no_sky_is_refused() -> None:
    with pytest.raises(UserError, match="is no position"):
        read_position("400 12")


def test_a_designation_is_a_name_and_a_place() -> None:
    found = search("LAMOST J053738.66+210833.2", radius=None)
    assert found.centre == pytest.approx((84.41108, 21.14256), abs=1e-4)
    assert "UPPER(designation) = 'J053738.66+210833.2'" in found.condition
    assert search("the Double Cluster".removeprefix("the "), radius=None).centre == (34.75, 57.13)


def test_angles_and_places_are_written_for_people() -> None:
    assert (angle(1.0), angle(0.5), angle(2 / 3600)) == ("1°", "30′", "2″")
    assert sexagesimal(0.0, 89.999999) == ("00 00 00.00", "+90 00 00.0")


def test_every_limit_that_is_offered_is_a_column_of_both_tables() -> None:
    for view in (View(), View(everything=True)):
        for item in RANGES:
            assert view.table[item.column]
    assert "none" in FLAG_CONDITIONS


def test_a_permalink_means_the_same_after_a_restart(
    served: Any, start_service: Any, release_file: Any
) -> None:
    again = start_service(release_file)
    for parameters in VIEWS:
        old, new = (listed(page_of(each, parameters)) for each in (served, again))
        assert old == new

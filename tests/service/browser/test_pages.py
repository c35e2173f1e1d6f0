"""The pages in a real browser: what people come for, without scripts, narrow, dark, by keyboard, unharmed."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from threading import Thread
from typing import Any
from xmlrpc.client import dumps, loads

import httpx
import pyarrow as pa
import pytest
from astropy.table import Table
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.service.browser.conftest import HOSTILE
from tests.service.conftest import write_release
from vo_emline.candidates import candidate_ids
from vo_emline.candidates.columns import SPECTRA
from vo_emline.candidates.release import arrow_schema, read_release

pytestmark = pytest.mark.browser


def first_candidate(served: Any) -> str:
    return str(served.rows("SELECT TOP 1 candidate_id FROM emline.candidates ORDER BY candidate_id")[0][0])


@pytest.mark.parametrize("width", [1400, 400])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_fits_and_is_accessible(browsed: Any, new_page: Any, width: int, scheme: str) -> None:
    paths = ["/", "/candidates", "/candidates?show=gallery&size=100", "/sky?all=1"]
    (crowded,) = candidate_ids(["ivo://x/~?s/2"])  # others of its exposure are around it
    with new_page(width=width, color_scheme=scheme) as page:
        for path in (*paths, *(f"/candidate/{name}.html" for name in (first_candidate(browsed), crowded))):
            page.goto(browsed.url + path)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, path
            found = Axe().run(page).response["violations"]
            serious = [item for item in found if item["impact"] in ("serious", "critical")]
            assert not serious, (path, [(item["id"], item["nodes"][0]["html"]) for item in serious])


def test_the_ten_strongest_double_peaked_b_stars(browsed: Any, new_page: Any) -> None:
    with new_page() as page:
        page.goto(browsed.url)
        page.click("nav >> text=Candidates")
        page.check("#filters >> text=double-peak")
        page.wait_for_url("**label=double-peak*")
        page.check("#filters >> label.choice:has(input[value=B])")
        page.wait_for_url("**type=B*")
        page.fill("input[name=snr_r_min]", "50")
        page.press("input[name=snr_r_min]", "Enter")
        page.wait_for_url("**snr_r_min=50*")
        page.select_option("#sort", label="strongest emission")
        page.wait_for_url("**sort=ew*")
        seen = page.locator("a[data-row]").all_inner_texts()[:10]
    rows = browsed.rows(
        "SELECT TOP 10 designation FROM emline.candidates WHERE label = 'double-peak' AND snr_r >= 50 "
        "AND spectral_subclass LIKE 'B%' ORDER BY ew, candidate_id"
    )
    assert seen == [row[0] for row in rows]


def test_whether_a_star_was_classified_and_how_often(browsed: Any, new_page: Any) -> None:
    with new_page() as page:
        page.goto(browsed.url)
        page.fill("#find", "Star 010")
        page.press("#find", "Enter")
        page.locator("a[data-row]").first.click()
        assert page.locator("h2", has_text="Seen 2 times").is_visible()


def test_all_candidates_around_the_double_cluster_as_a_votable(browsed: Any, new_page: Any) -> None:
    with new_page() as page:
        page.goto(browsed.url)
        page.fill("#star", "Double Cluster")
        page.fill("input[name=radius]", "1")
        page.click("text=Find candidates")
        with page.expect_download() as download:
            page.click("text=VOTable")
        table = Table.read(BytesIO(Path(download.value.path()).read_bytes()), format="votable")
    inside = "1 = CONTAINS(POINT(ra, dec), CIRCLE(34.75, 57.13, 1))"
    rows = browsed.rows(f"SELECT candidate_id FROM emline.candidates WHERE {inside}")
    assert len(rows) > 5
    assert sorted(table["candidate_id"]) == sorted(row[0] for row in rows)


class Hub(BaseHTTPRequestHandler):
    """The Web Profile of a SAMP hub with one program that takes tables (SAMP 1.3, section 5.2)."""

    calls: list[tuple[str, tuple[Any, ...]]] = []  # noqa: RUF012 - one hub at a time

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        parameters, method = loads(body)
        self.calls.append((method.removeprefix("samp.webhub."), parameters))
        answers: dict[str, Any] = {
            "register": {"samp.private-key": "k", "samp.self-id": "c1"},
            "getSubscribedClients": {"topcat": {}},
            "pullCallbacks": [],
        }
        content = dumps((answers.get(self.calls[-1][0], ""),), methodresponse=True).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/xml")
        self.send_header("Access-Control-Allow-Origin", self.headers.get("Origin", "*"))
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def test_a_table_goes_to_the_desktop(browsed: Any, new_page: Any) -> None:
    Hub.calls.clear()
    with ThreadingHTTPServer(("127.0.0.1", 21012), Hub) as hub:
        Thread(target=hub.serve_forever, daemon=True).start()
        with new_page() as page:
            page.goto(f"{browsed.url}/candidates?label=double-peak")
            page.click("text=Send to TOPCAT")
            expect(page.locator("[data-samp-status]")).to_contain_text("Sent to 1 program")
        hub.shutdown()
    message = next(parameters[1] for name, parameters in Hub.calls if name == "notifyAll")
    assert message["samp.mtype"] == "table.load.votable"
    url = message["samp.params"]["url"]
    assert httpx.get(url).headers["content-type"].startswith("application/x-votable+xml")
    assert message["samp.params"]["table-id"] == url


def test_chosen_rows_go_to_the_desktop_and_into_a_list(browsed: Any, new_page: Any) -> None:
    Hub.calls.clear()
    with ThreadingHTTPServer(("127.0.0.1", 21012), Hub) as hub:
        Thread(target=hub.serve_forever, daemon=True).start()
        with new_page() as page:
            page.goto(f"{browsed.url}/candidates")
            page.click("text=Send them to TOPCAT")
            expect(page.locator("[data-samp-status]")).to_contain_text("No row is chosen")
            boxes = page.locator("tbody input[name=id]")
            ids = [boxes.nth(number).get_attribute("value") for number in (4, 1)]
            for number in (4, 1):
                boxes.nth(number).check()
            page.click("text=Send them to TOPCAT")
            expect(page.locator("[data-samp-status]")).to_contain_text("Sent to 1 program")
            page.click("text=As a list for wget")
            page.wait_for_url("**/spectra.txt?**")
            assert len(page.inner_text("body").split()) == 2
        hub.shutdown()
    message = next(parameters[1] for name, parameters in Hub.calls if name == "notifyAll")
    table = Table.read(BytesIO(httpx.get(message["samp.params"]["url"]).content), format="votable")
    assert sorted(table["candidate_id"]) == sorted(ids)
    assert list(table["designation"]) == sorted(table["designation"])


def test_without_a_hub_it_says_what_to_do(browsed: Any, chromium: Any) -> None:
    page = chromium.new_page()
    page.goto(f"{browsed.url}/candidates")
    page.click("text=Send to TOPCAT")
    status = page.locator("[data-samp-status]")
    expect(status).to_contain_text("Start TOPCAT")
    assert status.get_attribute("role") == "status"  # read out by screen readers as it changes
    assert page.locator("[data-samp]").first.is_enabled()  # to be tried again
    page.close()


def test_without_scripts_all_of_it_works(browsed: Any, new_page: Any) -> None:
    with new_page(java_script_enabled=False) as page:
        page.goto(f"{browsed.url}/candidates")
        page.check("#filters >> text=double-peak")
        page.click("text=Apply")
        assert "label=double-peak" in page.url
        assert page.locator("[data-samp]").first.is_hidden()
        page.locator("a[data-row]").first.click()
        page.click("a[rel=next]")
        assert "row 2" in page.inner_text("header")
        page.click("text=Back to the list")
        page.click("text=Gallery >> nth=1")
        assert page.locator(".gallery svg").count() == 50


def test_the_keyboard_goes_through_the_list(browsed: Any, new_page: Any) -> None:
    with new_page() as page:
        page.goto(f"{browsed.url}/candidates?size=25")
        names = page.locator("a[data-row]").all_inner_texts()
        for _ in range(3):
            page.keyboard.press("j")
        page.keyboard.press("k")
        assert page.evaluate("document.activeElement.textContent") == names[1]
        page.keyboard.press("Enter")
        page.wait_for_url("**/candidate/**")
        page.keyboard.press("n")
        page.wait_for_url("**at=2*")
        assert page.inner_text("h1") == names[2]


def test_the_spectrum_is_alive(archive: Any, new_page: Any) -> None:
    query = f"SELECT page_url FROM emline.scores WHERE obs_publisher_did = '{archive.dids['dr7']}'"
    url = archive.get("tap/sync", LANG="ADQL", QUERY=query, RESPONSEFORMAT="json").json()["data"][0][0]
    with new_page() as page:
        page.goto(url)
        page.wait_for_selector("#plot canvas")
        page.keyboard.press("v")
        page.keyboard.press("v")
        assert page.inner_text("[data-action=axis]") == "km/s"
        page.click("[data-action=smoother]")
        assert "1 px" in page.inner_text("[data-smooth]")
        page.hover("#spectrum .u-over")
        expect(page.locator("#spectrum-readout")).to_contain_text("in vacuum")
        page.click("[data-action=flux]")
        expect(page.locator("[data-action=flux]")).to_have_attribute("aria-pressed", "true")


def test_spectra_of_other_times_lie_over_each_other(archive: Any, start_service: Any, new_page: Any) -> None:
    rows = read_release(archive.folder / "release.duckdb", SPECTRA).to_pylist()
    first, second = (
        next(row for row in rows if row["release"] == f"LAMOST {name}") for name in ("DR7", "DR10")
    )
    second |= {"ra": first["ra"], "dec": first["dec"], "start_mjd": first["start_mjd"] + 400}
    release = archive.folder / "twice.duckdb"
    write_release(release, pa.Table.from_pylist(rows, arrow_schema(SPECTRA)))
    served = start_service(release)
    (candidate_id,) = candidate_ids([first["obs_publisher_did"]])
    with new_page() as page:
        page.goto(f"{served.url}/candidate/{candidate_id}.html")
        page.click("text=Other times")
        expect(page.locator("#other-times")).to_contain_text("the star on")
        assert page.locator("#other-times").inner_text().strip()
        expect(page.locator("[data-action=epochs]")).to_have_attribute("aria-pressed", "true")
        page.click("[data-action=flux]")  # of what is not divided by its continuum nothing lies over another
        page.keyboard.press("o")
        expect(page.locator("#other-times")).to_be_empty()
        expect(page.locator("[data-action=flux]")).to_have_attribute("aria-pressed", "true")


def test_hostile_names_stay_text(browsed: Any, new_page: Any) -> None:
    with new_page() as page:
        for path in (
            "/candidates?size=200",
            "/candidates?size=200&show=gallery",
            "/candidates?q=onerror&all=1",
        ):
            page.goto(browsed.url + path)
            assert page.locator("img[src=x]").count() == 0
            assert page.locator("text=onerror=alert").count()
        page.locator("a[data-row]", has_text="onerror").first.click()
        assert page.locator("img[src=x]").count() == 0
        assert "onerror" in page.inner_text("h1")


def test_names_of_files_stay_text_and_say_why_they_were_left_out(browsed: Any, new_page: Any) -> None:
    with new_page(java_script_enabled=False) as page:
        page.goto(browsed.url)
        page.click("text=Which, and why")
        expect(page.locator("#left-out + div")).to_contain_text(f"{HOSTILE}.fits: ends early {HOSTILE}")
        assert page.locator("#left-out + div tbody tr").count() == 2
        page.click("text=All of them, each with its reason")
        expect(page.locator("table")).to_contain_text(f"ends early {HOSTILE}")


def test_the_field_of_a_candidate_leads_to_its_neighbours(browsed: Any, new_page: Any) -> None:
    (crowded,) = candidate_ids(["ivo://x/~?s/2"])
    with new_page() as page:
        page.goto(f"{browsed.url}/candidate/{crowded}.html")
        page.locator("#field + div a").first.click()
        expect(page.locator("#field + div")).to_contain_text("Star 002")


def test_a_mistake_in_adql_is_read_and_mended(browsed: Any, new_page: Any) -> None:
    with new_page(java_script_enabled=False) as page:
        page.goto(browsed.url)
        page.fill("#adql", "SELECT TOP 3 labell FROM emline.candidates")
        page.click("form:has(#adql) button")
        assert "labell" in page.inner_text("#message")
        assert page.locator("mark").count() == 1
        page.fill("#query", "SELECT TOP 3 label FROM emline.candidates")
        page.click("text=Run again")
        assert page.locator("tbody tr").count() == 3

"""Labelling in a real browser: by keys, blind, without a connection, after reloads, by two at once."""

from __future__ import annotations

import getpass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from service.labelling.context import LABELS_FILE
from service.labelling.people import FILE, People, Role
from vo_emline.labelling import Label, LabelLog, Queue, QueueItem, Queues

pytestmark = pytest.mark.browser

PROFILES = ("absorption", "emission", "double-peak", "emission-in-absorption")


class Labelled:
    """A service on which people may label, and the files beside it, opened a second time."""

    def __init__(self, start_service: Any, release: Path, folder: Path, **settings: Any) -> None:
        self.served = start_service(release, label=True, label_state=folder, **settings)
        self.url = self.served.url
        self.log = LabelLog(folder / LABELS_FILE)
        self.people = People(folder / FILE)
        with self.served.services.store.lease() as leased:
            rows = leased.rows("SELECT obs_publisher_did AS did FROM emline.candidates ORDER BY 1")
        self.dids = [row["did"] for row in rows]

    def queue(self, name: str, number: int) -> str:
        """Make a queue of so many candidates, and give the address of its page."""
        items = [QueueItem(publisher_did=did) for did in self.dids[:number]]
        Queues(self.log).add(Queue(name=name, kind="list"), items)
        return f"{self.url}/label/queue/{name}"

    def labels(self, queue: str) -> list[Label]:
        """Give the labels that stand."""
        return self.log.current(queue=queue)


@pytest.fixture(scope="module")
def own(start_service: Any, browsed_release: Path, tmp_path_factory: Any) -> Labelled:
    return Labelled(start_service, browsed_release, tmp_path_factory.mktemp("labels"))


def begin(page: Any, address: str) -> None:
    page.goto(address)
    page.wait_for_selector("#spectrum canvas")


def stored(page: Any) -> None:
    """Wait until the service has everything."""
    expect(page.locator("#sending")).to_have_text("Everything is stored.")


def name_of(page: Any) -> str:
    return str(page.inner_text("#name"))


@pytest.mark.parametrize(("width", "scheme"), [(1400, "light"), (400, "dark")])
def test_the_pages_fit_and_are_accessible(own: Labelled, new_page: Any, width: int, scheme: str) -> None:
    address = own.queue(f"fits-{width}", 5)
    with new_page(width=width, color_scheme=scheme) as page:
        for path in (f"{own.url}/label", address):
            page.goto(path)
            page.wait_for_load_state("networkidle")
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            found = Axe().run(page).response["violations"]
            serious = [item for item in found if item["impact"] in ("serious", "critical")]
            assert not serious, (path, [(item["id"], item["nodes"][0]["html"]) for item in serious])


def test_sixty_labels_by_keys(own: Labelled, new_page: Any, record_property: Any) -> None:
    address = own.queue("sixty", 60)
    with new_page() as page:
        begin(page, address)
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        for number in range(60):  # faster than any person: one may have to wait for spectra to be fetched
            page.wait_for_selector("#labelling:not(.empty)")
            page.keyboard.press(str(number % 4 + 1))
        expect(page.locator("#name")).to_have_text("All labelled")
        stored(page)
        assert page.inner_text("#count") == "60/60"
        took = sorted(page.evaluate("performance.getEntriesByName('label').map((entry) => entry.duration)"))
    record_property("from a key to the next spectrum, ms: median and greatest", (took[30], took[-1]))
    assert len(took) == 60
    assert not [url for url in asked if "/label/api/" not in url]  # no page, no picture
    labels = own.labels("sixty")
    assert [label.publisher_did for label in labels] == own.dids[:60]
    assert [label.profile for label in labels] == [PROFILES[number % 4] for number in range(60)]
    assert {(label.labeller, label.blind, label.quality) for label in labels} == {
        (getpass.getuser(), True, 3)
    }
    assert all(label.view == "halpha vacuum" and label.predicted for label in labels)


def test_the_next_spectrum_is_there_before_any_answer(own: Labelled, new_page: Any) -> None:
    """From the key to the next spectrum nothing is waited for: it comes while the service is silent."""
    address = own.queue("silent", 30)
    with new_page() as page:
        begin(page, address)
        held: list[Any] = []
        page.route("**/label/api/**", lambda route: held.append(route))
        seen = [name_of(page)]
        for _ in range(15):
            page.keyboard.press("2")
            seen.append(name_of(page))
        assert all(one != other for one, other in pairwise(seen))
        assert "15 labels wait" in page.inner_text("#sending")
        page.unroute("**/label/api/**")  # which lets go what was held
        stored(page)
    assert len(own.labels("silent")) == 15


def test_what_was_said_without_a_connection_goes_up_later_once(own: Labelled, new_page: Any) -> None:
    address = own.queue("offline", 30)
    with new_page(cut=True) as page:
        begin(page, address)
        page.context.set_offline(True)
        for key in "12341":
            page.keyboard.press(key)
        page.keyboard.press("Backspace")
        expect(page.locator("#sending")).to_contain_text("6 labels wait here. No connection")
        page.context.set_offline(False)
        stored(page)
        # an answer that is lost on its way: the labels are there, and the page sends them again
        page.route("**/api/labels", lambda route: (route.fetch(), route.abort()), times=1)
        page.keyboard.press("3")
        stored(page)
        page.keyboard.press("4")
        stored(page)
    assert [label.profile for label in own.labels("offline")] == [*PROFILES, "double-peak", PROFILES[3]]
    assert own.log.labels(queue="offline")[-1].profile == PROFILES[3]
    assert len(own.log.labels(queue="offline")) == 8


def test_a_reload_goes_on_where_one_was(own: Labelled, new_page: Any) -> None:
    address = own.queue("reload", 20)
    with new_page(cut=True) as page:
        begin(page, address)
        page.keyboard.press("1")
        page.route("**/api/labels", lambda route: route.abort())  # what is said now stays in the browser
        page.keyboard.press("2")
        page.keyboard.press("3")
        expect(page.locator("#sending")).to_contain_text("wait")
        there = name_of(page)
        page.unroute("**/api/labels")
        begin(page, address)
        stored(page)
        assert name_of(page) == there
        assert page.inner_text("#count") == "3/20"
        for _ in range(3):  # and further back than this visit
            page.keyboard.press("u")
            expect(page.locator("#said")).to_contain_text("Taken back")
        stored(page)
        page.keyboard.press("5")
        stored(page)
    (label,) = own.labels("reload")
    assert (label.publisher_did, label.profile) == (own.dids[0], "p-cygni")
    assert not label.blind  # whether the prediction was seen in an earlier visit nobody knows


def test_who_asks_the_network_first_does_not_label_blind(own: Labelled, new_page: Any) -> None:
    address = own.queue("asked", 10)
    with new_page() as page:
        begin(page, address)
        assert "says" not in page.inner_text("#labelling aside p#prediction")
        page.keyboard.press("p")
        expect(page.locator("#prediction")).to_contain_text("The network says")
        page.keyboard.press("1")
        page.keyboard.press("m")  # and after each label, which changes nothing for the label itself
        page.keyboard.press("g")
        page.keyboard.press("c")
        page.keyboard.type("a 2nd look, please")
        page.keyboard.press("Enter")
        page.keyboard.press("2")
        expect(page.locator("#last-model")).to_contain_text("the network says")
        page.keyboard.press("u")
        page.keyboard.press("3")
        stored(page)
    first, second = own.labels("asked")
    assert (first.blind, second.blind) == (False, False)
    given = [label for label in own.log.labels(queue="asked") if label.profile == "emission"]
    assert [(label.blind, label.quality, label.comment) for label in given] == [
        (True, 1, "a 2nd look, please")
    ]
    assert second.comment == "a 2nd look, please"


def test_everything_is_there_by_touch_and_by_mouse(own: Labelled, new_page: Any) -> None:
    address = own.queue("touch", 10)
    with new_page(width=400, has_touch=True) as page:
        begin(page, address)
        for action in ("velocity", "residual", "epochs", "smoother", "air", "likely"):
            page.tap(f"[data-do={action}]")
        assert "σ 1 px" in page.inner_text("#smoothing")
        page.tap("[data-do=whole]")
        expect(page.locator("#said")).to_contain_text("not here")
        first = name_of(page)
        page.tap("[data-do=skip]")
        assert name_of(page) != first
        page.tap("[data-profile=nebular]")
        page.keyboard.press("Space")  # skips, and does not press the button again
        page.tap("[data-do=help]")
        assert page.locator("#help").is_visible()
        page.keyboard.press("1")  # means nothing while the help is open
        page.tap("#help >> text=Close")
        stored(page)
    (label,) = own.labels("touch")
    assert (label.profile, label.publisher_did) == ("nebular", own.dids[1])
    assert {"halpha", "air", "residual", "epochs", "smooth-1"} <= set(label.view.split())


def test_two_people_at_once_on_one_queue(
    start_service: Any, browsed_release: Path, tmp_path: Path, new_page: Any
) -> None:
    served = Labelled(start_service, browsed_release, tmp_path, host="0.0.0.0")
    address = served.queue("both", 60)
    links = [served.people.invite(name, Role.LABELLER) for name in ("Eva", "Jan")]
    with new_page() as eva, new_page() as jan:
        for page, (invitation, secret) in zip((eva, jan), links, strict=True):
            page.goto(f"{served.url}/label/enter/{invitation}#{secret}")
            page.click("#accept")
            page.wait_for_url("**/label")
            begin(page, address)
        for _ in range(20):
            eva.keyboard.press("1")
            jan.keyboard.press("2")
        for page in (eva, jan):
            stored(page)
    labels = served.log.labels(queue="both")
    assert len(labels) == 40
    assert len({label.publisher_did for label in labels}) == 40
    assert {label.labeller for label in labels if label.profile == "absorption"} == {"Eva"}

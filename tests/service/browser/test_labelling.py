"""Labelling in a real browser: by keys, blind, without a connection, after reloads, by two at once."""

from __future__ import annotations

import csv
import getpass
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
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


@pytest.mark.parametrize("width", [1400, 400])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pages_fit_and_are_accessible(own: Labelled, new_page: Any, width: int, scheme: str) -> None:
    address = own.queue(f"fits-{width}-{scheme}", 5)
    with new_page(width=width, color_scheme=scheme) as page:
        for path in (f"{own.url}/label", address):
            page.goto(path)
            page.wait_for_load_state("networkidle")
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            found = Axe().run(page).response["violations"]
            serious = [item for item in found if item["impact"] in ("serious", "critical")]
            assert not serious, (path, [(item["id"], item["nodes"][0]["html"]) for item in serious])


def test_sixty_labels_by_keys(own: Labelled, new_page: Any, record_testsuite_property: Any) -> None:
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
    record_testsuite_property("ms from a key to the next spectrum: median, greatest", (took[30], took[-1]))
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


def test_more_of_a_spectrum_whatever_the_service_was_called(
    start_service: Any, archive: Any, tmp_path: Path, new_page: Any
) -> None:
    served = Labelled(start_service, archive.folder / "release.duckdb", tmp_path)
    served.dids = [archive.dids["dr1"], archive.dids["ondrejov"]]
    address = served.queue("more", 2).replace("localhost", "127.0.0.1")
    with new_page() as page:
        begin(page, address)
        for key, action in (("w", "whole"), ("b", "hbeta"), ("h", "halpha")):
            page.keyboard.press(key)
            expect(page.locator(f"[data-do={action}]")).to_have_attribute("aria-pressed", "true")
            expect(page.locator("#said")).to_have_text("")
        page.keyboard.press("1")
        stored(page)
    (label,) = served.labels("more")
    assert {"halpha", "whole", "hbeta"} <= set(label.view.split())


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


def test_a_queue_from_the_page_to_a_table(own: Labelled, new_page: Any) -> None:
    """The round of docs/labelling.md: make a queue, label it, read what it tells, take it along."""
    with new_page() as page:
        page.goto(f"{own.url}/candidates")
        page.click("nav >> text=Label")
        if page.locator("details:not([open]) >> text=Make a queue").count():
            page.click("text=Make a queue")
        page.fill("[name=size]", "3")
        page.click("text=Make it")
        assert "at least" in page.inner_text("#message")  # an audit is never that small
        page.fill("[name=size]", "20")
        page.fill("[name=name]", "from-the-page")
        page.click("text=Make it")
        page.wait_for_url("**/label/queue/from-the-page")
        page.wait_for_selector("#spectrum canvas")
        for number in range(20):
            page.keyboard.press(str(number % 2 + 1))
        expect(page.locator("#name")).to_have_text("All labelled")
        expect(page.locator("#figures")).to_contain_text("completeness")
        expect(page.locator("#figures")).not_to_contain_text("not known yet")
        with page.expect_download() as download:
            page.click("text=CSV")
        rows = list(csv.DictReader(Path(download.value.path()).read_text().splitlines()))
    assert [row["profile"] for row in rows] == [PROFILES[number % 2] for number in range(20)]
    assert all(float(row["weight"]) >= 1 for row in rows)


@contextmanager
def process(*command: str, **options: Any) -> Iterator[subprocess.Popen[str]]:
    """Run a program in a group of its own, and kill all of it at the end."""
    with subprocess.Popen(command, text=True, start_new_session=True, **options) as running:
        try:
            yield running
        finally:
            kill(running)


def kill(running: subprocess.Popen[str]) -> None:
    """Kill a program and what it started, at once."""
    with suppress(ProcessLookupError):
        os.killpg(running.pid, signal.SIGKILL)
    running.wait()


@contextmanager
def serving(release: Path, state: Path, port: int) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Serve a release by the command."""
    program = [sys.executable, "-c", "from vo_emline.cli import main; main()", "serve", str(release)]
    options = ["--label", "--port", str(port), "--state-directory", str(state)]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with process(*program, *options, **streams) as running:
        assert running.stdout is not None
        yield running, running.stdout.readline().strip()


@contextmanager
def browsing(kind: Any, profile: Path) -> Iterator[tuple[subprocess.Popen[str], Any]]:
    """Run Chromium with a folder of its own, by a process that can be killed, and give a page of it."""
    (profile / "DevToolsActivePort").unlink(missing_ok=True)
    options = ["--headless", "--no-sandbox", "--remote-debugging-port=0", f"--user-data-dir={profile}"]
    streams = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with process("/usr/bin/chromium", *options, **streams) as running:
        deadline = time.monotonic() + 30
        while not (written := (profile / "DevToolsActivePort")).is_file() or not written.read_text():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        browser = kind.connect_over_cdp(f"http://127.0.0.1:{written.read_text().splitlines()[0]}")
        yield running, browser.contexts[0].new_page()


def test_kill_9_of_server_and_browser_loses_and_doubles_nothing(
    browsed_release: Path, tmp_path: Path, chromium: Any
) -> None:
    log = LabelLog(tmp_path / "state" / LABELS_FILE)
    with duckdb.connect(str(browsed_release), read_only=True) as database:
        rows = database.sql("SELECT obs_publisher_did FROM emline.candidates ORDER BY 1").fetchall()
    Queues(log).add(Queue(name="killed", kind="list"), [QueueItem(publisher_did=did) for (did,) in rows[:40]])
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    kind = chromium.browser_type
    with (
        serving(browsed_release, tmp_path / "state", port) as (server, url),
        browsing(kind, tmp_path / "profile") as (browser, page),
    ):
        begin(page, f"{url}/label/queue/killed")
        for key in "12312":
            page.keyboard.press(key)
        kill(server)  # with labels that it has, and some that it may be writing
        for key in "312312":
            page.keyboard.press(key)
        expect(page.locator("#sending")).to_contain_text("No connection")
        page.wait_for_function("async () => await window.indexedDB.databases().then((all) => all.length)")
        page.wait_for_timeout(300)
        kill(browser)
    with (
        serving(browsed_release, tmp_path / "state", port) as (_, url),
        browsing(kind, tmp_path / "profile") as (_, page),
    ):
        begin(page, f"{url}/label/queue/killed")
        expect(page.locator("#sending")).to_have_text("Everything is stored.", timeout=20_000)
        assert page.inner_text("#count") == "11/40"
        page.keyboard.press("9")
        expect(page.locator("#count")).to_have_text("12/40")
        stored(page)
    labels = log.labels(queue="killed")
    assert [label.publisher_did for label in labels] == [did for (did,) in rows[:12]]
    given = [PROFILES[int(key) - 1] for key in "12312312312"]
    assert [label.profile for label in labels] == [*given, "cannot-tell"]

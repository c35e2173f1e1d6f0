"""From the page through a real hub of SAMP, that of JSAMP, which TOPCAT brings along too, into TOPCAT."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.vo_emline.client.samp.conftest import display as display
from tests.vo_emline.client.samp.conftest import hub_answers, process, wait_for_client, wait_until
from vo_emline.candidates import candidate_ids
from vo_emline.client.samp import LinkedTable, RefusedError, SampSession, TableReference

pytestmark = [pytest.mark.browser, pytest.mark.jsamp]


@contextmanager
def running(folder: Path, name: str, *arguments: str) -> Iterator[Path]:
    """Run a command of JSAMP with a hub of its own; give the file of its output."""
    hub = {"SAMP_HUB": f"std-lockurl:file://{folder}/samp.lock", "HOME": str(folder)}
    output = folder / f"{name}.log"
    with (
        output.open("w") as log,
        subprocess.Popen(
            ["jsamp", name, *arguments], env=os.environ | hub, stdout=log, stderr=log
        ) as process,
    ):
        try:
            yield output
        finally:
            process.terminate()


def wait_for(path: Path, text: str = "") -> str:
    end = time.monotonic() + 60
    while not (path.is_file() and text in (found := path.read_text())):
        assert time.monotonic() < end, f"{path} never said {text!r}"
        time.sleep(0.1)
    return found


def test_a_real_hub_takes_a_table_from_the_page(browsed: Any, new_page: Any, tmp_path: Path) -> None:
    hub = ("-mode", "no-gui", "-profiles", "std,web", "-web:auth", "true")
    with running(tmp_path, "hub", *hub):
        wait_for(tmp_path / "samp.lock")
        with running(tmp_path, "snooper", "-mtype", "table.load.votable") as heard, new_page() as page:
            page.goto(f"{browsed.url}/candidates?label=double-peak")
            for _ in range(30):  # until the listener has told the hub what it takes
                page.click("text=Send to TOPCAT")
                expect(page.locator("[data-samp]").first).to_be_enabled()
                if "Sent to" in page.inner_text("[data-samp-status]"):
                    break
                time.sleep(0.3)
            assert "candidates.vot?label=double-peak" in wait_for(heard, "table-id")


@pytest.fixture
def topcat(display: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SampSession]:
    """TOPCAT, joined to a hub that takes pages too; gives a session of ours beside it."""
    monkeypatch.setenv("SAMP_HUB", f"std-lockurl:file://{tmp_path}/samp.lock")
    hub = ("-mode", "no-gui", "-profiles", "std,web", "-web:auth", "true")
    command = ["topcat", f"-Duser.home={tmp_path}", "-Xmx600m", "-nohub", "-samp"]
    with running(tmp_path, "hub", *hub):
        wait_until(hub_answers, 30, "the JSAMP hub")
        with process(command, tmp_path / "topcat.log", DISPLAY=display), SampSession.connect() as session:
            wait_for_client(session, "topcat")
            yield session


def wait_for_table(session: SampSession, url: str) -> None:
    """Wait until TOPCAT has loaded what is at an address: before, it refuses to highlight rows of it."""
    link = LinkedTable(session, TableReference(url, url, "sent by the page"))

    def has_it() -> bool:
        try:
            (said,) = link.highlight(0, to="topcat")
        except RefusedError:
            return False
        return said.status == "ok"

    wait_until(has_it, 30, f"TOPCAT to load {url}")


@pytest.mark.topcat
def test_one_of_the_candidates_around_the_double_cluster_is_in_topcat(
    topcat: SampSession, browsed: Any, new_page: Any
) -> None:
    with new_page() as page:
        page.goto(browsed.url)
        page.fill("#star", "Double Cluster")
        page.fill("input[name=radius]", "1")
        page.click("text=Find candidates")
        page.locator("a[data-row]").first.click()
        page.click("text=Send the row to TOPCAT")
        expect(page.locator("[data-samp-status]")).to_contain_text("Sent to 1 program.")
        wait_for_table(topcat, page.url.partition("?")[0].replace(".html", ".vot"))


@pytest.mark.topcat
def test_a_list_is_in_topcat_and_rows_are_highlighted_both_ways(
    topcat: SampSession, browsed: Any, new_page: Any
) -> None:
    with new_page() as page:
        page.goto(f"{browsed.url}/candidates?label=double-peak")
        page.click("text=Send to TOPCAT")
        expect(page.locator("[data-samp-status]")).to_contain_text("Sent to 1 program.")
        url = f"{browsed.url}/candidates.vot?label=double-peak"
        wait_for_table(topcat, url)
        link = LinkedTable(topcat, TableReference(url, url, "sent by the page"))
        link.highlight(3)
        expect(page.locator("a[data-row]").nth(3)).to_be_focused()
        page.locator("a[data-row]").nth(1).focus()
        wait_until(lambda: link.highlighted == 1, 30, "the row that has the focus on the page")


@pytest.mark.topcat
def test_a_spectrum_is_a_table_in_topcat(topcat: SampSession, archive: Any, new_page: Any) -> None:
    with new_page() as page:
        page.goto(f"{archive.url}/candidate/{candidate_ids([archive.dids['dr7']])[0]}.html")
        page.click("text=Send the spectrum")
        expect(page.locator("[data-samp-status]")).to_contain_text("as a table")
        button = page.locator("[data-samp=spectrum]")
        wait_for_table(topcat, button.evaluate("it => new URL(it.dataset.url, location.href).href"))

"""From the page to a real hub of SAMP, that of JSAMP, which TOPCAT brings along too."""

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

"""Refining from the page: real spectra, labels by eye, a process, the model that a command makes."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import httpx
import pytest
from playwright.sync_api import expect

from service.labelling.people import Role
from tests.service.browser.conftest import chromium, new_page
from vo_emline.candidates import candidate_ids
from vo_emline.labels import LABELS
from vo_emline.rundir import DEFAULT_MODEL
from vo_emline.runs.publish import find_publication, publish
from vo_emline.survey import SurveyOptions, classify_survey

pytestmark = pytest.mark.slow

SECONDS = 500
"""How long a refinement may take on a machine that does much else."""


__all__ = ["chromium", "new_page"]

BY_KEYS = 60
DIGITS = dict(zip(LABELS, "123", strict=True))


@dataclass(frozen=True)
class Field:
    """A service of real spectra, and what was said of each by eye, by its publisher DID."""

    served: Any
    words: dict[str, str]


@pytest.fixture(scope="module")
def field(shared_data: Path, tmp_path_factory: pytest.TempPathFactory, start_labelled: Any) -> Field:
    """Classify, publish and serve the spectra that were labelled by eye."""
    folder = shared_data.parent / "field"
    if not folder.is_dir():
        pytest.skip(f"no real data in {folder}")
    with (folder / "labels.csv").open(encoding="utf-8") as file:
        said = {row["path"]: row["label"] for row in csv.DictReader(file)}
    chosen = {str(folder / path): word for path, word in said.items() if word in LABELS}
    words = {Path(path).name: word for path, word in chosen.items()}
    output = tmp_path_factory.mktemp("survey")
    classify_survey(
        [Path(path) for path in chosen], output, model=DEFAULT_MODEL, options=SurveyOptions(workers=1)
    )
    publish(find_publication(output))
    served = start_labelled(output / "release.duckdb")
    with duckdb.connect(str(output / "release.duckdb"), read_only=True) as database:
        rows = database.sql("SELECT obs_publisher_did, path FROM internal.spectra").fetchall()
    return Field(served, {did: words[Path(path).name] for did, path in rows})


@pytest.fixture(scope="module")
def labelled(field: Field, label: Any) -> Any:
    """The service, with a label for every spectrum that has none."""
    there = {one.publisher_did for one in field.served.log.current()}
    given = [label(did, word) for did, word in field.words.items() if did not in there]
    assert field.served.post("/label/api/labels", given).json()["stored"] == len(given)
    return field.served


def act(served: Any, action: str, name: str = "", cookies: dict[str, str] | None = None) -> httpx.Response:
    with httpx.Client(timeout=60, cookies=cookies) as client:
        return client.post(f"{served.url}/label/refinements", data={"action": action, "name": name})


def latest(served: Any) -> dict[str, Any]:
    found: list[dict[str, Any]] = served.get("/label/api/refinements").json()
    return found[0]


def ended(served: Any) -> dict[str, Any]:
    until = time.monotonic() + SECONDS
    while (found := latest(served))["status"] == "running" and time.monotonic() < until:
        time.sleep(1)
    return found


@pytest.mark.browser
def test_a_whole_round(field: Field, new_page: Any, label: Any, tmp_path: Path) -> None:
    """Queue, labels by keys, what they tell, refinement, export, and the same model by the command.

    As docs/labelling.md has it; what nobody labels by keys was labelled before, by eye.
    """
    served = field.served
    with new_page() as page:
        page.goto(f"{served.url}/label")
        page.fill("[name=size]", str(BY_KEYS))
        page.fill("[name=name]", "round")
        page.click("text=Make it")
        page.wait_for_url("**/label/queue/round")
        page.wait_for_selector("#spectrum canvas")
        asked = [item.publisher_did for item in served.queues.items("round")]
        for did in asked:
            page.wait_for_selector("#labelling:not(.empty)")
            page.keyboard.press(DIGITS[field.words[did]])
        expect(page.locator("#name")).to_have_text("All labelled")
        expect(page.locator("#sending")).to_have_text("Everything is stored.")
        expect(page.locator("#figures")).to_contain_text("completeness")
        expect(page.locator("#figures")).not_to_contain_text("not known yet")
        stand = {one.publisher_did: one.profile for one in served.log.current(queue="round")}
        assert stand == {did: field.words[did] for did in asked}
        given = [label(did, word) for did, word in field.words.items() if did not in stand]
        assert len(given) > 100
        served.post("/label/api/labels", given)

        page.goto(f"{served.url}/label")
        page.click("text=Refine the model")
        page.click("button >> text=Refine")
        assert act(served, "begin").status_code == 400  # one at a time
        expect(page.locator("section.refinement")).not_to_have_attribute(
            "data-status", "running", timeout=1000 * SECONDS
        )
        found = latest(served)
        assert found["status"] == "done", found["said"]
        assert "cross-entropy" in page.inner_text("section.refinement")
        page.click("text=Accept")
        expect(page.locator("section.refinement h2")).to_contain_text("accepted")
        page.click("text=Roll back")
        expect(page.locator("section.refinement h2")).not_to_contain_text("accepted")
        page.goto(f"{served.url}/label")
        with page.expect_download() as download:
            page.locator("p:has-text('All labels')").get_by_text("CSV").click()
        export = Path(download.value.path())

        folder = Path(found["run"]).parent
        files = json.loads((folder / "begun.json").read_text())["files"]
        command = [sys.executable, "-m", "vo_emline", "train", "--from", "default", "--labels", str(export)]
        command += [word for file in files for word in ("--training", file)]
        again = subprocess.run(
            [*command, "--output", str(tmp_path / "run")], capture_output=True, text=True, check=False
        )
    assert again.returncode == 0, again.stderr
    description = json.loads((tmp_path / "run" / "model" / "model.json").read_text())
    assert description["version"] == found["ended"]["version"]
    assert sum(found["ended"]["counts"].values()) == len(found["ended"]["changed"])


def test_it_can_be_stopped_and_a_killed_one_is_known(labelled: Any) -> None:
    act(labelled, "begin")
    first = latest(labelled)
    assert first["status"] == "running"
    assert act(labelled, "stop", first["name"]).status_code == 303
    assert latest(labelled)["status"] == "stopped"
    act(labelled, "begin")
    second = latest(labelled)
    assert second["name"] > first["name"]
    begun = json.loads((Path(second["run"]).parent / "begun.json").read_text())
    os.killpg(begun["process"], signal.SIGKILL)
    assert ended(labelled)["status"] == "interrupted"
    assert act(labelled, "accept", second["name"]).status_code == 400


def test_only_owners_learn_of_it(public: Any) -> None:
    labeller, owner = public.invited("Lea"), public.invited("Olga", Role.OWNER)
    assert public.get("/label/refinements").status_code == 404
    assert public.get("/label/refinements", labeller).status_code == 403
    assert act(public, "begin", cookies=labeller).status_code == 403
    answer = act(public, "begin", cookies=owner)
    assert answer.status_code == 400  # that release was classified by no model of ours
    assert "vo-emline train --from" in answer.text
    assert act(public, "sing", cookies=owner).status_code == 400


def test_another_site_cannot_begin_one(own: Any) -> None:
    with httpx.Client(timeout=30) as client:
        answer = client.post(
            f"{own.url}/label/refinements", data={"action": "begin"}, headers={"Origin": "https://evil.test"}
        )
    assert answer.status_code == 403


@pytest.mark.browser
def test_a_page_shows_what_is_left_without_the_absorption_expected(field: Field, new_page: Any) -> None:
    emitters = [did for did, word in field.words.items() if word == "emission" and "lamost" in did]
    (identifier,) = candidate_ids(emitters[:1])
    with new_page() as page:
        page.goto(f"{field.served.url}/candidate/{identifier}.html")
        button = page.locator("[data-action=residual]")
        expect(page.locator("#expected")).to_contain_text("the absorption expected")
        plot = page.locator("#spectrum canvas")
        before = plot.screenshot()
        button.click()
        expect(button).to_have_attribute("aria-pressed", "true")
        assert plot.screenshot() != before
        page.click("[data-action=flux]")  # of the flux as observed there is none
        page.keyboard.press("x")
        expect(button).to_have_attribute("aria-pressed", "false")
        assert plot.screenshot() != before  # the flux as observed
        page.keyboard.press("x")
        expect(page.locator("[data-action=flux]")).to_have_attribute("aria-pressed", "false")

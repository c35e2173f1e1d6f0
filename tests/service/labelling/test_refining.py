"""Refining from the page: real spectra, labels by eye, a process, the model that a command makes."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import duckdb
import httpx
import pytest

from service.labelling.people import Role
from vo_emline.labels import LABELS
from vo_emline.rundir import DEFAULT_MODEL
from vo_emline.runs.publish import find_publication, publish
from vo_emline.survey import SurveyOptions, classify_survey

pytestmark = pytest.mark.slow

SECONDS = 500
"""How long a refinement may take on a machine that does much else."""


@pytest.fixture(scope="module")
def labelled(
    shared_data: Path, tmp_path_factory: pytest.TempPathFactory, start_labelled: Any, label: Any
) -> Any:
    """A service of real spectra, labelled by eye."""
    field = shared_data.parent / "field"
    if not field.is_dir():
        pytest.skip(f"no real data in {field}")
    with (field / "labels.csv").open(encoding="utf-8") as file:
        said = {row["path"]: row["label"] for row in csv.DictReader(file)}
    chosen = {str(field / path): word for path, word in said.items() if word in LABELS}
    words = {Path(path).name: word for path, word in chosen.items()}
    folder = tmp_path_factory.mktemp("survey")
    classify_survey(
        [Path(path) for path in chosen], folder, model=DEFAULT_MODEL, options=SurveyOptions(workers=1)
    )
    publish(find_publication(folder))
    served = start_labelled(folder / "release.duckdb")
    with duckdb.connect(str(folder / "release.duckdb"), read_only=True) as database:
        rows = database.sql("SELECT obs_publisher_did, path FROM internal.spectra").fetchall()
    given = [label(did, words[Path(path).name]) for did, path in rows]
    assert len(given) > 100
    assert served.post("/label/api/labels", given).json()["stored"] == len(given)
    return served


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


def test_it_makes_the_model_that_the_command_makes(labelled: Any, tmp_path: Path) -> None:
    assert act(labelled, "begin").status_code == 303
    assert act(labelled, "begin").status_code == 400  # one at a time
    found = ended(labelled)
    assert found["status"] == "done", found["said"]
    folder = Path(found["run"]).parent
    asked = json.loads((folder / "begun.json").read_text())
    export = tmp_path / "labels.csv"
    export.write_bytes(labelled.get("/label/api/export?format=csv").content)
    command = [sys.executable, "-m", "vo_emline", "train", "--from", "default", "--labels", str(export)]
    command += [word for file in asked["files"] for word in ("--training", file)]
    again = subprocess.run(
        [*command, "--output", str(tmp_path / "run")], capture_output=True, text=True, check=False
    )
    page = labelled.get("/label/refinements").text
    assert again.returncode == 0, again.stderr
    description = json.loads((tmp_path / "run" / "model" / "model.json").read_text())
    assert description["version"] == found["ended"]["version"]
    assert sum(found["ended"]["counts"].values()) == len(found["ended"]["changed"])
    assert "cross-entropy" in page
    assert act(labelled, "accept", found["name"]).status_code == 303
    assert latest(labelled)["accepted"]
    assert act(labelled, "roll back", found["name"]).status_code == 303
    assert not latest(labelled)["accepted"]


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

"""A second release over the first: what changed is a table, and it is right."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from vo_emline.candidates import CHANGES, EPOCHS, SCORES, Provenance, read_release, release_survey
from vo_emline.labels import LABELS

from .conftest import score, write_survey


def publish(path: Path, folder: Path, rows: list[dict[str, Any]], run_id: str, **more: Any) -> None:
    survey = write_survey(folder, rows)
    release_survey(path, survey, provenance=Provenance(authority="example.org", run_id=run_id), **more)


def facts(path: Path) -> dict[str, str]:
    with duckdb.connect(str(path), read_only=True) as database:
        return dict(database.sql("FROM internal.metadata").fetchall())


def test_the_table_is_right_on_a_simulated_pair(tmp_path: Path) -> None:
    """Of 60 spectra some go, some come, some change their label; the truth is made beside them."""
    random = np.random.default_rng(3)
    first = {number: LABELS[random.integers(3)] for number in range(50)}
    second = {number: first.get(number) or LABELS[random.integers(3)] for number in range(8, 60)}
    for number in random.choice(np.arange(8, 50), 15, replace=False):
        second[int(number)] = LABELS[random.integers(3)]
    truth = {}
    for number in first.keys() | second.keys():
        before, now = first.get(number), second.get(number)
        if (before or LABELS[0]) != (now or LABELS[0]):
            change = "appeared" if before is None else "withdrawn" if now is None else "label changed"
            truth[f"s-{number}"] = (change, before, now)
    path = tmp_path / "release.duckdb"
    for run_id, labels in (("run-1", first), ("run-2", second)):
        rows = [
            score(number, label=label, source=f"s-{number}.fits", designation=f"s-{number}")
            for number, label in sorted(labels.items())
        ]
        publish(path, tmp_path / run_id, rows, run_id)
    found = read_release(path, CHANGES).to_pylist()
    assert {
        row["designation"]: (row["change"], row["label_before"], row["label_now"]) for row in found
    } == truth
    assert {row["run_before"] for row in found} == {"run-1"}
    assert all(row["object_id"] for row in found)
    said = facts(path)
    assert (said["previous_run_id"], said["spectra_new"], said["spectra_gone"]) == ("run-1", "10", "8")
    publish(path, tmp_path / "again", rows, "run-2", metadata={"doi": "10.1/x"})
    assert read_release(path, CHANGES).to_pylist() == found  # the same run published again
    assert facts(path)["spectra_new"] == "10"


def test_a_first_release_has_changed_nothing(tmp_path: Path) -> None:
    publish(tmp_path / "r.duckdb", tmp_path / "survey", [score(1), score(2)], "run-1")
    assert read_release(tmp_path / "r.duckdb", CHANGES).num_rows == 0
    assert "spectra_new" not in facts(tmp_path / "r.duckdb")


def test_the_release_before_may_lie_elsewhere(tmp_path: Path) -> None:
    rows = [score(1), score(2)]
    publish(tmp_path / "dr1.duckdb", tmp_path / "a", rows, "run-1")
    publish(tmp_path / "dr2.duckdb", tmp_path / "b", rows, "run-2", previous=tmp_path / "dr1.duckdb")
    assert facts(tmp_path / "dr2.duckdb")["previous_run_id"] == "run-1"
    stars = [
        {row["candidate_id"]: row["object_id"] for row in read_release(tmp_path / name, EPOCHS).to_pylist()}
        for name in ("dr1.duckdb", "dr2.duckdb")
    ]
    assert stars[0] == stars[1]
    assert read_release(tmp_path / "dr2.duckdb", SCORES).num_rows == 2

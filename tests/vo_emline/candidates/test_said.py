"""Labels of people are published with the spectra they are of, whatever release these are in."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from tests.vo_emline.candidates.conftest import score, write_survey
from vo_emline.candidates import SAID, Provenance, read_release, release_survey
from vo_emline.candidates.said import LABELS_SCHEMA


def said(**more: list[object]) -> pa.Table:
    n = len(more["publisher_did"])
    facts = {
        "label": ["emission"] * n, "profile": ["p-cygni"] * n, "is_emission": [1] * n, "quality": [3] * n,
        "n_labellers": [2] * n, "agreement": [1.0] * n, "decided_by": ["majority"] * n,
        "labelled_at": ["2026-12-01T03:00:00.000Z"] * n,
    }  # fmt: skip
    return pa.table({**facts, **more}).select(LABELS_SCHEMA.names).cast(LABELS_SCHEMA)


def test_labels_follow_the_publisher_did_and_the_last_part_of_it(tmp_path: Path) -> None:
    survey = write_survey(tmp_path / "survey", [score(number) for number in range(20)])
    release = tmp_path / "release.duckdb"
    root = "~?lamost-lrs/spec"
    given = said(
        publisher_did=[f"ivo://new.example/{root}-0001", f"ivo://old.example/{root}-0002", "spec-0003.fits",
                       f"ivo://old.example/{root}-0001", f"ivo://old.example/{root}-9999", ""],
        id=["spec-0001", "SPEC-0002", "spec-0003.fits", "spec-0001", "spec-9999", ""],
        quality=[1, 2, 3, 2, 1, 1],
    )  # fmt: skip
    provenance = Provenance(authority="new.example", run_id="r", model_version="m")
    release_survey(release, survey, provenance=provenance, labels=given)
    rows = read_release(release, SAID)
    found = {row["obs_publisher_did"][-4:]: row["quality"] for row in rows.to_pylist()}
    assert found == {"0001": 1, "0002": 2, "0003": 3}
    assert rows["profile"].to_pylist() == ["p-cygni"] * 3
    assert all(row["candidate_id"].startswith("EML-") for row in rows.to_pylist())


def test_a_name_that_several_spectra_have_says_nothing(tmp_path: Path) -> None:
    rows = [score(number, source=f"/mirror/{number}/twin.fits") for number in range(2)]
    survey = write_survey(tmp_path / "survey", rows)
    release = tmp_path / "release.duckdb"
    given = said(publisher_did=["twin.fits"], id=["twin.fits"])
    release_survey(release, survey, provenance=Provenance(run_id="r"), labels=given)
    assert read_release(release, SAID).num_rows == 0

"""The next data release on top of the last: only what is new is read, and the result is the same."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from vo_emline.candidates import CHANGES, EPOCHS, Provenance, read_release, release_survey
from vo_emline.errors import UserError
from vo_emline.preprocess import GRID, WindowSet
from vo_emline.rundir import DEFAULT_MODEL
from vo_emline.simulate import write_lamost
from vo_emline.spectra import HALPHA_VAC
from vo_emline.survey import (
    Start,
    SurveyOptions,
    SurveySummary,
    classify_survey,
    finish_survey,
    read_rejects,
    read_scores,
    survey,
)
from vo_emline.survey.growth import read_growth

OPTIONS = SurveyOptions(shard_size=4, workers=1)
PASTTIME = time.time() - 86_400


class Peak:
    """Calls what rises at Hα emission, and counts what it was asked."""

    version = "peak"
    asked = 0

    def predict_windows(self, windows: WindowSet, *, shares: Sequence[float] | None = None) -> Any:
        Peak.asked += len(windows.flux)
        peak = windows.flux[:, np.abs(GRID - HALPHA_VAC) < 5].mean(axis=1)
        p = 1 / (1 + np.exp(-3 * (peak + 1)))
        return np.stack([1 - p, 0.9 * p, 0.1 * p], axis=1).astype(np.float32)


@pytest.fixture(autouse=True)
def quick_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(survey, "load_scorer", lambda *_: Peak())


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    """Ten spectra and a file that is none, all of them old."""
    folder = tmp_path / "mirror"
    write_lamost(folder / "a", n_stars=10, seed=5)
    (folder / "a" / "notes.txt").write_text("no spectrum at all\n")
    for path in folder.rglob("*"):
        os.utime(path, (PASTTIME, PASTTIME))
    return folder


def classify(mirror: Path, output: Path, previous: Path | None = None) -> tuple[SurveySummary, int]:
    """Classify; give the summary, and how many windows the network saw."""
    before = Peak.asked
    start = Start(place="here", previous=previous)
    done = classify_survey([mirror], output, model=DEFAULT_MODEL, options=OPTIONS, start=start)
    assert isinstance(done, SurveySummary)
    return done, Peak.asked - before


def by_source(table: pa.Table) -> dict[str, dict[str, Any]]:
    return {row["source"]: row for row in table.to_pylist()}


def test_only_what_is_new_or_changed_is_read(mirror: Path, tmp_path: Path) -> None:
    _, first = classify(mirror, tmp_path / "dr1")
    assert first == 10
    spectra = sorted((mirror / "a").glob("*.fits"))
    spectra[0].unlink()  # gone
    shutil.copy(spectra[2], spectra[1])  # another spectrum under the same name
    spectra[3].touch()  # written to again, as long as before
    write_lamost(mirror / "b", n_stars=3, seed=6)  # new
    grown, seen = classify(mirror, tmp_path / "dr2", tmp_path / "dr1")
    assert seen == 5  # three new ones, and the two that were written to
    growth = read_growth(tmp_path / "dr2")
    assert growth is not None
    assert (growth.kept, growth.to_do, growth.gone) == (8, 5, 1)  # the reject was kept, too
    anew, everything = classify(mirror, tmp_path / "anew")
    assert everything == 12
    assert by_source(read_scores(tmp_path / "dr2")) == by_source(read_scores(tmp_path / "anew"))
    assert by_source(read_rejects(tmp_path / "dr2")) == by_source(read_rejects(tmp_path / "anew"))
    assert (grown.inputs, grown.classes, grown.rejects) == (anew.inputs, anew.classes, anew.rejects)


def test_a_release_of_nothing_new_reads_nothing(mirror: Path, tmp_path: Path) -> None:
    one, _ = classify(mirror, tmp_path / "dr1")
    two, seen = classify(mirror, tmp_path / "dr2", tmp_path / "dr1")
    assert (seen, two.classes, two.rejects) == (0, one.classes, one.rejects)
    again, seen = classify(mirror, tmp_path / "dr2", tmp_path / "dr1")  # a second start
    assert (seen, again) == (0, two)
    start = Start(place="here", previous=tmp_path / "dr1")
    assert finish_survey([mirror], tmp_path / "dr2", model=DEFAULT_MODEL, options=OPTIONS, start=start) == two
    third, seen = classify(mirror, tmp_path / "dr3", tmp_path / "dr2")  # on top of one that was on top
    assert (seen, third.classes) == (0, one.classes)


def test_relative_names_are_the_same_files(
    mirror: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    classify(Path("mirror"), tmp_path / "dr1")
    monkeypatch.chdir(mirror)
    _, seen = classify(Path("../mirror/a"), tmp_path / "dr2", tmp_path / "dr1")
    assert seen == 0
    assert all(name.startswith("../mirror/a/") for name in by_source(read_scores(tmp_path / "dr2")))


def test_releases_on_top_of_each_other_keep_their_stars(mirror: Path, tmp_path: Path) -> None:
    release = tmp_path / "release.duckdb"
    stars = []
    classify(mirror, tmp_path / "dr1")
    for name in ("dr1", "dr2"):
        if name == "dr2":
            write_lamost(mirror / "b", n_stars=4, seed=8)
            classify(mirror, tmp_path / "dr2", tmp_path / "dr1")
        release_survey(release, tmp_path / name, provenance=Provenance(authority="x.org", run_id=name))
        stars.append(
            {row["candidate_id"]: row["object_id"] for row in read_release(release, EPOCHS).to_pylist()}
        )
    assert stars[1].items() >= stars[0].items()
    assert len(stars[1]) == len(stars[0]) + 4
    assert {row["change"] for row in read_release(release, CHANGES).to_pylist()} <= {"appeared"}


def test_what_cannot_be_taken_over_is_said(mirror: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no finished survey"):
        classify(mirror, tmp_path / "dr2", tmp_path)
    classify(mirror, tmp_path / "dr1")
    start = Start(place="here", previous=tmp_path / "dr1")
    other = OPTIONS.model_copy(update={"low_snr": 3.0})
    with pytest.raises(UserError, match="different options"):
        classify_survey([mirror], tmp_path / "dr2", model=DEFAULT_MODEL, options=other, start=start)
    assert not (tmp_path / "dr2" / "inputs.arrow").exists()

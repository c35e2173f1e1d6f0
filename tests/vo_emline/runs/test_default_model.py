"""The model that comes with the package."""

from __future__ import annotations

from pathlib import Path

import pytest

from vo_emline.rundir import DEFAULT_MODEL
from vo_emline.runs.classify import classify_paths
from vo_emline.spectra import find_spectra
from vo_emline.training import Classifier

REAL_POSITIVES = {
    "spec-56284-GAC122S02V2_sp14-183.fits",  # HR 3135
    "spec-56265-VB069N07V2_sp04-027.fits",  # V1150 Tau
    "spec-55959-GAC_094N27_V3_sp16-125.fits",  # V395 Aur
}


def test_it_is_small_and_loads() -> None:
    assert sum(path.stat().st_size for path in DEFAULT_MODEL.iterdir()) <= 6e6
    training = Classifier.load(DEFAULT_MODEL).description.training
    assert training["options"]["seed"] == 2017
    assert training["origins"]["labelled"] == 23


@pytest.mark.slow
def test_it_finds_the_real_emission_stars_and_calls_nothing_else_positive(shared_data: Path) -> None:
    rows = classify_paths(find_spectra([shared_data / "lamost"]), DEFAULT_MODEL).to_pylist()
    positive = {Path(row["file"]).name for row in rows if row["label"] in ("emission", "double-peak")}
    assert positive == REAL_POSITIVES

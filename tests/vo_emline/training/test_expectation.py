"""The second stage, learnt from real survey spectra and asked about others."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from vo_emline.preprocess import WindowSet
from vo_emline.preprocess.prepare import prepare
from vo_emline.rejects import Reject
from vo_emline.rundir import DEFAULT_MODEL
from vo_emline.simulate.injection import inject
from vo_emline.spectra import find_spectra, read_or_reject
from vo_emline.survey import SurveyOptions
from vo_emline.training import Classifier
from vo_emline.training.expectation import add_second_stage

KNOWN_EMITTERS = ("GAC122S02V2_sp14-183", "VB069N07V2_sp04-027", "GAC_094N27_V3_sp16-125")


@pytest.fixture(scope="module")
def survey(shared_data: Path) -> WindowSet:
    paths = find_spectra([shared_data / "lamost" / name for name in ("dr1", "dr1-plate", "dr2", "dr6-dr7")])
    read = [read_or_reject(path) for path in paths]
    return prepare(one for one in read if not isinstance(one, Reject))[0]


@pytest.fixture(scope="module")
def emitters(survey: WindowSet) -> np.ndarray:
    return np.array(
        [any(name in source for name in KNOWN_EMITTERS) for source in survey.identity["source"].to_pylist()]
    )


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory, survey: WindowSet, emitters: np.ndarray) -> Classifier:
    directory = tmp_path_factory.mktemp("model") / "model"
    shutil.copytree(DEFAULT_MODEL, directory)
    learnt = survey.take(np.flatnonzero(~emitters)[::2])
    return add_second_stage(directory, learnt, seed=1, injections=1500)


def core_filling(hosts: WindowSet) -> WindowSet:
    found = inject(hosts, 1000, seed=5)
    significance = np.array(found.truth["ew_significance"])
    hidden = ~np.array(found.truth["sticks_out"]) & (significance > 5) & (significance < 20)
    return found.windows.take(hidden)


def test_lines_that_only_fill_the_core_are_found_in_spectra_it_has_not_seen(
    model: Classifier, survey: WindowSet, emitters: np.ndarray
) -> None:
    shares = SurveyOptions().class_shares
    unseen = survey.take(np.flatnonzero(~emitters)[1::2])
    assert (model.predict_windows(unseen, shares=shares).argmax(axis=1) > 0).mean() < 0.02
    hidden = core_filling(unseen)
    assert len(hidden) > 30
    found = (model.predict_windows(hidden, shares=shares).argmax(axis=1) > 0).mean()
    alone = (model.predict_proba(hidden.flux, shares=shares).argmax(axis=1) > 0).mean()
    assert found > 0.5
    assert found > alone + 0.2


def test_known_emission_line_stars_stand_out(
    model: Classifier, survey: WindowSet, emitters: np.ndarray
) -> None:
    assert model.second_stage is not None
    assert (model.second_stage.excess(survey.take(emitters)) > 10).all()
    assert (model.predict_windows(survey.take(emitters))[:, 1:].sum(axis=1) > 0.95).all()


def test_galaxies_are_not_compared_with_stars(model: Classifier, survey: WindowSet) -> None:
    kind = np.array(survey.identity["spectral_class"].to_pylist())
    assert model.second_stage is not None
    galaxies = survey.take(kind == "GALAXY")
    assert len(galaxies) > 3
    assert np.isnan(model.second_stage.excess(galaxies)).all()


def test_a_survey_without_the_blue_leaves_the_model_as_it_was(tmp_path: Path, survey: WindowSet) -> None:
    shutil.copytree(DEFAULT_MODEL, tmp_path / "model")
    before = Classifier.load(tmp_path / "model")
    after = add_second_stage(tmp_path / "model", survey.take(np.arange(20)), seed=1)
    assert after.version == before.version

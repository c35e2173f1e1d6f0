"""The cascade gives what the full network gives, but for what its student settles."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from vo_emline.errors import UserError
from vo_emline.preprocess.windows import Prepared, WindowSet
from vo_emline.rundir import DEFAULT_MODEL
from vo_emline.simulate import FRACTIONS, simulate_windows
from vo_emline.survey import SurveyOptions
from vo_emline.survey.cascade import FORCING_EXCESS, Cascade
from vo_emline.survey.classify import score
from vo_emline.survey.model import load_scorer
from vo_emline.training import Classifier

SHARES = SurveyOptions().class_shares


@pytest.fixture(scope="module")
def cascade() -> Cascade:
    """The model that ships, behind its student."""
    loaded = load_scorer(DEFAULT_MODEL, SurveyOptions())
    assert isinstance(loaded, Cascade)
    return loaded


@pytest.fixture(scope="module")
def windows() -> WindowSet:
    return simulate_windows(500, seed=31, fractions=FRACTIONS).prepare()


def test_what_is_passed_on_is_what_the_full_network_says(cascade: Cascade, windows: WindowSet) -> None:
    found = cascade.screen(windows, shares=SHARES)
    assert found.screened is not None
    assert 0.1 < found.screened.mean() < 0.9
    full = cascade.classifier.predict_windows(windows, shares=SHARES)
    np.testing.assert_array_equal(found.probability[~found.screened], full[~found.screened])
    np.testing.assert_array_equal(cascade.predict_windows(windows, shares=SHARES), found.probability)
    assert (found.probability[found.screened].argmax(axis=1) == 0).all()
    assert (found.probability.argmax(axis=1) != full.argmax(axis=1)).sum() <= 1


def test_forced_spectra_are_always_passed_on(cascade: Cascade, windows: WindowSet) -> None:
    force = np.arange(len(windows)) % 2 == 0
    found = cascade.screen(windows, shares=SHARES, force=force)
    assert found.screened is not None
    assert not found.screened[force].any()
    assert found.screened[~force].any()


def test_a_line_in_excess_of_what_is_expected_is_always_passed_on(
    cascade: Cascade, windows: WindowSet
) -> None:
    """A second stage that expects nothing but of three spectra, two of them deeper than they are."""

    class Expectation:
        def excess(self, windows: WindowSet) -> Any:
            excess = np.full((len(windows), 2), np.nan)
            excess[:3, 0] = (FORCING_EXCESS, FORCING_EXCESS - 0.1, FORCING_EXCESS + 5)
            return excess

        def refine(self, balanced: Any, excess: Any) -> Any:
            return balanced

    plain = cascade.screen(windows, shares=SHARES).screened
    assert plain is not None
    settled = windows.take(np.flatnonzero(plain)[:6])
    classifier: Any = SimpleNamespace(
        second_stage=Expectation(),
        predict_windows=lambda windows, **_: np.tile(np.float32([0, 1, 0]), (len(windows), 1)),
    )
    found = Cascade(classifier, cascade.student).screen(settled, shares=SHARES)
    assert found.screened is not None
    assert found.screened.tolist() == [False, True, False, True, True, True]


def test_scores_tell_what_was_screened(cascade: Cascade, windows: WindowSet) -> None:
    scores, rejects = score(Prepared(windows, ()), cascade, options=SurveyOptions())
    screened = cascade.screen(windows, shares=SHARES).screened
    assert screened is not None
    told = ["screened" in text.split() for text in scores["flags"].to_pylist()]
    assert told == screened.tolist()
    assert len(rejects) == 0
    assert set(scores["label"].filter(pa.array(screened)).to_pylist()) == {"absorption"}


def test_the_version_names_the_cascade_and_the_options_choose_it(cascade: Cascade) -> None:
    plain = load_scorer(DEFAULT_MODEL, SurveyOptions(cascade=False))
    assert isinstance(plain, Classifier)
    assert cascade.version == f"{plain.version}+cascade"
    assert cascade.directory == plain.directory == DEFAULT_MODEL
    with pytest.raises(UserError, match="the survey was begun with"):
        load_scorer(DEFAULT_MODEL, SurveyOptions(), "another")


def test_no_windows_are_no_problem(cascade: Cascade, windows: WindowSet) -> None:
    found = cascade.screen(windows.take(np.empty(0, dtype=np.int64)), shares=SHARES)
    assert found.probability.shape == (0, 3)

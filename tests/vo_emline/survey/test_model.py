"""The network of a survey, and the cascade before it."""

from __future__ import annotations

import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from vo_emline.errors import DataError, UserError
from vo_emline.preprocess.windows import Prepared, WindowSet
from vo_emline.rundir import DEFAULT_MODEL
from vo_emline.simulate import FRACTIONS, simulate_windows
from vo_emline.survey import SurveyOptions
from vo_emline.survey.model import FORCING_EXCESS, Cascade, check_model, load_scorer
from vo_emline.survey.work import score
from vo_emline.training import Classifier


def test_a_whole_model_passes_without_jax() -> None:
    code = f"""
        import sys
        from pathlib import Path
        from vo_emline.survey.model import check_model
        print(check_model(Path({str(DEFAULT_MODEL)!r})).version, "jax" in sys.modules)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [check_model(DEFAULT_MODEL).version, "False"]


def test_a_damaged_or_missing_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no trained model"):
        check_model(tmp_path)
    shutil.copytree(DEFAULT_MODEL, tmp_path / "model")
    weights = next((tmp_path / "model").glob("weights-*.npz"))
    weights.write_bytes(weights.read_bytes()[:-1])
    with pytest.raises(DataError, match="not those the model description names"):
        check_model(tmp_path / "model")


def test_a_model_that_was_replaced_is_not_taken_for_the_old_one() -> None:
    with pytest.raises(UserError, match=r"holds model .*, and the survey was begun with 0\.0\.1"):
        load_scorer(DEFAULT_MODEL, SurveyOptions(), "0.0.1")


ON_CORES = """
    import hashlib, os, sys
    from pathlib import Path
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: int(sys.argv[2])])
    import numpy as np
    from vo_emline.survey import SurveyOptions
    from vo_emline.survey.model import load_scorer
    windows = np.random.default_rng(1).normal(size=(300, 140)).astype(np.float32)
    cascade = load_scorer(Path(sys.argv[1]), SurveyOptions())
    found = [one.predict_proba(windows) for one in (cascade.classifier, cascade.student)]
    print(hashlib.sha256(np.concatenate(found).tobytes()).hexdigest())
"""


@pytest.mark.slow
def test_one_core_gives_the_bits_of_two() -> None:
    command = [sys.executable, "-c", textwrap.dedent(ON_CORES), str(DEFAULT_MODEL)]
    found = {
        subprocess.run([*command, cores], capture_output=True, text=True, check=True).stdout
        for cores in ("1", "2")
    }
    assert len(found) == 1


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

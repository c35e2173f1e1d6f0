"""Which model a process works with."""

from __future__ import annotations

import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from vo_emline.errors import DataError, UserError
from vo_emline.rundir import DEFAULT_MODEL
from vo_emline.survey import SurveyOptions
from vo_emline.survey.model import check_model, load_scorer


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

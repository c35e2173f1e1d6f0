"""A survey of 400 spectra and the release of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.vo_emline.candidates.conftest import score, write_survey
from vo_emline.candidates import Provenance, release_survey
from vo_emline.labels import LABELS


def rows(n: int = 400) -> list[dict[str, Any]]:
    """Scores of which few are positive; two neighbours are of one star."""
    random = np.random.default_rng(3)
    positive = np.where(random.uniform(size=n) < 0.2, random.beta(4, 1, n), random.beta(0.3, 6, n))
    double = positive * random.uniform(0, 0.6, n)
    made = []
    for number in range(n):
        chances = [1 - positive[number], positive[number] - double[number], double[number]]
        made.append(
            score(
                number,
                ra=(number // 2) * 0.7, dec=20.0, epoch_mjd=56000.0 + number % 2,
                label=LABELS[int(np.argmax(chances))],
                p_absorption=chances[0], p_emission=chances[1], p_double_peak=chances[2],
                score=positive[number], ew=random.normal(0, 4), ew_error=0.5,
                flags="line_unlike_training" if number % 40 == 7 else "",
            )
        )  # fmt: skip
    return made


@pytest.fixture(scope="session")
def survey(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_survey(tmp_path_factory.mktemp("labelling") / "survey", rows(), size=90)


@pytest.fixture(scope="session")
def release(survey: Path) -> Path:
    path = survey / "release.duckdb"
    release_survey(path, survey, provenance=Provenance(run_id="r", model_version="model-7"))
    return path

"""After a refinement only what can change is classified again, and the rows are those of a whole run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from vo_emline.errors import UserError
from vo_emline.rundir import DEFAULT_MODEL
from vo_emline.survey import Start, SurveyOptions, classify_survey, read_scores
from vo_emline.survey.rescoring import CHANGES, changes, count_changes, what_changed
from vo_emline.survey.synthetic import Synthetic, simulate_store
from vo_emline.training.classifier import Classifier, write_weights
from vo_emline.training.description import (
    REFINED_FROM,
    REFINED_PARTS,
    ModelDescription,
    add_part,
    read_arrays,
)


def refined(folder: Path, *, without: str = "") -> Path:
    """The model that ships with emission a little more probable, and all its parts but one."""
    model = Classifier.load(DEFAULT_MODEL)
    parts = {name: part.sha256 for name, part in model.description.parts.items()}
    origin = {REFINED_FROM: model.version, REFINED_PARTS: parts}
    update = {"training": {**model.description.training, **origin}}
    weights = {name: np.asarray(value) for name, value in model.parameters.items()}
    weights["output.bias"] = weights["output.bias"] + np.array([0.0, 3.0, 3.0], np.float32)
    write_weights(folder, weights, model.description.model_copy(update=update))
    for name, part in model.description.parts.items():
        if name != without:
            add_part(folder, name, read_arrays(DEFAULT_MODEL, part))
    return folder


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("store")
    simulate_store(folder, Synthetic(n=400, prevalence=0.1, shard_size=200, library_size=64), workers=1)
    return folder


@pytest.fixture(scope="module")
def before(store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("surveys") / "before"
    classify_survey([store], output, model=DEFAULT_MODEL, start=Start(place="here"))
    return output


def test_the_rows_are_those_of_a_whole_run_and_changes_are_told(
    store: Path, before: Path, tmp_path: Path
) -> None:
    model = refined(tmp_path / "model")
    whole, since = tmp_path / "whole", tmp_path / "since"
    classify_survey([store], whole, model=model, start=Start(place="here"))
    classify_survey([store], since, model=model, start=Start(since=before))
    assert read_scores(since).equals(read_scores(whole))
    screened = [("screened" in flags.split()) for flags in read_scores(before)["flags"].to_pylist()]
    assert 0 < sum(screened) < len(screened)
    changed = what_changed(before, since)
    assert count_changes(changed)["gained"] > 0
    assert count_changes(changed)["lost"] == 0
    labels = dict(zip(read_scores(before)["source"].to_pylist(), screened, strict=True))
    assert not any(labels[source] for source in changed["source"].to_pylist())


def test_where_any_score_may_change_that_is_said(store: Path, before: Path, tmp_path: Path) -> None:
    def refuse(model: Path, *, options: SurveyOptions | None = None) -> str:
        with pytest.raises(UserError) as refused:
            classify_survey(
                [store], tmp_path / "new", model=model, options=options, start=Start(since=before)
            )
        return str(refused.value)

    assert "any score may change: second-stage" in refuse(refined(tmp_path / "b", without="second-stage"))
    assert "any score may change: student" in refuse(refined(tmp_path / "c", without="student"))
    version = ModelDescription.read(DEFAULT_MODEL).version
    assert f"{version} was refined from none" in refuse(DEFAULT_MODEL)
    options = SurveyOptions(cascade=False)
    assert "different options" in refuse(refined(tmp_path / "d"), options=options)


def test_every_kind_of_change_is_told_the_greatest_first() -> None:
    def scores(labels: list[str], score: list[float], flags: list[str]) -> pa.Table:
        names = [str(number) for number in range(len(labels))]
        return pa.table(
            {"source": names, "publisher_did": names, "label": labels, "score": score, "flags": flags}
        )

    was = scores(
        ["absorption", "emission", "emission", "emission", "emission", "absorption"],
        [0.1, 0.9, 0.9, 0.7, 0.8, 0.2],
        ["", "low_snr", "", "low_snr uncertain", "", "screened"],
    )
    now = scores(
        ["emission", "absorption", "emission", "emission", "double-peak", "absorption"],
        [0.8, 0.0, 0.6, 0.9, 0.85, 0.21],
        ["", "", "uncertain", "", "", "screened"],
    )
    found = changes(was, now)
    assert found["change"].to_pylist() == ["lost", "gained", "unsure", "sure", "kind"]
    assert found["source"].to_pylist() == ["1", "0", "2", "3", "4"]
    assert count_changes(found) == dict.fromkeys(CHANGES, 1)

from __future__ import annotations

import pyarrow as pa
import pytest

from vo_emline.demo import judge


def survey(strong: int, missed: int, negatives: int, called: int) -> tuple[pa.Table, pa.Table]:
    """Scores and truth with so many strong emitters, some missed, and negatives, some called positive."""
    truth = [{"file": f"s{i}.fits", "label": "emission", "ew": -5.0, "snr": 50.0} for i in range(strong)]
    truth += [
        {"file": f"n{i}.fits.gz", "label": "absorption", "ew": 0.0, "snr": 50.0} for i in range(negatives)
    ]
    scores = [
        {"source": f"/x/s{i}.fits", "label": "absorption" if i < missed else "double-peak"}
        for i in range(strong)
    ]
    scores += [
        {"source": f"/x/n{i}.fits.gz", "label": "emission" if i < called else "absorption"}
        for i in range(negatives)
    ]
    return pa.Table.from_pylist(scores), pa.Table.from_pylist(truth)


@pytest.mark.parametrize(
    ("missed", "called", "passed"), [(0, 0, True), (2, 2, True), (3, 0, False), (0, 3, False)]
)
def test_nine_of_ten_strong_emitters_and_two_percent(missed: int, called: int, passed: bool) -> None:
    verdict = judge(*survey(20, missed, 100, called))
    assert verdict.passed is passed
    assert verdict.recovered["count"] == 20 - missed
    assert verdict.false_positives["count"] == called


def test_an_emitter_that_was_rejected_counts_as_missed() -> None:
    scores, truth = survey(10, 0, 50, 0)
    verdict = judge(scores.slice(3), truth)
    assert (verdict.recovered["count"], verdict.recovered["of"]) == (7, 10)


def test_nothing_to_find_is_no_success() -> None:
    assert not judge(*survey(0, 0, 50, 0)).passed

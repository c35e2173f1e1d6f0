from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from tests.vo_emline.evaluate.audit.conftest import InMemory
from vo_emline.errors import UserError
from vo_emline.evaluate.audit import allocate, draw, draw_rows, stratify


@pytest.fixture(scope="module")
def scores() -> InMemory:
    """Scores of a survey in which hardly anything shows emission."""
    random = np.random.default_rng(5)
    score = random.beta(0.08, 4.0, 20_000)
    label = np.where(score > 0.5, np.where(random.uniform(size=score.size) < 0.2, "double-peak", "emission"),
                     "absorption")  # fmt: skip
    return InMemory(
        pa.table(
            {
                "file": [f"survey/spec-{i:05d}_B.fits.gz" for i in range(score.size)],
                "publisher_did": [f"ivo://x/~?s/{i}" for i in range(score.size)],
                "label": label,
                "score": score,
            }
        )
    )


def test_strata_are_bins_of_score_and_predicted_class() -> None:
    stratum, names = stratify(np.array([0.001, 0.3, 0.3, 0.99, 1.0]), np.array([0, 0, 1, 1, 1], dtype=bool))
    assert names == ["negative 0-0.01", "negative 0.2-0.5", "positive 0.2-0.5", "positive 0.95-1"]
    assert stratum.tolist() == [0, 1, 2, 3, 3]


def test_optimal_allocation_goes_where_the_doubt_is() -> None:
    size = np.array([10_000, 10_000, 300])
    count = allocate(size, np.array([0.01, 0.5, 0.95]), 600)
    assert count.sum() == 600
    # Neyman: 10000·√(.01·.99) : 10000·√.25 : 300·√(.95·.05), twenty of each first
    assert count[1] / count[0] == pytest.approx(0.5 / 0.0995, rel=0.25)
    assert count[2] >= 20


def test_small_strata_are_labelled_whole_and_the_rest_goes_elsewhere() -> None:
    count = allocate(np.array([5, 1000, 1000]), np.array([0.5, 0.5, 0.5]), 305, allocation="equal")
    assert count.tolist() == [5, 150, 150]
    assert allocate(np.array([5, 7]), np.array([0.5, 0.5]), 100).tolist() == [5, 7]


def test_too_small_a_sample_is_refused() -> None:
    with pytest.raises(UserError, match="at least 4 spectra"):
        allocate(np.array([10, 10]), np.array([0.1, 0.9]), 3)


@pytest.mark.parametrize("allocation", ["optimal", "equal"])
def test_weights_add_up_to_the_catalogue(scores: InMemory, allocation: str) -> None:
    sample = draw(scores, 400, seed=1, allocation=allocation)  # type: ignore[arg-type]
    assert len(sample) == 400
    assert sum(sample["weight"].to_pylist()) == pytest.approx(len(scores))
    assert len(set(sample["file"].to_pylist())) == 400
    assert set(sample["label"].to_pylist()) == {""}
    assert "absorption" in sample["predicted"].to_pylist()
    assert sample["id"][0].as_py() == sample["file"][0].as_py().removeprefix("survey/").removesuffix(
        ".fits.gz"
    )


def test_one_seed_gives_one_sample(scores: InMemory) -> None:
    assert draw(scores, 200, seed=2).equals(draw(scores, 200, seed=2))
    assert not draw(scores, 200, seed=2).equals(draw(scores, 200, seed=3))


def test_the_order_does_not_tell_the_score(scores: InMemory) -> None:
    score = np.array(draw(scores, 400, seed=4)["score"])
    assert abs(np.corrcoef(score, np.arange(score.size))[0, 1]) < 0.15


def test_every_spectrum_of_a_stratum_is_as_likely(scores: InMemory) -> None:
    chosen = np.zeros(len(scores))
    for seed in range(60):
        chosen[draw_rows(scores, 200, seed=seed).rows] += 1
    score = np.array(scores.table["score"])
    stratum, _ = stratify(score, score > 0.5)
    largest = chosen[stratum == np.bincount(stratum).argmax()]
    half = largest.size // 2
    first, second = largest[:half].sum(), largest[half : 2 * half].sum()
    assert abs(first - second) < 4 * np.sqrt(first + second)


def test_nothing_can_be_drawn_from_nothing(scores: InMemory) -> None:
    with pytest.raises(UserError, match="no scores"):
        draw(InMemory(scores.table[:0]), 100, seed=1)


def test_what_is_read_in_batches_gives_the_same_sample(scores: InMemory) -> None:
    whole = draw_rows(scores, 300, seed=6)
    parts = draw_rows(InMemory(scores.table, batch=777), 300, seed=6)
    assert whole.rows.tolist() == parts.rows.tolist()
    score = np.array(scores.table["score"])
    stratum, names = stratify(score, score > 0.5)
    assert list(whole.names) == names
    assert stratum[whole.rows].tolist() == whole.stratum.tolist()
    assert np.bincount(whole.stratum).tolist() == whole.count.tolist()

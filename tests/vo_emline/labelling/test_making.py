"""Queues are drawn from surveys and releases, by all kinds, and come out the same again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest

from vo_emline.candidates.classified import Classified, open_release, open_survey
from vo_emline.errors import UserError
from vo_emline.evaluate.audit import draw
from vo_emline.labelling import Label, LabelLog, Queue, QueueItem, Queues
from vo_emline.labelling.making import KINDS, Kind, Making, make_queue, next_name
from vo_emline.labelling.pool import by_entropy, gather, scattered
from vo_emline.labelling.strategies import entropy


@pytest.fixture
def queues(tmp_path: Path) -> Queues:
    return Queues(LabelLog(tmp_path / "labels.sqlite"))


@contextmanager
def opened(path: Path) -> Iterator[Classified]:
    with open_release(path) if path.is_file() else open_survey(path) as catalogue:
        yield catalogue


def made(queues: Queues, path: Path, making: Making, name: str = "q") -> tuple[Queue, list[QueueItem]]:
    with opened(path) as catalogue:
        queue = make_queue(queues, catalogue, name, making)
    return queue, queues.items(name)


def says(did: str, profile: str, labeller: str = "ann") -> Label:
    return Label(publisher_did=did, labeller=labeller, profile=profile)


@pytest.mark.parametrize("source", ["survey", "release"])
def test_an_audit_is_the_sample_that_audit_draw_gives(
    queues: Queues, source: str, request: pytest.FixtureRequest
) -> None:
    path = request.getfixturevalue(source)
    queue, items = made(queues, path, Making(kind="audit", size=60, seed=5))
    with opened(path) as catalogue:
        sample = draw(catalogue, 60, seed=5).to_pylist()
        assert len(catalogue) == 400
    assert [(item.publisher_did, item.stratum, item.weight) for item in items] == [
        (row["publisher_did"], row["stratum"], row["weight"]) for row in sample
    ]
    assert sum(item.weight for item in items) == pytest.approx(400)
    assert (queue.kind, queue.size, queue.source) == ("audit", 60, str(path))
    assert queue.parameters["allocation"] == "optimal"


def test_one_seed_gives_one_queue_and_another_another(queues: Queues, survey: Path) -> None:
    for kind in ("random-positives", "mixed", "surprising"):
        making = Making(kind=kind, size=15, seed=2)
        first, again = (made(queues, survey, making, f"{kind}-{turn}")[1] for turn in range(2))
        assert first == again
    other = made(queues, survey, Making(kind="random-positives", size=15, seed=3), "other")[1]
    assert [item.publisher_did for item in other] != [
        item.publisher_did for item in queues.items("random-positives-0")
    ]


def test_the_uncertain_come_first_and_what_is_labelled_does_not_come(queues: Queues, release: Path) -> None:
    _, items = made(queues, release, Making(kind="uncertain", size=10))
    with duckdb.connect(str(release), read_only=True) as database:
        rows = database.sql(
            "SELECT obs_publisher_did, p_absorption, p_emission, p_double_peak FROM emline.scores"
        ).fetchall()
    doubt = entropy(np.array([row[1:] for row in rows]))
    order = [rows[row][0] for row in np.argsort(-doubt)]
    assert [item.publisher_did for item in items] == order[:10]
    labels = [says(did, "emission") for did in order[:5]]
    _, rest = made(queues, release, Making(kind="uncertain", size=10, labels=labels), "rest")
    assert [item.publisher_did for item in rest] == order[5:15]
    assert {item.reason for item in rest} == {"uncertain"}


def test_features_make_a_batch_of_unlike_spectra(queues: Queues, release: Path) -> None:
    def features(some: pa.Table) -> npt.NDArray[np.float64]:
        # two kinds: one spectrum that is the 60th most uncertain, and all others
        kind = np.zeros((len(some), 2))
        kind[60] = 50.0
        seen.append(some["publisher_did"][60].as_py())
        return kind + np.random.default_rng(1).normal(0, 0.01, kind.shape)

    seen: list[str] = []
    _, items = made(queues, release, Making(kind="uncertain", size=10, features=features))
    assert len(items) == 10
    assert seen[0] in [item.publisher_did for item in items]


def test_surprises_and_lines_unlike_those_of_training(queues: Queues, release: Path) -> None:
    _, items = made(queues, release, Making(kind="surprising", size=60))
    reasons = {item.reason for item in items}
    assert reasons == {"line_without_label", "label_without_line", "other_epoch"}
    for item in items:
        if item.reason == "line_without_label":
            assert item.predicted == "absorption"
        if item.reason == "label_without_line":
            assert item.predicted != "absorption"
    _, strange = made(queues, release, Making(kind="unlike-training", size=60), "strange")
    assert len(strange) == 10  # the flagged ones
    _, mixed = made(queues, release, Making(kind="mixed", size=30), "mixed")
    assert {"uncertain", "unlike_training", "line_without_label"} <= {item.reason for item in mixed}
    assert len({item.publisher_did for item in mixed}) == 30


def test_a_list_is_in_the_order_of_the_names(queues: Queues, survey: Path) -> None:
    names = ["spec-0003.fits.gz", "/mirror/plate-1/spec-0001.fits.gz", "gone.fits", "SPEC-0002"]
    queue, items = made(queues, survey, Making(kind="list", names=names, parameters={"adql": "SELECT 1"}))
    assert [Path(item.file).name[:9] for item in items] == ["spec-0003", "spec-0001", "spec-0002"]
    assert (queue.parameters["missing"], queue.parameters["adql"]) == (1, "SELECT 1")
    with pytest.raises(UserError, match=r"none of the 1 spectra named, such as gone\.fits"):
        made(queues, survey, Making(kind="list", names=["gone.fits"]), "none")


def test_what_people_do_not_agree_on(queues: Queues, survey: Path) -> None:
    _, items = made(queues, survey, Making(kind="random-positives", size=3), "some")
    dids = [item.publisher_did for item in items]
    labels = [
        says(dids[0], "emission"), says(dids[0], "nebular", "bob"),
        says(dids[1], "emission"), says(dids[1], "cannot-tell", "bob"),
        says(dids[2], "p-cygni"), says(dids[2], "p-cygni", "bob"),
        says("ivo://elsewhere/1", "emission"), says("ivo://elsewhere/1", "nebular", "bob"),
    ]  # fmt: skip
    _, disputed = made(queues, survey, Making(kind="disagreement", labels=labels))
    assert [item.publisher_did for item in disputed] == dids[:1]
    with pytest.raises(UserError, match="would be empty"):
        made(queues, survey, Making(kind="disagreement", labels=labels[:1]), "none")


def test_what_cannot_be_made_is_refused(queues: Queues, survey: Path) -> None:
    with pytest.raises(UserError, match="cannot name"):
        made(queues, survey, Making(kind="audit"), "no name")
    with pytest.raises(UserError, match="is none"):
        made(queues, survey, Making(kind="audit", size=0))
    with pytest.raises(UserError, match="strata need at least"):
        made(queues, survey, Making(kind="audit", size=5))
    assert queues.all() == []


def test_batches_do_not_change_what_is_kept(survey: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(survey) as catalogue:
        whole = gather(catalogue, {"doubt": by_entropy}, most=25, seed=1)
        monkeypatch.setattr("vo_emline.candidates.classified.BATCH", 17)
        parts = gather(catalogue, {"doubt": by_entropy}, most=25, seed=1)
    assert whole.tolist() == parts.tolist()
    assert whole.size == 25


def test_numbers_are_scattered_evenly() -> None:
    share = scattered(np.arange(100_000), 3).astype(np.float64) / 2**64
    assert np.histogram(share, bins=10, range=(0, 1))[0] == pytest.approx(10_000, rel=0.05)
    assert not np.array_equal(scattered(np.arange(5), 3), scattered(np.arange(5), 4))


def test_kinds_have_names_of_their_own() -> None:
    kinds: list[Kind] = list(KINDS)
    assert [next_name(kind, ["audit-1", "audit-12", "audit-x"]) for kind in kinds[:2]] == [
        "audit-13",
        "uncertain-1",
    ]

"""Queues hand out each spectrum to as many people as they want, in their order, and follow the log."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from vo_emline.errors import UserError
from vo_emline.labelling import Label, LabelLog, Progress, Queue, QueueItem, Queues
from vo_emline.labelling.database import LEASE_S

HOUR = 1_800_000_000.0


@pytest.fixture
def log(tmp_path: Path) -> LabelLog:
    return LabelLog(tmp_path / "labels.sqlite")


@pytest.fixture
def queues(log: LabelLog) -> Queues:
    return Queues(log)


def fill(queues: Queues, n: int = 6, *, overlap: int = 1, name: str = "q") -> list[str]:
    dids = [f"ivo://example/~?s/{index:04d}" for index in range(n)]
    items = [QueueItem(publisher_did=did) for did in dids]
    queues.add(Queue(name=name, kind="list", overlap=overlap), items)
    return dids


def label(did: str, labeller: str, profile: str = "emission") -> Label:
    return Label(publisher_did=did, labeller=labeller, profile=profile, queue="q")


def handed(queues: Queues, labeller: str, n: int, *, at: float = HOUR) -> list[str]:
    return [item.publisher_did[-1] for item in queues.claim("q", labeller, n, at=at)]


def test_a_queue_comes_back_as_it_was_made(queues: Queues) -> None:
    item = QueueItem(
        publisher_did="ivo://a", file="a.fits", reason="entropy 0.7", stratum="negative 0-0.01",
        stratum_size=900, weight=45.0, predicted="absorption", score=0.004,
    )  # fmt: skip
    made = Queue(name="audit.1", kind="audit", seed=7, source="r.duckdb", overlap=2, parameters={"size": 1})
    kept = queues.add(made, [item, replace(item, publisher_did="ivo://b", score=None)])
    assert kept.created
    assert replace(kept, created="", size=0) == made
    assert queues.all() == [kept] == [queues.get("audit.1")]
    assert queues.items("audit.1") == [item, replace(item, publisher_did="ivo://b", position=1, score=None)]


@pytest.mark.parametrize("name", ["", "a b", "../a", "a/b", "-a", "x" * 65])
def test_names_are_fit_for_addresses(queues: Queues, name: str) -> None:
    with pytest.raises(UserError, match="cannot name a queue"):
        fill(queues, name=name)


def test_what_cannot_be_a_queue_leaves_nothing(queues: Queues) -> None:
    fill(queues)
    with pytest.raises(UserError, match="already"):
        fill(queues)
    with pytest.raises(UserError, match="empty"):
        queues.add(Queue(name="none", kind="list"), [])
    with pytest.raises(UserError, match="twice"):
        queues.add(Queue(name="two", kind="list"), [QueueItem(publisher_did="ivo://a")] * 2)
    with pytest.raises(UserError, match="100"):
        fill(queues, name="many", overlap=0)
    assert [queue.name for queue in queues.all()] == ["q"]
    for ask in (queues.get, queues.items, queues.progress, queues.remove):
        with pytest.raises(UserError, match="no queue 'two'"):
            ask("two")


def test_two_people_get_different_spectra_until_the_lease_ends(queues: Queues) -> None:
    fill(queues)
    assert handed(queues, "ann", 2) == ["0", "1"]
    assert handed(queues, "bob", 3) == ["2", "3", "4"]
    assert handed(queues, "ann", 4) == ["0", "1", "5"]
    assert queues.progress("q", "ann", at=HOUR).held == 3
    later = HOUR + LEASE_S - 1
    assert handed(queues, "ann", 3, at=later) == ["0", "1", "5"]  # asking again renews
    assert handed(queues, "cid", 9, at=later + 2) == ["2", "3", "4"]
    assert handed(queues, "bob", 9, at=later + 2) == []


def test_overlap_shows_a_spectrum_to_several_but_never_twice_to_one(log: LabelLog, queues: Queues) -> None:
    dids = fill(queues, 2, overlap=2)
    assert handed(queues, "ann", 2) == handed(queues, "bob", 2) == ["0", "1"]
    assert handed(queues, "cid", 2) == []
    log.append([label(dids[0], "ann"), label(dids[0], "bob", "absorption"), label(dids[1], "ann")])
    assert handed(queues, "ann", 2) == []
    assert handed(queues, "cid", 2) == []
    assert handed(queues, "bob", 2) == ["1"]
    expected = Progress(size=2, labelled=1, started=2, mine=2, held=1, as_of=3)
    assert queues.progress("q", "ann", at=HOUR) == expected


def test_a_label_closes_and_undoing_gives_back_to_the_same_person(log: LabelLog, queues: Queues) -> None:
    dids = fill(queues, 3)
    queues.claim("q", "ann", 1)
    done = label(dids[0], "ann")
    log.append([done])
    log.append([done])
    assert queues.progress("q", "ann").labelled == 1
    assert [item.publisher_did for item in queues.claim("q", "ann", 1)] == [dids[1]]
    log.append([replace(done, label_id=str(uuid4()), profile="", undoes=done.label_id)])
    assert queues.progress("q", "ann").labelled == 0
    assert [item.publisher_did for item in queues.claim("q", "bob", 9)] == [dids[2]]
    assert [item.publisher_did for item in queues.claim("q", "ann", 9)] == dids[:2]


def test_labels_given_elsewhere_or_without_being_asked(log: LabelLog, queues: Queues) -> None:
    dids = fill(queues, 3)
    log.append([replace(label(dids[0], "ann"), label_id=str(uuid4()), queue="")])
    log.append([label(dids[1], "ann"), label("ivo://not/in/it", "ann")])
    assert handed(queues, "ann", 9) == ["0", "2"]


def test_what_is_skipped_comes_last_and_goes_to_others(queues: Queues) -> None:
    dids = fill(queues, 4)
    assert handed(queues, "ann", 2) == ["0", "1"]
    queues.skip("q", "ann", dids[0])
    queues.skip("q", "ann", dids[1])
    assert handed(queues, "ann", 3) == ["2", "3", "0"]
    assert handed(queues, "bob", 9) == ["1"]
    queues.release("q", "ann")
    queues.skip("q", "ann", dids[2])
    assert handed(queues, "ann", 9) == ["3", "0", "2"]


def test_a_queue_that_is_removed_leaves_its_labels(log: LabelLog, queues: Queues) -> None:
    dids = fill(queues)
    queues.claim("q", "ann", 2)
    log.append([label(dids[0], "ann")])
    queues.remove("q")
    assert queues.all() == []
    assert len(log.labels()) == 1
    fill(queues)  # its name is free again
    assert handed(queues, "bob", 1) == ["0"]


def test_many_at_once_share_a_queue_without_a_spectrum_twice(log: LabelLog, queues: Queues) -> None:
    fill(queues, 60)

    def work(name: str) -> list[str]:
        # every second one through a connection of its own, as another process has
        own = log if name < "c" else LabelLog(log.database.path)
        done: list[str] = []
        while items := Queues(own).claim("q", name, 3):
            own.append([label(item.publisher_did, name) for item in items[:2]])
            done += [item.publisher_did for item in items[:2]]
        return done

    with ThreadPoolExecutor(4) as pool:
        done = [did for part in pool.map(work, "abcd") for did in part]
    assert len(done) == len(set(done)) == 60
    assert len(log.current("q")) == 60
    assert queues.progress("q").labelled == 60
